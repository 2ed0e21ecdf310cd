"""Public copies: when there is one, who is sent to it, and what a crash leaves of it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import cast
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from autodj.audio.facts import DecodeLimits
from autodj.audio.sandbox import Sandbox
from autodj.cdn.signer import CloudFrontSigner
from autodj.db import (
    AnalysisState,
    Database,
    FileSource,
    PublicState,
    Track,
    Visibility,
    library,
    playables,
)
from autodj.db import public as public_rows
from autodj.db import tracks as track_rows
from autodj.errors import Conflict, NotFound, ObjectNotFound, StoreDenied
from autodj.jobs import Jobs
from autodj.storage.base import ObjectStat
from autodj.storage.keys import parse_key, track_key
from autodj.storage.local import LocalStorage
from autodj.tracks.deliver import link_for
from autodj.tracks.links import Links, Way
from autodj.tracks.policy import Policy
from autodj.tracks.reconcile import wake_misplaced
from autodj.tracks.sharing import share_track
from autodj.tracks.steps import Step, next_step
from autodj.tracks.work import Workbench, rest, work
from tests.builders import make_track, make_user

BYTES = b"what everybody may hear"
SHA256 = hashlib.sha256(BYTES).hexdigest()
POLICY = Policy(
    publish_to_s3=True, keep_local_s=0, lease_s=60, analysis_version=1, public_links=True
)
ORIGIN = "https://d1.cloudfront.net/"
PEM = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
LINKS = Links(
    public_url="http://127.0.0.1:8000",
    secret="q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf",
    ttl_s=3600,
    cdn=CloudFrontSigner("d1.cloudfront.net", "K2JCJMDEHXQW5F", PEM),
    s3=None,
    public_links=True,
)


on_sqlite = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)


class Killed(BaseException):
    """The process is gone: nothing of ours may catch this."""


def immortal(name: str) -> None:
    del name


@dataclass
class Fate:
    """Ends the process at effect number ``at``, counted from 0; None never."""

    at: int | None = None
    seen: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> None:
        self.seen.append(name)
        if len(self.seen) - 1 == self.at:
            raise Killed(name)


class Bucket(LocalStorage):
    """A directory as the bucket, with an effect before and after everything that it does."""

    fate: Callable[[str], None] = staticmethod(immortal)

    async def copy(self, source: str, target: str) -> ObjectStat:
        self.fate("copy")
        made = await super().copy(source, target)
        self.fate("copied")
        return made

    async def delete(self, key: str) -> None:
        self.fate("delete")
        await super().delete(key)
        self.fate("deleted")


class Rows(Database):
    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self.fate: Callable[[str], None] = immortal

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        async with super().transaction() as session:
            yield session
            self.fate("in transaction")
        self.fate("committed")


class Caches:
    """CloudFront's API, as far as it is used."""

    def __init__(self) -> None:
        self.fate: Callable[[str], None] = immortal
        self.forgotten: list[str] = []
        self.denied = False

    async def invalidate(self, key: str) -> None:
        self.fate("invalidate")
        if self.denied:
            raise StoreDenied("not allowed")
        self.forgotten.append(key)


@dataclass
class Stage:
    """One track on S3, and what its steps work with."""

    rows: Rows
    bucket: Bucket
    caches: Caches
    bench: Workbench
    track_id: UUID
    owner_id: UUID

    def live_by(self, fate: Callable[[str], None]) -> None:
        self.rows.fate = self.caches.fate = fate
        self.bucket.fate = fate

    async def row(self) -> Track:
        async with self.rows.transaction() as session:
            return await track_rows.get(session, self.track_id)

    async def become(self, visibility: Visibility) -> None:
        async with self.rows.transaction() as session:
            track = await track_rows.get_owned(session, self.track_id, self.owner_id, lock=True)
            library.correct(track, {"visibility": visibility}, now=await self.rows.now())

    async def rest(self) -> list[Step]:
        """Do what is due until nothing is."""
        done: list[Step] = []
        while step := next_step(await self.row(), self.bench.policy, await self.rows.now()):
            assert len(done) < 6, done
            done.append(step)
            await work(self.bench, self.track_id, step)
        row = await self.row()
        async with self.rows.transaction() as session:  # as reconcile does for a row that is due
            await rest(session, row, self.bench.policy, now=await self.rows.now())
        return done

    async def public_objects(self) -> list[str]:
        return [found.key async for found in self.bucket.list("public/")]

    async def require_sound(self) -> None:
        """Whoever asks now is sent to bytes that are there, and to public ones only if they
        are everybody's.
        """
        async with self.rows.reading() as connection:
            playable = await playables.playable(connection, self.track_id)
        link = await link_for(playable, LINKS, datetime.now().astimezone())
        key = link.url.removeprefix(ORIGIN).partition("?")[0]
        assert (await self.bucket.stat(key)).size_bytes == len(BYTES)
        if link.way is Way.PLAIN:
            assert playable.visibility is Visibility.PUBLIC
        else:
            assert key == playable.s3_object_key

    async def require_at_rest(self, visibility: Visibility) -> None:
        """Public means exactly one copy, which links lead to; private means none."""
        await self.require_sound()
        row, objects = await self.row(), await self.public_objects()
        assert row.next_attempt_at is None
        if visibility is Visibility.PUBLIC:
            assert (row.public_state, objects) == (PublicState.OPEN, [row.public_object_key])
        else:
            assert (row.public_state, row.public_object_key, objects) == (None, None, [])


@pytest.fixture
async def stage(db: Database, tmp_path: Path, jobs: Jobs) -> Stage:
    return await staged(db, tmp_path, jobs)


async def staged(db: Database, folder: Path, jobs: Jobs) -> Stage:
    """A private track of a new owner in a new bucket."""
    rows, bucket, caches = Rows(db.engine), Bucket(folder / str(uuid4())), Caches()
    owner, track_id = make_user(), uuid4()
    key = track_key(track_id, 1, SHA256, "mp3")
    await bucket.put(key, BYTES, sha256=SHA256, content_type="audio/mpeg")
    track = make_track(
        owner.id,
        id=track_id,
        file_source=FileSource.S3,
        file_path=None,
        s3_object_key=key,
        generation=1,
        sha256=SHA256,
        size_bytes=len(BYTES),
        analysis_state=AnalysisState.DONE,
        analysis_version=1,
    )
    async with rows.transaction() as session:
        session.add(owner)
        await session.flush()
        session.add(track)
    bench = Workbench(
        db=rows,
        local=LocalStorage(folder / "media"),
        s3=bucket,
        sandbox=cast("Sandbox", None),  # nothing is decoded here
        jobs=jobs,
        limits=DecodeLimits(),
        policy=POLICY,
        caches=caches,
    )
    return Stage(rows, bucket, caches, bench, track_id, owner.id)


@on_sqlite
async def test_a_public_track_is_copied_and_then_read_without_a_signature(stage: Stage) -> None:
    await stage.become(Visibility.PUBLIC)
    await stage.require_sound()
    assert await stage.rest() == [Step.SHARE]
    await stage.require_at_rest(Visibility.PUBLIC)
    parts = parse_key(str((await stage.row()).public_object_key))
    assert parts is not None
    assert (parts.track_id, parts.sha256) == (stage.track_id, SHA256)


@on_sqlite
async def test_a_private_track_is_signed_at_once_and_its_copy_is_gone_after_one_step(
    stage: Stage,
) -> None:
    await stage.become(Visibility.PUBLIC)
    await stage.rest()
    key = (await stage.row()).public_object_key
    await stage.become(Visibility.PRIVATE)
    await stage.require_sound()
    assert await stage.rest() == [Step.SHARE]
    await stage.require_at_rest(Visibility.PRIVATE)
    assert stage.caches.forgotten == [key]


@on_sqlite
async def test_a_change_of_visibility_makes_the_row_due_and_another_correction_does_not(
    stage: Stage,
) -> None:
    async with stage.rows.transaction() as session:
        track = await track_rows.get_owned(session, stage.track_id, stage.owner_id, lock=True)
        changes = {"title": "x", "visibility": "private"}
        library.correct(track, changes, now=await stage.rows.now())
    assert (await stage.row()).next_attempt_at is None
    await stage.become(Visibility.PUBLIC)
    assert (await stage.row()).next_attempt_at is not None


@on_sqlite
async def test_no_name_of_a_copy_is_used_twice(stage: Stage) -> None:
    keys = set()
    for _ in range(3):
        await stage.become(Visibility.PUBLIC)
        await stage.rest()
        keys.add((await stage.row()).public_object_key)
        await stage.become(Visibility.PRIVATE)
        await stage.rest()
    assert len(keys) == 3


@pytest.mark.parametrize("last", list(Visibility))
async def test_whatever_effect_a_worker_dies_at_readers_are_right_and_the_next_one_finishes(
    db: Database, tmp_path: Path, jobs: Jobs, last: Visibility
) -> None:
    died_at = set()
    for at in range(60):
        stage = await staged(db, tmp_path, jobs)
        if last is Visibility.PRIVATE:
            await stage.become(Visibility.PUBLIC)
            await stage.rest()
        await stage.become(last)
        fate = Fate(at)
        stage.live_by(fate)
        try:
            await work(stage.bench, stage.track_id, Step.SHARE)
        except Killed as killed:
            died_at.add(str(killed))
        else:
            break
        stage.live_by(immortal)
        await stage.require_sound()
        await stage.rest()
        await stage.require_at_rest(last)
    else:
        pytest.fail("the step never ended")
    wanted = (
        {"copy", "copied"} if last is Visibility.PUBLIC else {"delete", "deleted", "invalidate"}
    )
    assert died_at == wanted | {"in transaction", "committed"}


async def test_a_copy_that_was_taken_back_before_it_was_made_is_not_left(stage: Stage) -> None:
    await stage.become(Visibility.PUBLIC)

    class Slow(Bucket):
        async def copy(self, source: str, target: str) -> ObjectStat:
            await stage.become(Visibility.PRIVATE)
            assert await stage.rest() == [Step.SHARE]
            return await super().copy(source, target)

    slow = replace(stage.bench, s3=Slow(stage.bucket.root))
    await work(slow, stage.track_id, Step.SHARE)
    await stage.require_at_rest(Visibility.PRIVATE)


async def test_a_track_that_turns_private_while_it_is_copied_is_never_opened(
    stage: Stage,
) -> None:
    await stage.become(Visibility.PUBLIC)

    class Turning(Bucket):
        async def copy(self, source: str, target: str) -> ObjectStat:
            made = await super().copy(source, target)
            await stage.become(Visibility.PRIVATE)
            return made

    bucket = Turning(stage.bucket.root)
    with pytest.raises(Conflict):
        await share_track(stage.rows, bucket, stage.caches, POLICY, stage.track_id)
    await stage.require_sound()
    assert (await stage.row()).public_state is PublicState.MAKING
    assert await stage.rest() == [Step.SHARE]
    await stage.require_at_rest(Visibility.PRIVATE)


async def test_a_worker_that_wakes_late_opens_neither_its_own_copy_nor_that_of_another(
    stage: Stage,
) -> None:
    async def begun(token: str) -> Track:
        key = f"public/{stage.track_id}/{token * 32}-{SHA256}.mp3"
        now = await stage.rows.now()
        async with stage.rows.transaction() as session:
            row = await track_rows.get(session, stage.track_id)
            await public_rows.begin(session, row, key=key, now=now)
            return await track_rows.get(session, stage.track_id)

    await stage.become(Visibility.PUBLIC)
    late = await begun("a")
    await stage.become(Visibility.PRIVATE)
    await stage.rest()
    await stage.become(Visibility.PUBLIC)
    await begun("b")
    async with stage.rows.transaction() as session:
        with pytest.raises(Conflict):
            await public_rows.open_to_all(session, late, now=await stage.rows.now())
    assert (await stage.row()).public_state is PublicState.MAKING
    assert await stage.rest() == [Step.SHARE]
    assert "/" + "b" * 32 in str((await stage.row()).public_object_key)
    await stage.require_at_rest(Visibility.PUBLIC)


@on_sqlite
async def test_what_is_closing_is_not_opened_again_even_when_the_track_is_public_again(
    stage: Stage,
) -> None:
    await stage.become(Visibility.PUBLIC)
    await stage.rest()
    first = (await stage.row()).public_object_key
    await stage.become(Visibility.PRIVATE)
    stage.caches.denied = True
    await work(stage.bench, stage.track_id, Step.SHARE)
    row = await stage.row()
    assert (row.public_state, row.attempts, row.failure) == (
        PublicState.CLOSING, 1, "store_denied",
    )  # fmt: skip
    await stage.become(Visibility.PUBLIC)
    await stage.require_sound()
    stage.caches.denied = False
    assert await stage.rest() == [Step.SHARE, Step.SHARE]
    assert (await stage.row()).public_object_key != first
    await stage.require_at_rest(Visibility.PUBLIC)


@on_sqlite
async def test_deleting_a_public_track_removes_its_copy_from_the_store_and_the_caches(
    stage: Stage,
) -> None:
    await stage.become(Visibility.PUBLIC)
    await stage.rest()
    key = str((await stage.row()).public_object_key)
    async with stage.rows.transaction() as session:
        await track_rows.condemn(
            session, stage.track_id, stage.owner_id, now=await stage.rows.now()
        )
    await work(stage.bench, stage.track_id, Step.DELETE)
    with pytest.raises(NotFound):
        await stage.row()
    with pytest.raises(ObjectNotFound):
        await stage.bucket.stat(key)
    assert [found.key async for found in stage.bucket.list()] == []
    assert stage.caches.forgotten == [key]


async def test_switching_public_links_off_takes_every_copy_back_and_on_makes_them(
    stage: Stage,
) -> None:
    async def wake(wanted: bool) -> int:
        return await wake_misplaced(stage.rows, replace(POLICY, public_links=wanted))

    await stage.become(Visibility.PUBLIC)
    await stage.rest()
    assert await wake(wanted=True) == 0
    assert await wake(wanted=False) == 1
    on, stage.bench = stage.bench, replace(stage.bench, policy=replace(POLICY, public_links=False))
    assert await stage.rest() == [Step.SHARE]
    await stage.require_at_rest(Visibility.PRIVATE)
    assert await wake(wanted=False) == 0
    assert await wake(wanted=True) == 1
    stage.bench = on
    assert await stage.rest() == [Step.SHARE]
    await stage.require_at_rest(Visibility.PUBLIC)


@on_sqlite
async def test_the_sweep_knows_public_copies(stage: Stage) -> None:
    await stage.become(Visibility.PUBLIC)
    await stage.rest()
    key = str((await stage.row()).public_object_key)
    async with stage.rows.transaction() as session:
        assert await track_rows.known_keys(session, [key, "public/x"]) == {key}

"""A rendition's life as the workers drive it, on a real database, disk, S3 server and sandbox."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from autodj.audio.facts import ANALYSIS_VERSION
from autodj.audio.recipes import Made, RenditionName, Wishes
from autodj.audio.sandbox import Sandbox
from autodj.db import AnalysisState, FileSource, FileState, JobState, Rendition, playables
from autodj.db import jobs as job_rows
from autodj.db import renditions as rendition_rows
from autodj.db import tracks as track_rows
from autodj.db.ready import unpack
from autodj.errors import AudioRejected, DiskFull, NotFound, StoreTimeout
from autodj.storage.base import ObjectStat
from autodj.storage.keys import parse_key
from autodj.storage.s3 import S3Storage
from autodj.tracks.ingest import Ingested
from autodj.tracks.policy import NO_RENDITIONS
from autodj.tracks.reconcile import reconcile
from autodj.tracks.rendition_work import tend
from autodj.tracks.steps import MAX_ATTEMPTS, Step
from autodj.tracks.sweeping import sweep_orphans
from autodj.tracks.work import Workbench, rest, work
from tests.clips import make_clip
from tests.tracks.test_work import delete

TakeIn = Callable[..., Awaitable[Ingested]]
WISHES = Wishes(preview_s=2)
# The moves are the database's on both engines; what else happens does not depend on it.
on_sqlite = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)


@pytest.fixture(scope="session")
def aiff(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "beat.aiff", 4, bpm=120)


@pytest.fixture
def bench(bench: Workbench) -> Workbench:
    return replace(bench, policy=replace(bench.policy, wishes=WISHES))


@pytest.fixture
def here(bench: Workbench) -> Workbench:
    """A house without S3."""
    return replace(bench, s3=None, policy=replace(bench.policy, publish_to_s3=False))


async def rows(bench: Workbench, track_id: UUID) -> dict[str, Rendition]:
    async with bench.db.transaction() as session:
        return {row.name: row for row in await rendition_rows.of_track(session, track_id)}


async def planned(bench: Workbench, ingested: Ingested) -> dict[str, Rendition]:
    """The rows as the analysis leaves them, without one."""
    track_id = ingested.track.id
    facts: dict[str, object] = {
        "analysis_state": AnalysisState.DONE,
        "analysis_version": ANALYSIS_VERSION,
    }
    async with bench.db.transaction() as session:
        now = await bench.db.now()
        await track_rows.save_analysis(session, track_id, facts, now=now)
        await rendition_rows.want(session, track_id, list(RenditionName), now=now)
        track = await track_rows.get(session, track_id)
        await rest(session, track, bench.policy, now=now)
    return await rows(bench, track_id)


async def job_of(bench: Workbench, ingested: Ingested) -> JobState:
    assert ingested.job is not None
    async with bench.db.transaction() as session:
        return (await job_rows.get(session, ingested.job.id)).state


async def test_an_aiff_gets_its_three_renditions_and_they_go_to_s3(
    bench: Workbench, real_s3: S3Storage, take_in: TakeIn, aiff: Path
) -> None:
    ingested = await take_in(aiff)
    track_id = ingested.track.id
    await work(bench, track_id, Step.ANALYZE)
    planned = await rows(bench, track_id)
    assert set(planned) == set(RenditionName)
    assert {row.file_state for row in planned.values()} == {FileState.PENDING}
    for row in planned.values():
        await tend(bench, row.id)
    made = await rows(bench, track_id)
    for name, row in made.items():
        assert (row.file_state, row.file_source) == (FileState.STABLE, FileSource.S3)
        assert row.s3_object_key is not None
        parts = parse_key(row.s3_object_key)
        assert parts is not None
        assert (parts.track_id, parts.rendition, parts.generation) == (track_id, name, 2)
        async with real_s3.read(row.s3_object_key) as chunks:
            data = b"".join([chunk async for chunk in chunks])
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (row.sha256, row.size_bytes)
        assert row.next_attempt_at is None
    assert [made[name].codec for name in RenditionName] == ["aac", "flac", "aac"]
    assert made["preview"].duration_s == pytest.approx(2, abs=0.2)
    assert 0 < (made["preview"].start_offset_s or 0) < 4.1
    assert not [key async for key in bench.local.list("renditions/")]


async def test_delivery_reads_a_track_and_its_renditions_as_one_row(
    here: Workbench, take_in: TakeIn, aiff: Path
) -> None:
    ingested = await take_in(aiff)
    track_id = ingested.track.id
    await planned(here, ingested)
    async with here.db.reading() as connection:
        assert unpack((await playables.playable(connection, track_id)).renditions) == ()
    for row in (await rows(here, track_id)).values():
        await tend(here, row.id)
    made = await rows(here, track_id)
    async with here.db.reading() as connection:
        ready = unpack((await playables.playable(connection, track_id)).renditions)
    assert {each.name for each in ready} == set(RenditionName)
    for each in ready:
        for name in each.__slots__:
            expected = getattr(made[each.name], name)
            value = getattr(each, name)
            exact = not isinstance(value, float)
            assert value == (expected if exact else pytest.approx(expected, abs=1e-9)), name


@on_sqlite
async def test_a_flac_needs_none_when_it_is_short(
    here: Workbench, take_in: TakeIn, clip: Path
) -> None:
    bench = replace(here, policy=replace(here.policy, wishes=Wishes()))
    ingested = await take_in(clip)
    await work(bench, ingested.track.id, Step.ANALYZE)
    assert await rows(bench, ingested.track.id) == {}
    assert await job_of(bench, ingested) is JobState.DONE


async def test_a_tracks_job_ends_with_the_last_of_its_renditions(
    here: Workbench, take_in: TakeIn, aiff: Path
) -> None:
    ingested = await take_in(aiff)
    for row in (await planned(here, ingested)).values():
        assert await job_of(here, ingested) in {JobState.QUEUED, JobState.RUNNING}
        await tend(here, row.id)
    assert await job_of(here, ingested) is JobState.DONE


async def test_a_rendition_made_by_two_workers_at_once_is_kept_once(
    here: Workbench, take_in: TakeIn, aiff: Path
) -> None:
    ingested = await take_in(aiff)
    track_id = ingested.track.id
    row = (await planned(here, ingested))["lossless"]
    await asyncio.gather(tend(here, row.id), tend(here, row.id))
    await tend(here, row.id)
    kept = (await rows(here, track_id))["lossless"]
    assert (kept.file_state, kept.attempts) == (FileState.STABLE, 0)
    assert [found.key async for found in here.local.list("renditions/")] == [kept.file_path]


MADE: dict[str, object] = {
    "content_type": "audio/flac",
    "extension": "flac",
    "codec": "flac",
    "duration_s": 4.0,
    "start_offset_s": 0.0,
}


async def held_half(bench: Workbench, row: Rendition) -> tuple[str, Rendition]:
    """The row and its bytes as a worker leaves them that is stopped before it settles them."""
    digest = hashlib.sha256(b"half").hexdigest()
    path = f"renditions/{row.track_id}/{row.name}-1-{digest}.flac"
    facts = {**MADE, "sha256": digest, "size_bytes": 4}
    async with bench.db.transaction() as session:
        await rendition_rows.hold(session, row, facts, file_path=path, now=await bench.db.now())
        held = await rendition_rows.get(session, row.id)
    await bench.local.put(path, b"half", sha256=digest, content_type="audio/flac")
    return path, held


@on_sqlite
async def test_a_try_that_died_before_it_was_settled_leaves_nothing(
    here: Workbench, take_in: TakeIn, aiff: Path
) -> None:
    ingested = await take_in(aiff)
    track_id = ingested.track.id
    row = (await planned(here, ingested))["lossless"]
    await held_half(here, row)
    await tend(here, row.id)
    kept = (await rows(here, track_id))["lossless"]
    assert (kept.file_state, kept.generation) == (FileState.STABLE, 2)
    assert [found.key async for found in here.local.list("renditions/")] == [kept.file_path]


@on_sqlite
@pytest.mark.parametrize("outcome", ["made", "not needed", "rejected"])
async def test_who_is_late_takes_no_bytes_from_who_settled_before_him(
    here: Workbench, take_in: TakeIn, aiff: Path, outcome: str
) -> None:
    ingested = await take_in(aiff)
    row = (await planned(here, ingested))["lossless"]
    path, held = await held_half(here, row)

    class IsOvertaken(Sandbox):
        async def render(self, *given: object, **named: object) -> Made | None:
            async with here.db.transaction() as session:
                await rendition_rows.settle(session, held, now=await here.db.now())
            if outcome == "not needed":
                return None
            if outcome == "rejected":
                raise AudioRejected("undecodable")
            return await here.sandbox.render(*given, **named)  # type: ignore[arg-type]  # passed on

    await tend(replace(here, sandbox=IsOvertaken(1, 1.0, "none")), row.id)
    kept = (await rows(here, ingested.track.id))["lossless"]
    assert (kept.file_state, kept.generation, kept.file_path) == (FileState.STABLE, 1, path)
    assert [found.key async for found in here.local.list("renditions/")] == [path]


@on_sqlite
@pytest.mark.parametrize("outcome", ["not needed", "rejected"])
async def test_a_rendition_that_is_not_to_be_leaves_nothing_of_an_earlier_try(
    here: Workbench, take_in: TakeIn, aiff: Path, outcome: str
) -> None:
    ingested = await take_in(aiff)
    row = (await planned(here, ingested))["lossless"]
    await held_half(here, row)

    class Refuses(Sandbox):
        async def render(self, *_given: object, **_named: object) -> Made | None:
            if outcome == "rejected":
                raise AudioRejected("undecodable")
            return None

    await tend(replace(here, sandbox=Refuses(1, 1.0, "none")), row.id)
    left = (await rows(here, ingested.track.id)).get("lossless")
    assert left is None or (left.file_state, left.file_path) == (FileState.FAILED, None)
    assert (left is None) == (outcome == "not needed")
    assert [found.key async for found in here.local.list("renditions/")] == []


@on_sqlite
async def test_audio_that_cannot_be_rendered_fails_for_good_and_holds_nobody_up(
    here: Workbench, take_in: TakeIn, aiff: Path
) -> None:
    class Refuses(Sandbox):
        async def render(self, *_: object, **__: object) -> Made | None:
            raise AudioRejected("It stops in the middle.", code="truncated")

    refusing = replace(here, sandbox=Refuses(1, 1.0, "none"))
    ingested = await take_in(aiff)
    for row in (await planned(here, ingested)).values():
        await tend(refusing, row.id)
    for row in (await rows(here, ingested.track.id)).values():
        assert (row.file_state, row.failure) == (FileState.FAILED, "truncated")
        assert row.next_attempt_at is None
    assert await job_of(here, ingested) is JobState.DONE
    async with here.db.transaction() as session:
        again = await rendition_rows.want(
            session, ingested.track.id, list(RenditionName), now=await here.db.now()
        )
    assert len(again) == 3
    await tend(here, again[0].id)
    assert (await rows(here, ingested.track.id))[again[0].name].file_state is FileState.STABLE


@on_sqlite
async def test_a_full_disk_is_tried_again_later_and_the_job_does_not_wait(
    here: Workbench, take_in: TakeIn, aiff: Path
) -> None:
    class IsFull(Sandbox):
        async def render(self, *_: object, **__: object) -> Made | None:
            raise DiskFull

    full = replace(here, sandbox=IsFull(1, 1.0, "none"))
    ingested = await take_in(aiff)
    for row in (await planned(here, ingested)).values():
        await tend(full, row.id)
    for row in (await rows(here, ingested.track.id)).values():
        assert (row.file_state, row.failure, row.attempts) == (FileState.PENDING, "disk_full", 1)
        assert row.next_attempt_at is not None
    assert await job_of(here, ingested) is JobState.DONE
    await tend(here, row.id)
    assert (await rows(here, ingested.track.id))[row.name].failure is None


@on_sqlite
async def test_a_store_that_stays_away_is_given_up_and_the_rendition_stays_playable(
    bench: Workbench, take_in: TakeIn, aiff: Path
) -> None:
    class IsAway(S3Storage):
        async def put(self, *_: object, **__: object) -> ObjectStat:
            raise StoreTimeout

    assert isinstance(bench.s3, S3Storage)
    away = replace(bench, s3=IsAway(bench.s3._client, bench.s3._config))
    ingested = await take_in(aiff)
    track_id = ingested.track.id
    row = (await planned(bench, ingested))["lossless"]
    for _ in range(MAX_ATTEMPTS):
        await tend(away, row.id)
    row = (await rows(bench, track_id))["lossless"]
    assert (row.file_state, row.file_source) == (FileState.STABLE, FileSource.LOCAL)
    assert (row.failure, row.s3_object_key) == ("store_timeout", None)
    await tend(bench, row.id)
    row = (await rows(bench, track_id))["lossless"]
    assert (row.file_source, row.failure) == (FileSource.S3, None)


async def test_a_condemned_track_takes_its_renditions_with_it(
    bench: Workbench, real_s3: S3Storage, take_in: TakeIn, aiff: Path, owner_id: UUID
) -> None:
    ingested = await take_in(aiff)
    track_id = ingested.track.id
    row = (await planned(bench, ingested))["lossless"]
    await tend(bench, row.id)
    async with bench.db.transaction() as session:
        await track_rows.condemn(session, track_id, owner_id, now=await bench.db.now())
    await work(bench, track_id, Step.DELETE)
    with pytest.raises(NotFound):
        async with bench.db.transaction() as session:
            await track_rows.get(session, track_id)
    assert await rows(bench, track_id) == {}
    assert [found.key async for found in real_s3.list(f"renditions/{track_id}/")] == []
    assert [found.key async for found in bench.local.list()] == []


async def test_a_track_that_goes_while_there_is_no_s3_is_remembered_until_its_objects_are_gone(
    bench: Workbench,
    here: Workbench,
    real_s3: S3Storage,
    take_in: TakeIn,
    aiff: Path,
    owner_id: UUID,
) -> None:
    ingested = await take_in(aiff)
    track_id = ingested.track.id
    for row in (await planned(bench, ingested)).values():
        await tend(bench, row.id)
    await work(bench, track_id, Step.PUBLISH)
    prefixes = [f"{kind}/{track_id}/" for kind in ("tracks", "renditions")]
    stored = [[found.key async for found in real_s3.list(prefix)] for prefix in prefixes]
    assert all(stored)

    await delete(here, track_id, owner_id)

    assert [found.key async for found in bench.local.list()] == []
    async with bench.db.transaction() as session:
        track = await track_rows.get(session, track_id)
        assert ingested.job is not None
        job = await job_rows.get(session, ingested.job.id)
    assert (track.file_state, track.failure) == (FileState.DELETING, "source_unreadable")
    assert track.next_attempt_at is not None
    assert job.state.is_over
    await work(bench, track_id, Step.DELETE)
    with pytest.raises(NotFound):
        async with bench.db.transaction() as session:
            await track_rows.get(session, track_id)
    assert await rows(bench, track_id) == {}
    for prefix in prefixes:
        assert [found.key async for found in real_s3.list(prefix)] == []


@on_sqlite
async def test_a_rendition_that_is_done_after_its_track_was_condemned_is_not_kept(
    here: Workbench, take_in: TakeIn, aiff: Path, owner_id: UUID
) -> None:
    ingested = await take_in(aiff)
    track_id = ingested.track.id
    row = (await planned(here, ingested))["lossless"]

    class IsSlow(Sandbox):
        async def render(self, *given: object, **named: object) -> Made | None:
            made = await here.sandbox.render(*given, **named)  # type: ignore[arg-type]  # passed on
            async with here.db.transaction() as session:
                await track_rows.condemn(session, track_id, owner_id, now=await here.db.now())
            await work(here, track_id, Step.DELETE)
            return made

    await tend(replace(here, sandbox=IsSlow(1, 1.0, "none")), row.id)
    assert await rows(here, track_id) == {}
    assert [found.key async for found in here.local.list()] == []
    assert list((here.local.root / ".incoming").iterdir()) == []


async def test_due_renditions_are_sent_once_for_each_lease_and_the_sweep_knows_them(
    here: Workbench, take_in: TakeIn, aiff: Path
) -> None:
    ingested = await take_in(aiff)
    row = (await planned(here, ingested))["preview"]
    await tend(here, row.id)
    first = await reconcile(here.db, here.local, here.jobs, here.policy)
    again = await reconcile(here.db, here.local, here.jobs, here.policy)
    assert (first.renditions_sent, again.renditions_sent) == (2, 0)
    later = await here.db.now() + timedelta(days=1)
    assert await sweep_orphans(here.db, here.local, before=later) == 0


@on_sqlite
async def test_a_rendition_of_a_track_that_lives_on_s3_only_is_made_from_there(
    bench: Workbench, take_in: TakeIn, aiff: Path
) -> None:
    plain = replace(bench, policy=replace(bench.policy, wishes=NO_RENDITIONS))
    track_id = (await take_in(aiff)).track.id
    for step in (Step.ANALYZE, Step.PUBLISH, Step.CLEAN):
        await work(plain, track_id, step)
    assert await rows(bench, track_id) == {}
    async with bench.db.transaction() as session:
        [row] = await rendition_rows.want(
            session, track_id, [RenditionName.PREVIEW], now=await bench.db.now()
        )
    await tend(bench, row.id)
    assert (await rows(bench, track_id))["preview"].file_source is FileSource.S3
    assert [key async for key in bench.local.list("renditions/")] == []
    assert list((bench.local.root / ".incoming").iterdir()) == []


@on_sqlite
async def test_a_rendition_whose_track_is_deleted_while_it_is_uploaded_leaves_no_object(
    bench: Workbench, real_s3: S3Storage, take_in: TakeIn, aiff: Path, owner_id: UUID
) -> None:
    ingested = await take_in(aiff)
    row = (await planned(bench, ingested))["lossless"]

    class Slow(S3Storage):
        async def put(self, key: str, source: Path | bytes, **told: Any) -> ObjectStat:
            content = source if isinstance(source, bytes) else source.read_bytes()
            await delete(bench, ingested.track.id, owner_id)
            return await super().put(key, content, **told)

    slow = Slow(real_s3._client, real_s3._config)
    await tend(replace(bench, s3=slow), row.id)
    left = [found.key async for found in real_s3.list(f"renditions/{ingested.track.id}/")]
    assert left == []

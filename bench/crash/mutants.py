"""autodj with one rule broken at a time. Each must turn a run red, or the run proves nothing.

A mutant replaces functions in the processes that are about to be killed, and lets them die
where its mistake hurts. The product has no switch for any of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from secrets import token_hex
from types import ModuleType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Update, update
from sqlmodel import col

from autodj.db import Database, FileSource, FileState, Track, moves
from autodj.db import public as public_rows
from autodj.db import tracks as track_rows
from autodj.db.moves import FileRow
from autodj.errors import Conflict
from autodj.jobs import Jobs
from autodj.storage.base import Storage
from autodj.storage.keys import public_key, track_key
from autodj.storage.local import LocalStorage
from autodj.tracks import ingest as ingesting
from autodj.tracks import publish as publishing
from autodj.tracks import reconcile as reconciling
from autodj.tracks import sharing
from autodj.tracks import work as working
from autodj.tracks.ingest import Along, Incoming, Ingested
from autodj.tracks.policy import Policy
from bench.crash import actors
from bench.crash.fates import Draw, Fate, any_fate

Replacement = tuple[ModuleType, str, Any]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken rule, and the fates of its web and worker processes: any, if none are given."""

    name: str
    replaced: Sequence[Replacement]
    web: Sequence[Fate] = ()
    worker: Sequence[Fate] = ()
    backlog: int = 20
    impatience: float = 0.1
    turns: float = 0

    def change(self) -> None:
        """Break the rule in this process."""
        for module, name, mutation in self.replaced:
            assert hasattr(module, name)
            setattr(module, name, mutation)

    def draw(self) -> Draw:
        """The fates of one run: each role goes through its own again and again."""
        rounds = {"web": cycle(self.web), "worker": cycle(self.worker)}
        return lambda chance, role: next(rounds[role], None) or any_fate(chance, role)


async def upload_only(
    local: LocalStorage, s3: Storage, track: Track, hear: Callable[[float], None] | None = None
) -> None:
    del hear
    assert track.file_path is not None
    assert track.s3_object_key is not None
    await s3.put(
        track.s3_object_key,
        local.path(track.file_path),
        sha256=track.sha256,
        content_type=track.content_type,
    )


async def flip_first(
    db: Database, local: LocalStorage, s3: Storage, policy: Policy, track_id: UUID
) -> None:
    track = await _reserved(db, track_id)
    if track.file_state is FileState.COPYING:
        await publishing.flip(db, track, policy)
        await publishing.upload(local, s3, track)


async def delete_first(
    db: Database, local: LocalStorage, s3: Storage, policy: Policy, track_id: UUID
) -> None:
    track = await _reserved(db, track_id)
    if track.file_state is FileState.COPYING:
        await publishing.upload(local, s3, track)
        await local.delete(str(track.file_path))
        await publishing.flip(db, track, policy)


async def settle_first(
    db: Database,
    local: LocalStorage,
    jobs: Jobs,
    track: Track,
    incoming: Incoming,
    picture: bytes | None,
    along: Along,
) -> Ingested:
    del jobs, picture
    assert track.file_path is not None
    async with db.transaction() as session:
        session.add(track)
    settled = await ingesting._settle(db, track, along)  # noqa: SLF001 - the order is what is broken
    await local.adopt(
        track.file_path, incoming.path, sha256=incoming.sha256, size_bytes=incoming.size_bytes
    )
    return settled


async def reserve_same_key(db: Database, track: Track) -> Track:
    """One key for all generations, and a number that does not grow."""
    key = track_key(track.id, 1, track.sha256, track.extension)
    taken = update(Track).where(
        col(Track.id) == track.id, col(Track.file_state) == track.file_state
    )
    async with db.transaction() as session:
        await session.execute(taken.values(file_state=FileState.COPYING, s3_object_key=key))
        return await track_rows.get(session, track.id)


def whatever_the_row_says(row: FileRow, state: FileState) -> Update:
    del state
    table = type(row)
    return update(table).where(col(table.id) == row.id)


async def discard_bytes_first(db: Database, local: LocalStorage, track: Track) -> None:
    for key in (track.file_path, track.cover_key):
        if key is not None:
            await local.delete(key)
    async with db.transaction() as session:
        if (await track_rows.get(session, track.id)).file_source is None:
            with suppress(Conflict):
                await track_rows.give_up_pending(session, track.id, now=track.created_at)
            await track_rows.erase(session, track.id)


async def open_first(db: Database, s3: Storage, track: Track) -> None:
    now = await db.now()
    key = public_key(track.id, token_hex(16), track.sha256, track.extension)
    async with db.transaction() as session:
        await public_rows.begin(session, track, key=key, now=now)
        await public_rows.open_to_all(session, await track_rows.get(session, track.id), now=now)
    assert track.s3_object_key is not None
    await s3.copy(track.s3_object_key, key)


async def _reserved(db: Database, track_id: UUID) -> Track:
    async with db.transaction() as session:
        track = await track_rows.get(session, track_id)
    if track.file_state is FileState.STABLE and track.file_source is FileSource.LOCAL:
        return await publishing.reserve(db, track)
    return track


LONG: Final = Fate(500)
MUTANTS: Final = (
    Mutant("skip verify", [(publishing, "upload", upload_only)], web=[LONG], worker=[LONG]),
    Mutant("flip first", [(working, "publish_track", flip_first)], worker=[Fate(1, "s3.put")]),
    Mutant(
        "delete source first",
        [(working, "publish_track", delete_first)],
        worker=[Fate(1, "local.deleted")],
    ),
    Mutant(
        "settle before bytes",
        [(ingesting, "_keep", settle_first)],
        web=[Fate(at, "local.rename") for at in (1, 2, 3)],
    ),
    Mutant(
        "no generation",
        [(module, "reserve", reserve_same_key) for module in (publishing, actors)],
        web=[LONG],
        worker=[Fate(1, "s3.delete", paused_s=0.3, paused_kills=1, haunts_s=2), Fate(150)],
        backlog=2,
        impatience=0.3,
    ),
    Mutant(
        "no compare-and-set",
        [(moves, "at", whatever_the_row_says)],
        web=[LONG],
        worker=[
            Fate(1, "s3.verified", paused_s=0.3, paused_kills=5, haunts_s=2),
            *[Fate(1, "s3.put")] * 6,
        ],
        backlog=0,
        impatience=0.8,
    ),
    Mutant(
        "open before the copy",
        [(sharing, "_make", open_first)],
        web=[LONG],
        worker=[Fate(1, "s3.copy")],
        turns=1,
    ),
    Mutant(
        "discard bytes before the row",
        [(module, "discard", discard_bytes_first) for module in (ingesting, reconciling)],
        web=[Fate(3, "db.begin", paused_s=0.5, paused_kills=1, haunts_s=5)],
        worker=[Fate(1, "local.deleted")],
        backlog=0,
    ),
)

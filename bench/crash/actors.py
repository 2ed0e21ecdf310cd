"""What the processes do until they are killed, and what heals the rest afterwards."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from autodj.audio.facts import DecodeLimits
from autodj.db import FileSource, FileState, Track, Visibility, library
from autodj.db import tracks as track_rows
from autodj.errors import AutodjError
from autodj.tracks.ingest import Incoming, ingest
from autodj.tracks.landing import Landing
from autodj.tracks.publish import give_up, reserve
from autodj.tracks.reconcile import drop_dead_ingests, reconcile
from autodj.tracks.steps import Step
from autodj.tracks.sweeping import ORPHAN_AGE_S, sweep_orphans
from autodj.tracks.work import work
from bench.crash import fates
from bench.crash.arena import PENDING_LIFE, POLICY, Arena, Parts
from bench.crash.clips import make_clip
from bench.crash.history import History, read_history

LIVES: Final = 1000
"""The clips that one web process may make before its numbers meet its successor's."""
IDLE_S: Final = 0.02
MAX_PASSES: Final = 60
A_DAY_AND_MORE: Final = timedelta(hours=25)


async def web(
    arena: Arena, parts: Parts, history: History, step: fates.Step, chance: Random, life: int
) -> None:
    """Take in clip after clip; write down each one that was acknowledged, afterwards.

    The first is often the one at which an earlier process died: clients try again. Now and
    then a track is deleted.
    """
    acked: list[UUID] = []
    for number in [*_tried_last(arena, chance), *range(life * LIVES, (life + 1) * LIVES)]:
        step("web.receives")
        history.add("try", number=number)
        try:
            await _room(arena, parts)
            track_id, sha256 = await take_in(arena, parts, number)
        except AutodjError as error:
            history.add("refused", number=number, code=error.code)
            continue
        step("web.answers")
        history.add("ack", id=track_id, sha256=sha256)
        acked.append(track_id)
        if len(acked) > 1 and chance.random() < 0.15:  # but not the newest, of which we know least
            await _delete(arena, parts, history, acked.pop(chance.randrange(len(acked) - 1)))
        if arena.turns and chance.random() < arena.turns:
            await _turn(arena, parts, acked[chance.randrange(len(acked))])


async def take_in(arena: Arena, parts: Parts, number: int) -> tuple[UUID, str]:
    """Receive the clip as the API does, and ingest it; the track's id and hash."""
    path = parts.local.incoming()
    with Landing(path, max_bytes=1 << 20) as landing:
        await landing.write(make_clip(number))
        landed = await landing.finish()
    ingested = await ingest(
        parts.db,
        parts.local,
        parts.bench.sandbox,
        parts.jobs,
        DecodeLimits(),
        owner_id=arena.owner_id,
        incoming=Incoming(path, landed.sha256, landed.size_bytes, name=f"{number}.wav"),
    )
    return ingested.track.id, landed.sha256


async def worker(arena: Arena, parts: Parts, chance: Random) -> None:
    """Claim what is due and do it, step by step, for ever."""
    while True:
        try:
            await _shift(arena, parts, chance)
        except AutodjError:  # the database was busy; the row is still there
            await asyncio.sleep(IDLE_S)


async def _shift(arena: Arena, parts: Parts, chance: Random) -> None:
    now = await parts.db.now()
    await drop_dead_ingests(parts.db, parts.local, before=now - PENDING_LIFE)
    await reconcile(parts.db, parts.local, parts.jobs, POLICY)
    if not parts.jobs.steps:
        await asyncio.sleep(IDLE_S)
    while parts.jobs.steps:
        step, track_id = parts.jobs.steps.popleft()
        if step is Step.PUBLISH and chance.random() < arena.impatience:
            await _give_up(parts, track_id)
        else:
            await work(parts.bench, track_id, step)


async def _give_up(parts: Parts, track_id: UUID) -> None:
    """As a worker does whose uploads have failed too often."""
    async with parts.db.transaction() as session:
        track = await track_rows.get(session, track_id)
    if track.file_state is FileState.STABLE and track.file_source is FileSource.LOCAL:
        await reserve(parts.db, track)
    await give_up(parts.db, parts.s3, track_id, "store_timeout")


async def recover(parts: Parts) -> int:
    """Work until nothing is due, then sweep, with the clock moved on; how much was swept.

    A fault that no number of passes mends is left for the check to find.
    """
    for _ in range(MAX_PASSES):
        parts.db.ahead += timedelta(hours=2)
        await drop_dead_ingests(parts.db, parts.local, before=await parts.db.now())
        await reconcile(parts.db, parts.local, parts.jobs, POLICY)
        while parts.jobs.steps:
            step, track_id = parts.jobs.steps.popleft()
            await work(parts.bench, track_id, step)
        if not await _due(parts):
            break
    return await _sweep(parts)


async def _sweep(parts: Parts) -> int:
    later = datetime.now(UTC) + A_DAY_AND_MORE
    before = later - timedelta(seconds=ORPHAN_AGE_S)
    swept = await sweep_orphans(parts.db, parts.local, before=before, source=FileSource.LOCAL)
    swept += await sweep_orphans(parts.db, parts.s3, before=before, source=FileSource.S3)
    younger_s = ORPHAN_AGE_S - A_DAY_AND_MORE.total_seconds()
    return swept + await parts.local.sweep_incoming(younger_s)


async def _delete(arena: Arena, parts: Parts, history: History, track_id: UUID) -> None:
    history.add("condemn", id=track_id)
    now = await parts.db.now()
    try:
        async with parts.db.transaction() as session:
            await track_rows.condemn(session, track_id, arena.owner_id, now=now)
    except AutodjError:  # deleted before, under its other acknowledgement; or nobody answers
        return
    history.add("condemned", id=track_id)


async def _turn(arena: Arena, parts: Parts, track_id: UUID) -> None:
    """Show to everybody what was private, and the other way round, as its owner may."""
    now = await parts.db.now()
    with suppress(AutodjError):  # deleted under its other acknowledgement; or nobody answers
        async with parts.db.transaction() as session:
            row = await track_rows.get_owned(session, track_id, arena.owner_id, lock=True)
            public = row.visibility is Visibility.PUBLIC
            change = {"visibility": Visibility.PRIVATE if public else Visibility.PUBLIC}
            library.correct(row, change, now=now)


async def _room(arena: Arena, parts: Parts) -> None:
    """Wait until the worker has caught up; nothing here is a step."""
    while True:
        if await _due(parts) <= arena.backlog:
            return
        await asyncio.sleep(IDLE_S)


async def _due(parts: Parts) -> int:
    """How many tracks still want something."""
    waiting = select(func.count()).where(
        col(Track.next_attempt_at).is_not(None) | (col(Track.file_state) == FileState.PENDING)
    )
    async with parts.db.reading() as connection:
        return (await connection.execute(waiting)).scalar_one()


def _tried_last(arena: Arena, chance: Random) -> list[int]:
    tried = [line["number"] for line in read_history(arena.history) if line["did"] == "try"]
    return tried[-1:] if chance.random() < 0.5 else []

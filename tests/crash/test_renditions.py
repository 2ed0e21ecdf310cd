"""A worker that tends a rendition dies at each of its steps in turn; nothing is lost by it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from autodj.audio.identify import Container
from autodj.audio.recipes import Made, Recipe, RenditionName, Wishes
from autodj.db import FileSource, FileState, JobState, Rendition
from autodj.db import renditions as rendition_rows
from autodj.db import tracks as track_rows
from autodj.jobs import Jobs
from autodj.storage.base import Storage
from autodj.tracks.policy import Policy
from autodj.tracks.reconcile import reconcile
from autodj.tracks.rendition_work import tend
from autodj.tracks.steps import Step
from autodj.tracks.sweeping import sweep_orphans
from autodj.tracks.work import Workbench, work
from bench.crash.actors import take_in
from bench.crash.arena import NO_BROKER, POLICY, Arena, Parts, open_parts
from bench.crash.clips import SHAPES, FixedSandbox
from tests.crash.test_recovery import job_states

WITH_RENDITIONS: Policy = replace(POLICY, wishes=Wishes(preview_s=0))
MOST_STEPS = 200
MOST_ROUNDS = 5


class Died(BaseException):
    """No handler of ours may catch it, as none survives a kill."""


class Renders(FixedSandbox):
    """Makes a rendition at once."""

    async def render(
        self,
        path: Path,
        container: Container,
        recipe: Recipe,
        output: Path,
        *_: object,
        **__: object,
    ) -> Made | None:
        output.write_bytes(b"a rendition")
        return Made("flac", 16000, 1, 128_000, 0.5, 0.0)


class Unsent(Jobs):
    """A broker that loses every message and knows of no worker; the rows are the queue."""

    async def _send(self, name: str, subject: UUID | int, generation: int) -> None:
        del name, subject, generation

    async def release(self, name: str, subject: UUID | int, generation: int) -> None:
        del name, subject, generation


UNSENT = Unsent(NO_BROKER, "crash")


class Fate:
    """Counts the steps, and dies at one of them."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.steps = 0
        self.dies_at = dies_at

    def __call__(self, _name: str) -> None:
        self.steps += 1
        if self.steps == self.dies_at:
            raise Died


def bench_of(parts: Parts) -> Workbench:
    return replace(parts.bench, policy=WITH_RENDITIONS, sandbox=Renders(), jobs=UNSENT)


async def planned(arena: Arena, parts: Parts, number: int = 0) -> tuple[UUID, UUID]:
    """A track that is analysed, with a rendition still to be made."""
    track_id, _ = await take_in(arena, parts, number)
    await work(bench_of(parts), track_id, Step.ANALYZE)
    async with parts.db.transaction() as session:
        [row] = await rendition_rows.of_track(session, track_id)
    assert (row.name, row.file_state) == (RenditionName.PLAYBACK, FileState.PENDING)
    return track_id, row.id


async def row_of(parts: Parts, rendition_id: UUID) -> Rendition:
    async with parts.db.transaction() as session:
        return await rendition_rows.get(session, rendition_id)


async def recovered(parts: Parts, rendition_ids: list[UUID]) -> list[Rendition]:
    """The rows when nothing is left to do, the clock moved on; each is on S3, and whole."""
    for _ in range(MOST_ROUNDS):
        parts.db.ahead += timedelta(hours=2)
        await reconcile(parts.db, parts.local, UNSENT, WITH_RENDITIONS)
        for rendition_id in rendition_ids:
            await tend(bench_of(parts), rendition_id)
        rows = [await row_of(parts, rendition_id) for rendition_id in rendition_ids]
        if all(row.next_attempt_at is None for row in rows):
            break
    digest = hashlib.sha256(b"a rendition").hexdigest()
    for row in rows:
        assert (row.file_state, row.file_source) == (FileState.STABLE, FileSource.S3)
        await parts.s3.verify(str(row.s3_object_key), sha256=digest, size_bytes=row.size_bytes or 0)
    return rows


async def keys(store: Storage) -> AsyncIterator[str]:
    async for found in store.list("renditions/"):
        yield found.key


async def count_steps(arena: Arena) -> tuple[int, UUID]:
    """How many steps there are in tending a rendition once, from its making to S3."""
    fate = Fate()
    async with open_parts(arena, fate, None) as parts:
        _, rendition_id = await planned(arena, parts)
        fate.steps = 0
        await tend(bench_of(parts), rendition_id)
        return fate.steps, rendition_id


async def test_wherever_a_worker_dies_the_rendition_is_made_once_and_nothing_is_left(
    arena: Arena, parts: Parts
) -> None:
    steps, first = await count_steps(arena)
    assert 15 < steps < MOST_STEPS
    made = [first]
    died = 0
    for dies_at in range(1, steps + 1):
        _, rendition_id = await planned(arena, parts, SHAPES * dies_at)
        made.append(rendition_id)
        async with open_parts(arena, Fate(dies_at), None) as mortal:
            try:
                await tend(bench_of(mortal), rendition_id)
            except Died:
                died += 1
    assert died == steps
    kept = {row.s3_object_key for row in await recovered(parts, made)}
    later = await parts.db.now() + timedelta(days=30)
    for store in (parts.local, parts.s3):
        await sweep_orphans(parts.db, store, before=later)
    assert [key async for key in keys(parts.local)] == []
    assert {key async for key in keys(parts.s3)} == kept


async def test_a_worker_that_dies_making_the_last_rendition_leaves_no_job_running(
    arena: Arena, parts: Parts
) -> None:
    track_id, rendition_id = await planned(arena, parts)
    for step in (Step.PUBLISH, Step.CLEAN):
        parts.db.ahead += timedelta(hours=1)
        await work(bench_of(parts), track_id, step)
    assert await job_states(parts) == {JobState.RUNNING}
    await tend(bench_of(parts), rendition_id)
    assert await job_states(parts) == {JobState.DONE}


@pytest.mark.parametrize("dies_at", [1, 3, 5])
async def test_a_track_is_deleted_with_its_renditions_wherever_a_worker_dies(
    arena: Arena, parts: Parts, dies_at: int
) -> None:
    track_id, rendition_id = await planned(arena, parts)
    await tend(bench_of(parts), rendition_id)
    async with parts.db.transaction() as session:
        now = await parts.db.now()
        await track_rows.condemn(session, track_id, arena.owner_id, now=now)
    async with open_parts(arena, fate := Fate(), None) as mortal:
        fate.dies_at = dies_at
        with pytest.raises(Died):
            await work(bench_of(mortal), track_id, Step.DELETE)
    await work(bench_of(parts), track_id, Step.DELETE)
    assert [key async for key in keys(parts.local)] == []
    assert [key async for key in keys(parts.s3)] == []
    async with parts.db.transaction() as session:
        assert await rendition_rows.of_track(session, track_id) == []

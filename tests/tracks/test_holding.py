"""What a worker is at is sent to nobody else while that worker lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from autodj.audio.sandbox import Sandbox
from autodj.db import Database, Job, JobKind, Rendition, Session, Track
from autodj.db import jobs as job_rows
from autodj.db import renditions as rendition_rows
from autodj.db.due import Queued
from autodj.db.types import RenditionName
from autodj.errors import DatabaseUnavailable
from autodj.tracks import holding, rendition_work
from autodj.tracks.holding import HOLD_S, held
from autodj.tracks.ingest import Ingested
from autodj.tracks.reconcile import reconcile
from autodj.tracks.rendition_work import tend
from autodj.tracks.steps import Step
from autodj.tracks.work import Workbench, work
from tests.tracks.conftest import SharedSandbox

TakeIn = Callable[..., Awaitable[Ingested]]


class Waits(SharedSandbox):
    """Says when it was asked for anything, and does it when it is let."""

    def __init__(self, other: Sandbox) -> None:
        super().__init__(other)
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def run(self, *arguments: Any, **options: Any) -> Any:
        self.asked.set()
        await self.go.wait()
        return await super().run(*arguments, **options)


async def sent(bench: Workbench, *, in_s: float = 0) -> int:
    """How many rows the cron job would send out again by then."""

    class Later(Database):
        async def now(self) -> datetime:
            return await super().now() + timedelta(seconds=in_s)

    done = await reconcile(Later(bench.db.engine), bench.local, bench.jobs, bench.policy)
    return done.tracks_sent + done.fetches_sent + done.renditions_sent


async def test_a_track_that_is_being_measured_is_not_sent_to_another_worker(
    bench: Workbench, warm_sandbox: Sandbox, take_in: TakeIn, clip: Path
) -> None:
    track_id = (await take_in(clip)).track.id
    sandbox = Waits(warm_sandbox)
    working = asyncio.create_task(work(replace(bench, sandbox=sandbox), track_id, Step.ANALYZE))
    await sandbox.asked.wait()
    assert await sent(bench) == 0
    sandbox.go.set()
    await working
    assert await sent(bench) == 1


async def test_a_rendition_that_is_being_made_is_not_sent_to_another_worker(
    bench: Workbench, take_in: TakeIn, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track_id = (await take_in(clip)).track.id
    assert await sent(bench) == 1
    now = await bench.db.now()
    async with bench.db.transaction() as session:
        [row] = await rendition_rows.want(session, track_id, [RenditionName.PREVIEW], now=now)
    counted: list[int] = []

    async def look(*_: object) -> None:
        counted.append(await sent(bench))

    monkeypatch.setattr(rendition_work, "render", look)
    await tend(bench, row.id)
    assert {*counted} == {0}
    assert await sent(bench) == 1


async def test_what_a_dead_worker_held_is_soon_sent_to_another(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    track_id = (await take_in(clip)).track.id
    await holding._hold(bench.db, Track, track_id)
    assert await sent(bench, in_s=HOLD_S - 5) == 0
    assert await sent(bench, in_s=HOLD_S + 1) == 1


@pytest.fixture
async def fetch(bench: Workbench, owner_id: UUID) -> UUID:
    now = await bench.db.now()
    async with bench.db.transaction() as session:
        return job_rows.add(
            session, owner_id=owner_id, kind=JobKind.FETCH, step="fetch", now=now, due_at=now
        ).id


async def due_at(db: Database, job_id: UUID) -> datetime | None:
    async with db.transaction() as session:
        return (await job_rows.get(session, job_id)).next_attempt_at


async def beats(db: Database, job_id: UUID) -> None:
    """Wait until the hold has been said again."""
    before = await due_at(db, job_id)
    while await due_at(db, job_id) == before:
        await asyncio.sleep(0.01)


async def test_a_hold_is_said_again_and_again_and_never_after_its_end(
    bench: Workbench, fetch: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "BEAT_S", 0.02)
    async with held(bench.db, Job, fetch):
        await beats(bench.db, fetch)
        await beats(bench.db, fetch)
    async with bench.db.transaction() as session:
        await job_rows.due(session, fetch, None)
    await asyncio.sleep(0.1)
    assert await due_at(bench.db, fetch) is None


async def test_a_row_that_rests_is_not_woken(bench: Workbench, fetch: UUID) -> None:
    async with bench.db.transaction() as session:
        await job_rows.due(session, fetch, None)
    async with held(bench.db, Job, fetch):
        assert await due_at(bench.db, fetch) is None


async def test_a_database_that_misses_a_beat_spoils_no_work(
    bench: Workbench, fetch: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "BEAT_S", 0.02)
    failures = 0

    class Away(Database):
        @asynccontextmanager
        async def transaction(self) -> AsyncGenerator[Session]:
            nonlocal failures
            if 0 < failures < 3:
                failures += 1
                raise DatabaseUnavailable
            async with super().transaction() as session:
                yield session

    async with held(Away(bench.db.engine), Job, fetch):
        failures = 1
        await beats(bench.db, fetch)
    assert failures == 3


@pytest.mark.parametrize("table", [Track, Rendition, Job])
async def test_a_row_that_is_gone_needs_no_hold(bench: Workbench, table: type[Queued]) -> None:
    async with held(bench.db, table, uuid4()):
        pass

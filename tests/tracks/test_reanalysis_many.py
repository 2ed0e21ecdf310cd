"""A library that is larger than one commit may change is measured anew all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from autodj.audio.facts import ANALYSIS_VERSION
from autodj.db import (
    AnalysisState,
    Database,
    Job,
    JobKind,
    JobState,
    ReanalysisState,
    Track,
    moves,
)
from autodj.db import jobs as job_rows
from autodj.db import reanalysis as rows
from autodj.db import tracks as track_rows
from autodj.db.due import claim_due
from autodj.db.reanalysis import Which
from autodj.jobs import Jobs
from autodj.tracks import marking
from autodj.tracks.cancelling import cancel
from autodj.tracks.reanalysis import request_reanalysis, tend_reanalysis
from tests.builders import MOMENT, make_track
from tests.tracks.conftest import TO_S3

TRACKS = 7
OLD: dict[str, object] = {
    "analysis_state": AnalysisState.DONE,
    "analysis_version": ANALYSIS_VERSION - 1,
}


class Silent(Jobs):
    """Nobody is told; the rows say it."""

    async def _send(self, name: str, subject: UUID | int, generation: int) -> None:
        pass


SILENT = Silent("", "")


class Killed(BaseException):
    """No commit after it: nothing of ours catches it."""


@pytest.fixture(autouse=True)
def two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(marking, "PAUSE_S", 0)


@pytest.fixture
async def library(db: Database, owner_id: UUID) -> list[UUID]:
    """Old tracks, of which some came at the same time."""
    tracks = [
        make_track(owner_id, **OLD, created_at=MOMENT + timedelta(seconds=number // 3))
        for number in range(TRACKS)
    ]
    async with db.transaction() as session:
        session.add_all(tracks)
    return [track.id for track in tracks]


async def ask(db: Database, owner_id: UUID, which: Which = Which.OUTDATED) -> Job:
    return await request_reanalysis(db, SILENT, TO_S3, owner_id, which)


async def beat(db: Database, job_id: UUID) -> Job:
    await tend_reanalysis(db, SILENT, TO_S3, job_id)
    async with db.read_session() as session:
        return await job_rows.get(session, job_id)


async def in_runs(db: Database) -> int:
    async with db.read_session() as session:
        query = select(func.count()).where(col(Track.reanalysis_id).is_not(None))
        return (await session.execute(query)).scalar_one()


async def begun_alone(db: Database) -> int:
    """Tracks that a run had begun, and that are measured though it is over."""
    async with db.read_session() as session:
        query = select(func.count()).where(
            col(Track.reanalysis_state) == ReanalysisState.BEGUN,
            col(Track.reanalysis_id).is_(None),
        )
        return (await session.execute(query)).scalar_one()


async def measure(db: Database, track_ids: list[UUID]) -> None:
    done: dict[str, object] = {"analysis_version": ANALYSIS_VERSION, "analysis_failure": None}
    async with db.transaction() as session:
        for track_id in track_ids:
            await track_rows.save_analysis(session, track_id, done, now=MOMENT)


def dies_before_commit(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The process is killed when it is about to commit for that time, counted from 0."""
    real, begun = Database.transaction, 0

    @asynccontextmanager
    async def transaction(self: Database) -> AsyncGenerator[AsyncSession]:
        nonlocal begun
        async with real(self) as session:
            yield session
            begun += 1
            if begun > number:
                raise Killed

    monkeypatch.setattr(Database, "transaction", transaction)


async def only_job(db: Database, owner_id: UUID) -> Job | None:
    async with db.read_session() as session:
        found = await job_rows.latest(session, owner_id, limit=5)
    assert len(found) <= 1
    return found[0] if found else None


async def is_due(db: Database, job: Job) -> bool:
    """Whether a worker hears of the job by itself."""
    later = await db.now() + timedelta(minutes=10)
    async with db.transaction() as session:
        claimed = await claim_due(session, Job, now=later, lease_until=later, limit=5)
    return job.id in {each.id for each in claimed}


async def test_no_commit_changes_more_than_some_tracks(
    db: Database, owner_id: UUID, library: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed: list[int] = []
    real_count, real_transaction = moves.count, Database.transaction

    async def count(*given: Any) -> int:
        changed[-1] += (found := await real_count(*given))
        return found

    @asynccontextmanager
    async def transaction(self: Database) -> AsyncGenerator[AsyncSession]:
        changed.append(0)
        async with real_transaction(self) as session:
            yield session

    monkeypatch.setattr("autodj.db.reanalysis.count", count)
    monkeypatch.setattr(Database, "transaction", transaction)
    job = await ask(db, owner_id)
    assert job.result == {"tracks": TRACKS, "done": 0, "failed": 0}
    assert await in_runs(db) == TRACKS
    assert sum(changed) >= TRACKS
    await cancel(db, job.id, owner_id)
    assert await in_runs(db) == 0
    job = await ask(db, owner_id)
    await measure(db, library)
    assert (await beat(db, job.id)).state is JobState.DONE
    assert await in_runs(db) == 0
    assert sum(changed) >= 4 * TRACKS
    assert max(changed) == 2


@pytest.mark.parametrize("commits", range(8))
async def test_a_run_that_was_killed_while_it_marked_is_finished_by_a_worker(
    db: Database,
    owner_id: UUID,
    library: list[UUID],
    commits: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        dies_before_commit(patch, commits)
        with pytest.raises(Killed):
            await ask(db, owner_id)
    job = await only_job(db, owner_id)
    assert (job is None) is (commits == 0)  # who heard nothing, and of whom nothing is known
    if job is None:
        assert await in_runs(db) == 0
        return
    assert await is_due(db, job)
    job = await beat(db, job.id)
    assert job.result == {"tracks": TRACKS, "done": 0, "failed": 0}
    assert await in_runs(db) == TRACKS
    async with db.read_session() as session:
        assert sum((await rows.counts(session, job.id)).values()) == TRACKS
    await measure(db, library)
    job = await beat(db, job.id)
    assert (job.state, job.result) == (
        JobState.DONE,
        {"tracks": TRACKS, "done": TRACKS, "failed": 0},
    )


@pytest.mark.parametrize("commits", range(5))
@pytest.mark.parametrize("cancelled", [True, False])
async def test_of_a_run_that_was_killed_while_it_ended_no_track_is_held_back(
    db: Database,
    owner_id: UUID,
    library: list[UUID],
    commits: int,
    cancelled: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = await ask(db, owner_id)
    if not cancelled:
        await measure(db, library)
    with monkeypatch.context() as patch:
        dies_before_commit(patch, commits)
        with pytest.raises(Killed):
            await (cancel(db, job.id, owner_id) if cancelled else beat(db, job.id))
    assert await in_runs(db) > 0
    assert await is_due(db, job)
    if commits == 0:  # nothing is told, and nothing has happened
        return
    async with db.read_session() as session:
        tally = await rows.tally(session, owner_id, version=ANALYSIS_VERSION)
    alone = await begun_alone(db)
    assert alone == (1 if cancelled and commits > 1 else 0)
    assert tally.unfinished == alone
    again = await ask(db, owner_id, Which.ALL)
    assert again.result == {"tracks": TRACKS - alone, "done": 0, "failed": 0}
    ended = await beat(db, job.id)
    assert (ended.state.is_over, ended.next_attempt_at) == (True, None)
    async with db.read_session() as session:
        assert sum((await rows.counts(session, again.id)).values()) == TRACKS - alone


async def test_two_that_mark_at_once_mark_each_track_once(
    db: Database, owner_id: UUID, library: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        dies_before_commit(patch, 1)
        with pytest.raises(Killed):
            await ask(db, owner_id)
    job = await only_job(db, owner_id)
    assert job is not None
    await asyncio.gather(*(beat(db, job.id) for _ in range(4)))
    job = await beat(db, job.id)
    assert job.result == {"tracks": len(library), "done": 0, "failed": 0}
    assert await in_runs(db) == len(library)


async def test_what_comes_or_goes_meanwhile_is_counted_as_it_is(
    db: Database, owner_id: UUID, library: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new track is not in the run, nor is what was deleted before it was its turn."""
    with monkeypatch.context() as patch:
        dies_before_commit(patch, 2)
        with pytest.raises(Killed):
            await ask(db, owner_id, Which.ALL)
    job = await only_job(db, owner_id)
    assert job is not None
    assert job.payload["tracks"] == 2
    now = await db.now()
    async with db.transaction() as session:
        session.add(make_track(owner_id, **OLD, created_at=now))
        await track_rows.condemn(session, library[0], owner_id, now=now)  # the oldest comes last
    job = await beat(db, job.id)
    assert job.result == {"tracks": TRACKS - 1, "done": 0, "failed": 0}


async def test_a_run_that_is_cancelled_while_it_marks_marks_no_further(
    db: Database, owner_id: UUID, library: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        dies_before_commit(patch, 2)
        with pytest.raises(Killed):
            await ask(db, owner_id)
    job = await only_job(db, owner_id)
    assert job is not None
    assert await in_runs(db) == 2 < len(library)
    await cancel(db, job.id, owner_id)
    job = await beat(db, job.id)
    assert (job.state, job.step) == (JobState.FAILED, "cancelled")
    assert await in_runs(db) == 0


async def test_a_track_that_another_run_has_taken_is_not_let_go_of(
    db: Database, owner_id: UUID
) -> None:
    async with db.transaction() as session:
        one, two = (
            job_rows.add(session, owner_id=owner_id, kind=JobKind.REANALYSIS, step="x", now=MOMENT)
            for _ in range(2)
        )
        taken = {"reanalysis_state": ReanalysisState.WAITING, "reanalysis_id": two.id}
        session.add(make_track(owner_id, **OLD, **taken))
        await session.flush()
        assert await rows.let_go(session, one.id, limit=9) == 0
        assert sum((await rows.counts(session, two.id)).values()) == 1

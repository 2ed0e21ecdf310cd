"""Jobs that are over are forgotten, some at a time; no other ever is."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from autodj.db import Database, Job, JobKind, JobState, jobs, models
from autodj.db.types import ACTIVE
from tests.builders import MOMENT, make_user


async def add_jobs(db: Database, *states: JobState) -> list[UUID]:
    """Jobs of these states, each changed a day after the one before."""
    user = make_user()
    async with db.transaction() as session:
        session.add(user)
        await session.flush()
        made = []
        for day, state in enumerate(states):
            job = jobs.add(
                session,
                owner_id=user.id,
                kind=JobKind.PROCESS,
                step="analyze",
                now=MOMENT + timedelta(days=day),
            )
            job.state = state
            made.append(job.id)
    return made


async def left(db: Database) -> set[UUID]:
    async with db.transaction() as session:
        return set((await session.execute(select(col(Job.id)))).scalars())


async def forget(db: Database, *, days: int, limit: int = 100) -> int:
    async with db.transaction() as session:
        return await jobs.forget(session, before=MOMENT + timedelta(days=days), limit=limit)


async def test_only_what_is_over_for_long_enough_is_forgotten(db: Database) -> None:
    made = await add_jobs(
        db, JobState.QUEUED, JobState.DONE, JobState.RUNNING, JobState.FAILED, JobState.DONE
    )
    assert await forget(db, days=4) == 2
    assert await left(db) == {made[0], made[2], made[4]}


async def test_the_oldest_go_first_and_no_more_than_asked_for(db: Database) -> None:
    made = await add_jobs(db, *[JobState.DONE] * 5)
    assert await forget(db, days=9, limit=2) == 2
    assert await left(db) == set(made[2:])
    assert [await forget(db, days=9, limit=2) for _ in range(3)] == [2, 1, 0]


@pytest.mark.parametrize("state", JobState)
async def test_the_index_of_active_jobs_holds_just_those_that_are_not_over(
    db: Database, state: JobState
) -> None:
    [job_id] = await add_jobs(db, state)
    async with db.transaction() as session:
        query = select(col(Job.id)).where(text(models.ACTIVE_JOBS))
        found = (await session.execute(query)).scalars().all()
    assert (found == [job_id]) == (state in ACTIVE) == (not state.is_over)

"""Transactions under load, and what a broken database looks like."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from autodj.db import Database, Job, JobKind, jobs, open_database, tracks, users
from autodj.errors import DatabaseUnavailable, NotFound
from tests.builders import MOMENT, make_track, make_user


async def test_writers_that_read_first_never_fail_under_load(db: Database) -> None:
    async with db.transaction() as session:
        user = await users.get_or_add(session, "dj", now=MOMENT)
    track = make_track(user.id, attempts=0)
    async with db.transaction() as session:
        session.add(track)

    async def read_then_write() -> None:
        for _ in range(15):
            async with db.transaction() as session:
                row = await tracks.get(session, track.id)
                await session.execute(text("SELECT 1"))
                await tracks.postpone(session, row, until=None, attempts=row.attempts, failure=None)

    await asyncio.gather(*(read_then_write() for _ in range(4)))


async def test_a_user_who_is_added_twice_at_once_is_one(db: Database) -> None:
    async def add() -> UUID:
        async with db.transaction() as session:
            user = await users.get_or_add(session, "dj", now=MOMENT)
            await asyncio.sleep(0.1)  # the others ask before this one is committed
            return user.id

    assert len({*await asyncio.gather(*(add() for _ in range(4)))}) == 1


async def test_an_error_rolls_everything_back(db: Database) -> None:
    user = make_user()

    async def fail_after_writing() -> None:
        async with db.transaction() as session:
            session.add(user)
            await session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        await fail_after_writing()
    with pytest.raises(NotFound):
        async with db.transaction() as session:
            await users.get(session, user.id)


async def test_the_databases_clock_is_utc_and_near_ours(db: Database) -> None:
    now = await db.now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=5)


async def test_moments_come_back_as_the_same_instant(db: Database) -> None:
    user = make_user()
    async with db.transaction() as session:
        session.add(user)
    async with db.transaction() as session:
        assert (await users.get(session, user.id)).created_at == MOMENT


async def test_a_database_that_is_away_is_unavailable() -> None:
    async with open_database("postgresql+asyncpg://nobody@127.0.0.1:1/none") as db:
        with pytest.raises(DatabaseUnavailable) as caught:
            await db.probe()
    assert caught.value.headers["Retry-After"] == "5"


async def test_a_database_without_the_schema_is_unavailable(tmp_path: Path) -> None:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path}/empty.db") as db:
        with pytest.raises(DatabaseUnavailable):
            await db.probe()


async def test_a_changed_job_is_seen_by_watchers_of_that_moment(db: Database) -> None:
    user = make_user()
    async with db.transaction() as session:
        session.add(user)
    async with db.transaction() as session:
        job = jobs.add(session, owner_id=user.id, kind=JobKind.PROCESS, step="analyze", now=MOMENT)
    later = MOMENT + timedelta(seconds=3)
    async with db.transaction() as session:
        await jobs.change(session, job.id, now=later, progress=0.5)
    async with db.transaction() as session:
        changed = list(await jobs.changed_since(session, later))
    assert [(row.id, row.progress, row.version) for row in changed] == [(job.id, 0.5, 2)]
    assert isinstance(changed[0], Job)

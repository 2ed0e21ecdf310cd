"""One poller tells every watcher of each change once, and rests when nobody watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from autodj.api import feed as feed_module
from autodj.api.feed import OVERLAP, Feed, Watcher
from autodj.db import Database, Job, JobKind, JobState, jobs
from autodj.errors import DatabaseUnavailable, TooManyRequests
from tests.builders import make_user

POLL_S = 0.01


@pytest.fixture
async def feed(db: Database) -> AsyncGenerator[Feed]:
    feed = Feed(db, poll_s=POLL_S, max_watchers=3)
    yield feed
    await feed.close()
    assert not feed.polling


@pytest.fixture
async def owner_id(db: Database) -> UUID:
    user = make_user()
    async with db.transaction() as session:
        session.add(user)
    return user.id


async def add(db: Database, owner_id: UUID) -> Job:
    now = await db.now()
    async with db.transaction() as session:
        return jobs.add(session, owner_id=owner_id, kind=JobKind.PROCESS, step="x", now=now)


async def change(
    db: Database, job: Job, *, late: timedelta = timedelta(), **values: object
) -> None:
    now = await db.now() - late
    async with db.transaction() as session:
        await jobs.change(session, job.id, now=now, **values)


async def until(watcher: Watcher, wanted: Callable[[Job], bool]) -> list[Job]:
    """What the watcher hears, up to the first job that is wanted."""
    heard: list[Job] = []
    async with asyncio.timeout(60):
        while not (heard and wanted(heard[-1])):
            heard += await watcher.changes()
    return heard


async def test_every_watcher_of_the_owner_hears_a_change_and_nobody_else(
    db: Database, feed: Feed, owner_id: UUID
) -> None:
    other = make_user()
    async with db.transaction() as session:
        session.add(other)
    mine, theirs = await add(db, owner_id), await add(db, other.id)
    with feed.watch(owner_id) as all_mine, feed.watch(owner_id, mine.id) as one:
        await change(db, theirs, progress=0.9)
        await change(db, mine, progress=0.5)
        for watcher in (all_mine, one):
            heard = await until(watcher, lambda job: job.progress == 0.5)
            assert {job.id for job in heard} == {mine.id}


async def test_watching_waits_for_no_writer(db: Database, feed: Feed, owner_id: UUID) -> None:
    job = await add(db, owner_id)
    async with db.transaction() as session:
        await jobs.get(session, job.id)  # from here on SQLite lets nobody else write
        with feed.watch(owner_id) as watcher:
            assert [heard.id for heard in await until(watcher, lambda _: True)] == [job.id]


async def test_who_watches_one_job_hears_of_no_other(
    db: Database, feed: Feed, owner_id: UUID
) -> None:
    wanted, other = await add(db, owner_id), await add(db, owner_id)
    with feed.watch(owner_id, wanted.id) as watcher:
        await change(db, other, progress=0.9)
        await change(db, wanted, progress=0.5)
        heard = await until(watcher, lambda job: job.progress == 0.5)
    assert {job.id for job in heard} == {wanted.id}


async def test_each_version_is_told_once(db: Database, feed: Feed, owner_id: UUID) -> None:
    job = await add(db, owner_id)
    with feed.watch(owner_id) as watcher:
        heard = []
        for number in range(1, 6):
            await change(db, job, progress=number / 10)
            heard += await until(watcher, lambda job, n=number: job.progress == n / 10)  # type: ignore[misc]  # mypy cannot type a default
        await asyncio.sleep(POLL_S * 10)
        assert not watcher._changed
    versions = [job.version for job in heard]
    assert versions == sorted(set(versions))
    assert versions[-1] == 6


async def test_a_change_that_is_committed_late_is_not_missed(
    db: Database, feed: Feed, owner_id: UUID
) -> None:
    early, late = await add(db, owner_id), await add(db, owner_id)
    with feed.watch(owner_id) as watcher:
        await change(db, early, progress=0.5)
        await until(watcher, lambda job: job.progress == 0.5)
        await change(db, late, late=OVERLAP / 2, progress=0.7)
        heard = await until(watcher, lambda job: job.progress == 0.7)
    assert heard[-1].id == late.id


async def test_a_clock_that_was_put_back_keeps_no_change_from_watchers(
    db: Database, feed: Feed, owner_id: UUID
) -> None:
    job = await add(db, owner_id)
    with feed.watch(owner_id) as watcher:
        await change(db, job, late=-timedelta(hours=1), progress=0.5)
        await until(watcher, lambda job: job.progress == 0.5)
        await change(db, job, progress=0.7)
        heard = await until(watcher, lambda job: job.progress == 0.7)
    assert heard[-1].id == job.id


async def test_a_slow_watcher_sees_the_newest_state_and_no_backlog(
    db: Database, feed: Feed, owner_id: UUID
) -> None:
    job = await add(db, owner_id)
    with feed.watch(owner_id) as quick, feed.watch(owner_id) as slow:
        for number in range(1, 6):
            await change(db, job, progress=number / 10)
            await until(quick, lambda job, n=number: job.progress == n / 10)  # type: ignore[misc]  # mypy cannot type a default
        [seen] = await slow.changes()
    assert (seen.version, seen.progress) == (6, 0.5)


async def test_a_burst_larger_than_one_query_arrives_whole(
    db: Database, feed: Feed, owner_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "PAGE_ROWS", 3)
    made = [await add(db, owner_id) for _ in range(11)]
    with feed.watch(owner_id) as watcher:
        heard: set[UUID] = set()
        async with asyncio.timeout(60):
            while len(heard) < len(made):
                heard |= {job.id for job in await watcher.changes()}
    assert heard == {job.id for job in made}


async def test_a_database_that_is_away_for_a_moment_does_not_end_the_feed(
    db: Database, feed: Feed, owner_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await add(db, owner_id)
    real, failures = jobs.changed_since, [DatabaseUnavailable(), DatabaseUnavailable()]

    async def flaky(*arguments: object, **keywords: object) -> object:
        if failures:
            raise failures.pop()
        return await real(*arguments, **keywords)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(jobs, "changed_since", flaky)
    with feed.watch(owner_id) as watcher:
        await change(db, job, state=JobState.DONE)
        await until(watcher, lambda job: job.state is JobState.DONE)
    assert not failures


async def test_the_poller_runs_only_while_somebody_watches(feed: Feed, owner_id: UUID) -> None:
    seen = [feed.polling]
    with feed.watch(owner_id):
        with feed.watch(owner_id):
            seen.append(feed.polling)
        await asyncio.sleep(POLL_S * 5)
        seen.append(feed.polling)
    async with asyncio.timeout(60):
        while feed.polling:
            await asyncio.sleep(POLL_S)
    with feed.watch(owner_id):
        seen.append(feed.polling)
    assert seen == [False, True, True, True]


async def test_there_is_room_for_so_many_and_no_more(feed: Feed) -> None:
    with feed.seat("Ada", most=9), feed.seat("Ada", most=9):
        with feed.seat("Bob", most=9):
            with pytest.raises(TooManyRequests, match="Too many"), feed.seat("Eve", most=9):
                pass
            with pytest.raises(TooManyRequests, match="You have 2"), feed.seat("Ada", most=2):
                pass
        refused = pytest.raises(TooManyRequests, match="You have 1")
        with feed.seat("Eve", most=1), refused, feed.seat("Eve", most=1):
            pass
    with feed.seat("Ada", most=1):
        pass

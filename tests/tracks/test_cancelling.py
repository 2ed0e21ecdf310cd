"""What its owner has cancelled makes no track, leaves no file, and keeps no worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from autodj.audio.sandbox import Sandbox
from autodj.db import Database, Job, JobKind, JobState, ReanalysisState, Track, library
from autodj.db import jobs as job_rows
from autodj.db import tracks as track_rows
from autodj.db.library import TrackFilter
from autodj.db.reanalysis import Which
from autodj.errors import Conflict, NotFound
from autodj.jobs import Jobs
from autodj.tracks import fetching
from autodj.tracks.cancelling import cancel
from autodj.tracks.ingest import Ingested
from autodj.tracks.reanalysis import request_reanalysis, tend_reanalysis
from autodj.tracks.steps import Step
from autodj.tracks.work import Workbench, work
from tests.builders import make_user
from tests.tracks.conftest import SharedSandbox
from tests.tracks.test_fetching import (
    LOOPBACK,
    Fetcher,
    Stalling,
    fetcher,
    site,
    stalling,
    under_way,
)

__all__ = ["fetcher", "site", "stalling"]

TakeIn = Callable[..., Awaitable[Ingested]]


def code_of(job: Job) -> tuple[JobState, object]:
    return job.state, (job.problem or {}).get("code")


CANCELLED = (JobState.FAILED, "cancelled")


async def tracks_of(db: Database, owner_id: UUID) -> list[Track]:
    async with db.read_session() as session:
        return [*await library.page(session, owner_id, TrackFilter(), after=None, limit=10)]


async def forget_tempi(db: Database) -> None:
    """A track that has a grid afterwards was measured since."""
    async with db.transaction() as session:
        await session.execute(update(Track).values(grid=None))


async def test_a_fetch_that_waits_is_never_begun(fetcher: Fetcher, site: str, clip: Path) -> None:
    job = await fetcher.request(f"{site}/{clip.name}")
    cancelled = await cancel(fetcher.db, job.id, fetcher.owner_id)
    assert (code_of(cancelled), cancelled.next_attempt_at) == (CANCELLED, None)
    assert (await fetcher.run(job)).version == cancelled.version
    assert await tracks_of(fetcher.db, fetcher.owner_id) == []


async def test_a_fetch_that_waits_for_its_server_ends_while_that_says_nothing(
    fetcher: Fetcher, stalling: tuple[Stalling, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "LOOK_S", 0.02)
    server, url = stalling
    job = await fetcher.request(url)
    patient = replace(LOOPBACK, read_s=3600, total_s=3600)
    trying = asyncio.create_task(fetcher.run(job, patient))
    await asyncio.to_thread(server.asked.wait)
    await cancel(fetcher.db, job.id, fetcher.owner_id)
    async with asyncio.timeout(60):
        assert code_of(await trying) == CANCELLED
    assert fetcher.leftovers() == []


async def test_a_fetch_that_is_cancelled_while_its_file_is_decoded_makes_no_track(
    fetcher: Fetcher,
    warm_sandbox: Sandbox,
    site: str,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetching, "LOOK_S", 3600)
    job = await fetcher.request(f"{site}/{clip.name}")

    class IsOvertaken(SharedSandbox):
        async def probe(self, *given: Any, **named: Any) -> Any:
            await cancel(fetcher.db, job.id, fetcher.owner_id)
            return await super().probe(*given, **named)

    fetcher.sandbox = IsOvertaken(warm_sandbox)
    assert code_of(await fetcher.run(job)) == CANCELLED
    assert await tracks_of(fetcher.db, fetcher.owner_id) == []
    assert fetcher.leftovers() == []


async def test_a_worker_that_is_shut_down_is_not_taken_for_one_that_was_told_to_stop(
    fetcher: Fetcher, stalling: tuple[Stalling, str]
) -> None:
    server, url = stalling
    job = await fetcher.request(url)
    trying = await under_way(fetcher, server, job)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    async with fetcher.db.read_session() as session:
        assert (await job_rows.get(session, job.id)).state is JobState.RUNNING


async def test_a_fetch_that_has_made_its_track_is_not_told_to_stop_by_that(
    fetcher: Fetcher, site: str, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers are told of the track after its commit, which takes as long as the broker."""
    seen_done, told, real = asyncio.Semaphore(0), [], job_rows.get

    async def get(*given: Any) -> Job:
        job = await real(*given)
        if job.state is JobState.DONE:
            seen_done.release()
        return job

    class SlowBroker(Jobs):
        async def analyze(self, track_id: UUID, generation: int) -> None:
            del generation
            for _ in range(2):
                await seen_done.acquire()
            told.append(track_id)

    monkeypatch.setattr(fetching, "LOOK_S", 0.02)
    monkeypatch.setattr(job_rows, "get", get)
    job = await fetcher.request(f"{site}/{clip.name}")
    fetcher.jobs = SlowBroker("redis://127.0.0.1:1", "nobody's")
    done = await fetcher.run(job)
    assert done.state is JobState.DONE
    assert told == [done.track_id]


async def test_cancelling_twice_is_cancelling_once(fetcher: Fetcher, site: str) -> None:
    job = await fetcher.request(f"{site}/any.mp3")
    first = await cancel(fetcher.db, job.id, fetcher.owner_id)
    again = await cancel(fetcher.db, job.id, fetcher.owner_id)
    assert again.version == first.version


async def test_what_is_over_stays_what_it_is(fetcher: Fetcher, site: str, clip: Path) -> None:
    done = await fetcher.run(await fetcher.request(f"{site}/{clip.name}"))
    failed = await fetcher.run(await fetcher.request(f"{site}/nothing.mp3"))
    for job in (done, failed):
        with pytest.raises(Conflict):
            await cancel(fetcher.db, job.id, fetcher.owner_id)
        async with fetcher.db.read_session() as session:
            assert (await job_rows.get(session, job.id)).version == job.version
    assert [track.id for track in await tracks_of(fetcher.db, fetcher.owner_id)] == [done.track_id]


async def test_a_stranger_cancels_nothing(fetcher: Fetcher, site: str, clip: Path) -> None:
    job, stranger = await fetcher.request(f"{site}/{clip.name}"), make_user()
    async with fetcher.db.transaction() as session:
        session.add(stranger)
    for owner_id in (stranger.id, uuid4()):
        with pytest.raises(NotFound):
            await cancel(fetcher.db, job.id, owner_id)
    assert (await fetcher.run(job)).state is JobState.DONE


async def test_a_track_that_is_there_is_deleted_and_not_cancelled(
    db: Database, take_in: TakeIn, clip: Path, owner_id: UUID
) -> None:
    ingested = await take_in(clip)
    assert ingested.job is not None
    assert ingested.job.kind is JobKind.PROCESS
    with pytest.raises(Conflict):
        await cancel(db, ingested.job.id, owner_id)


async def test_of_a_cancelled_reanalysis_what_was_begun_is_measured_and_no_more(
    bench: Workbench, take_in: TakeIn, clip: Path, tmp_path: Path, owner_id: UUID
) -> None:
    made = []
    for number in range(3):
        copy = tmp_path / f"{number}.flac"
        copy.write_bytes(clip.read_bytes() + bytes(number))
        made.append((await take_in(copy)).track.id)
        await work(bench, made[-1], Step.ANALYZE)
    await forget_tempi(bench.db)
    job = await request_reanalysis(bench.db, bench.jobs, bench.policy, owner_id, Which.ALL)
    [begun] = [
        track.id
        for track in await tracks_of(bench.db, owner_id)
        if track.reanalysis_state is ReanalysisState.BEGUN
    ]
    assert code_of(await cancel(bench.db, job.id, owner_id)) == CANCELLED
    await tend_reanalysis(bench.db, bench.jobs, bench.policy, job.id)
    for track_id in made:
        await work(bench, track_id, Step.ANALYZE)
    async with bench.db.read_session() as session:
        assert code_of(await job_rows.get(session, job.id)) == CANCELLED
        rows = [await track_rows.get(session, track_id) for track_id in made]
    assert [row.id for row in rows if row.grid is not None] == [begun]
    assert {(row.reanalysis_state, row.reanalysis_id) for row in rows} == {(None, None)}
    again = await request_reanalysis(bench.db, bench.jobs, bench.policy, owner_id, Which.ALL)
    assert again.payload["tracks"] == 3


async def test_a_begun_track_whose_run_is_cancelled_finds_a_worker_by_its_row(
    bench: Workbench, take_in: TakeIn, clip: Path, owner_id: UUID
) -> None:
    track_id = (await take_in(clip)).track.id
    await work(bench, track_id, Step.ANALYZE)
    job = await request_reanalysis(bench.db, bench.jobs, bench.policy, owner_id, Which.ALL)
    async with bench.db.transaction() as session:  # by whoever had read it before it was begun
        await session.execute(update(Track).values(next_attempt_at=None))
    await cancel(bench.db, job.id, owner_id)
    async with bench.db.read_session() as session:
        row = await track_rows.get(session, track_id)
        assert row.reanalysis_state is ReanalysisState.BEGUN
        assert row.reanalysis_id is None
        assert row.next_attempt_at is not None

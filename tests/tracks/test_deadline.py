"""Work that takes too long counts as a try: cut off by arq, it would come back for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from autodj.audio.facts import ANALYSIS_VERSION, DecodeLimits
from autodj.db import FileSource, FileState, JobState, RenditionName, Track, Visibility
from autodj.db import jobs as job_rows
from autodj.db import renditions as rendition_rows
from autodj.db import tracks as track_rows
from autodj.settings import load
from autodj.tracks import fetching, rendition_work
from autodj.tracks.deadline import StepTimeout, in_time
from autodj.tracks.fetch_limits import FetchLimits
from autodj.tracks.fetching import MAX_FETCHES, request_fetch, run_fetch
from autodj.tracks.ingest import Ingested
from autodj.tracks.policy import Policy
from autodj.tracks.publish import reserve
from autodj.tracks.rendition_work import _within_s, tend
from autodj.tracks.steps import MAX_ATTEMPTS, Step
from autodj.tracks.work import Workbench, work

TakeIn = Callable[..., Awaitable[Ingested]]
SECRET = {"AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf"}


async def never(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


@pytest.fixture
def late(bench: Workbench) -> Workbench:
    """Its time is over as soon as it begins."""
    return replace(bench, policy=replace(bench.policy, step_timeout_s=0, render_timeout_s=0))


async def row(bench: Workbench, track_id: UUID) -> Track:
    async with bench.db.transaction() as session:
        return await track_rows.get(session, track_id)


async def test_a_publication_that_takes_too_long_is_given_up_and_its_job_says_why(
    bench: Workbench, late: Workbench, take_in: TakeIn, clip: Path
) -> None:
    ingested = await take_in(clip)
    await work(bench, ingested.track.id, Step.ANALYZE)
    await reserve(bench.db, await row(bench, ingested.track.id))
    await work(late, ingested.track.id, Step.PUBLISH)
    track = await row(bench, ingested.track.id)
    assert (track.file_state, track.file_source) == (FileState.COPYING, FileSource.LOCAL)
    assert (track.attempts, track.failure) == (1, "step_timeout")
    for _ in range(MAX_ATTEMPTS - 1):
        await work(late, ingested.track.id, Step.PUBLISH)
    track = await row(bench, ingested.track.id)
    assert (track.file_state, track.file_source) == (FileState.STABLE, FileSource.LOCAL)
    assert ingested.job is not None
    async with bench.db.transaction() as session:
        job = await job_rows.get(session, ingested.job.id)
    assert job.state is JobState.FAILED
    assert job.problem is not None
    assert job.problem["code"] == "step_timeout"
    assert "JOB_TIMEOUT_S" in str(job.problem["hint"])


async def test_a_rendition_that_takes_too_long_counts_its_tries(
    late: Workbench, take_in: TakeIn, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track_id = (await take_in(clip)).track.id
    now = await late.db.now()
    async with late.db.transaction() as session:
        [wanted] = await rendition_rows.want(session, track_id, [RenditionName.PREVIEW], now=now)
    monkeypatch.setattr(rendition_work, "render", never)
    await tend(late, wanted.id)
    async with late.db.transaction() as session:
        tried = await rendition_rows.get(session, wanted.id)
    assert (tried.file_state, tried.attempts) == (FileState.PENDING, 1)
    assert tried.failure == "step_timeout"


async def test_a_fetch_that_takes_too_long_is_tried_again_and_then_told(
    late: Workbench, owner_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = FetchLimits()
    job = await request_fetch(
        late.db,
        late.jobs,
        limits,
        job_id=uuid4(),
        owner_id=owner_id,
        url="https://example.com/a.mp3",
        visibility=Visibility.PRIVATE,
    )
    monkeypatch.setattr(fetching, "_fetch", never)
    states = []
    for _ in range(MAX_FETCHES):
        await run_fetch(
            late.db,
            late.local,
            late.sandbox,
            late.jobs,
            DecodeLimits(),
            limits,
            job.id,
            within_s=0,
        )
        async with late.db.transaction() as session:
            job = await job_rows.get(session, job.id)
        states.append(job.state)
    assert states == [JobState.QUEUED, JobState.QUEUED, JobState.FAILED]
    assert job.problem is not None
    assert job.problem["code"] == "step_timeout"


async def test_only_the_end_of_the_time_is_a_timeout() -> None:
    with pytest.raises(StepTimeout, match="within 0 seconds"):
        async with in_time(0):
            await never()
    with pytest.raises(TimeoutError):
        async with in_time(60):
            raise TimeoutError
    waiting = asyncio.create_task(_wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def _wait() -> None:
    async with in_time(60):
        await never()


def test_arq_leaves_time_to_write_down_what_was_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTODJ_SECRET", SECRET["AUTODJ_SECRET"])
    worker = import_module("workers.settings")
    policy = Policy.of(load(SECRET), ANALYSIS_VERSION)
    assert worker.WorkerSettings.job_timeout > policy.step_timeout_s
    [render] = [each for each in worker.WorkerSettings.functions if hasattr(each, "timeout_s")]
    in_one_job = (Step.RENDER, Step.PUBLISH, Step.CLEAN)
    assert render.timeout_s > sum(_within_s(policy, step) for step in in_one_job)

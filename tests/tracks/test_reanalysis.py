"""A library measured anew while it plays, on a real database, disk, S3 server and sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlmodel import col

from autodj.audio.facts import ANALYSIS_VERSION
from autodj.db import (
    AnalysisState,
    Database,
    FileSource,
    Job,
    JobKind,
    JobState,
    ReanalysisState,
    Track,
    library,
)
from autodj.db import jobs as job_rows
from autodj.db import reanalysis as rows
from autodj.db import tracks as track_rows
from autodj.db.reanalysis import Which
from autodj.errors import AudioRejected, NotFound, StoreTimeout
from autodj.jobs import Jobs
from autodj.tracks.ingest import Ingested
from autodj.tracks.reanalysis import reanalyze_alone, request_reanalysis, tend_reanalysis
from autodj.tracks.reconcile import reconcile
from autodj.tracks.steps import MAX_ATTEMPTS, Step, next_step
from autodj.tracks.work import Workbench, rest, work
from tests.builders import make_track, make_user
from tests.tracks.test_work import row, run_to_rest

TakeIn = Callable[..., Awaitable[Ingested]]
MEASURED: dict[str, object] = {
    "analysis_state": AnalysisState.DONE,
    "analysis_version": ANALYSIS_VERSION - 1,
}


async def add(db: Database, owner_id: UUID, **columns: object) -> UUID:
    track = make_track(owner_id, **{**MEASURED, **columns})
    async with db.transaction() as session:
        session.add(track)
    return track.id


async def finished(bench: Workbench, track_id: UUID, **facts: object) -> None:
    """What the end of an analysis leaves on the row."""
    done = {"analysis_version": ANALYSIS_VERSION, "analysis_failure": None, **facts}
    async with bench.db.transaction() as session:
        await track_rows.save_analysis(session, track_id, done, now=await bench.db.now())


async def begun(bench: Workbench) -> set[UUID]:
    async with bench.db.transaction() as session:
        query = select(Track).where(col(Track.reanalysis_state) == ReanalysisState.BEGUN)
        return {track.id for track in (await session.execute(query)).scalars()}


async def ask(bench: Workbench, owner_id: UUID, which: Which = Which.OUTDATED) -> Job:
    return await request_reanalysis(bench.db, bench.jobs, bench.policy, owner_id, which)


async def read(bench: Workbench, job: Job) -> Job:
    async with bench.db.transaction() as session:
        return await job_rows.get(session, job.id)


async def beat(bench: Workbench, job: Job) -> Job:
    await tend_reanalysis(bench.db, bench.jobs, bench.policy, job.id)
    return await read(bench, job)


async def test_a_track_that_lives_on_s3_is_measured_anew_and_its_corrections_stay(
    bench: Workbench, take_in: TakeIn, clip: Path, owner_id: UUID
) -> None:
    track_id = (await take_in(clip)).track.id
    await run_to_rest(bench, track_id)
    before = await row(bench, track_id)
    assert before.file_source is FileSource.S3
    corrections = {"corrected_bpm": 90.0, "corrected_anchor_s": 1.0, "corrected_shift_ms": 4.0}
    await finished(bench, track_id, analysis_version=1, bpm=1.0)
    async with bench.db.transaction() as session:
        track = await track_rows.get_owned(session, track_id, owner_id, lock=True)
        library.correct(track, corrections, now=before.created_at)
        await track_rows.postpone(
            session,
            await track_rows.get(session, track_id),
            until=None,
            attempts=0,
            failure=None,
        )
    job = await ask(bench, owner_id)
    assert (job.kind, job.state) == (JobKind.REANALYSIS, JobState.RUNNING)
    assert job.result == {"tracks": 1, "done": 0, "failed": 0}
    waiting = await row(bench, track_id)
    assert waiting.bpm == 1.0
    assert waiting.analysis_key == before.analysis_key
    assert Step.ANALYZE in await run_to_rest(bench, track_id)
    now = await row(bench, track_id)
    assert now.bpm == pytest.approx(120, abs=0.5)
    assert now.analysis_version == ANALYSIS_VERSION
    assert (now.file_source, now.s3_object_key) == (FileSource.S3, before.s3_object_key)
    assert {name: getattr(now, name) for name in corrections} == corrections
    assert not list(bench.local.incoming().parent.iterdir())
    job = await beat(bench, job)
    assert (job.state, job.progress) == (JobState.DONE, 1.0)
    assert job.result == {"tracks": 1, "done": 1, "failed": 0}
    assert job.next_attempt_at is None
    now = await row(bench, track_id)
    assert (now.reanalysis_id, now.reanalysis_state) == (None, None)


async def test_so_many_tracks_are_under_way_and_no_more(bench: Workbench, owner_id: UUID) -> None:
    bench = replace(bench, policy=replace(bench.policy, reanalysis_at_once=2))
    ids = {await add(bench.db, owner_id) for _ in range(5)}
    job = await ask(bench, owner_id)
    first = await begun(bench)
    assert len(first) == 2
    assert await begun(bench) == first  # a beat more begins none
    await beat(bench, job)
    assert await begun(bench) == first
    await finished(bench, min(first))
    job = await beat(bench, job)
    assert len(await begun(bench)) == 2
    assert (job.result, job.progress) == ({"tracks": 5, "done": 1, "failed": 0}, 0.2)
    while job.state is not JobState.DONE:
        for track_id in await begun(bench):
            await finished(bench, track_id)
        job = await beat(bench, job)
    assert job.result == {"tracks": 5, "done": 5, "failed": 0}
    for track_id in ids:
        assert (await row(bench, track_id)).reanalysis_id is None


async def test_two_owners_share_what_may_be_under_way(bench: Workbench, owner_id: UUID) -> None:
    other = make_user()
    async with bench.db.transaction() as session:
        session.add(other)
    for owner in (owner_id, other.id):
        await add(bench.db, owner)
    await ask(bench, owner_id)
    await ask(bench, other.id)
    assert len(await begun(bench)) == 1


async def test_new_tracks_come_first(bench: Workbench, owner_id: UUID) -> None:
    await add(bench.db, owner_id)
    now = await bench.db.now()
    pending = {"analysis_state": AnalysisState.PENDING, "analysis_version": None}
    fresh = await add(bench.db, owner_id, **pending, next_attempt_at=now)
    job = await ask(bench, owner_id)
    assert await begun(bench) == set()
    # One that failed for long waits hours, and holds nobody up.
    async with bench.db.transaction() as session:
        track = await track_rows.get(session, fresh)
        later = now + timedelta(hours=6)
        await track_rows.postpone(session, track, until=later, attempts=0, failure="x")
    await beat(bench, job)
    assert len(await begun(bench)) == 1


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (Which.OUTDATED, {"old", "old and failed"}),
        (Which.FAILED, {"failed", "old and failed"}),
        (Which.ALL, {"old", "old and failed", "failed", "new"}),
    ],
)
async def test_an_owner_says_which(
    bench: Workbench, owner_id: UUID, which: Which, expected: set[str]
) -> None:
    stranger = make_user()
    async with bench.db.transaction() as session:
        session.add(stranger)
    await add(bench.db, owner_id, title="old")
    await add(bench.db, owner_id, title="old and failed", analysis_failure="undecodable")
    await add(bench.db, owner_id, title="new", analysis_version=ANALYSIS_VERSION)
    await add(bench.db, owner_id, title="failed", analysis_state=AnalysisState.FAILED)
    await add(bench.db, owner_id, title="fresh", analysis_state=AnalysisState.PENDING)
    await add(bench.db, stranger.id, title="a stranger's")
    job = await ask(bench, owner_id, which)
    async with bench.db.transaction() as session:
        marked = select(Track).where(col(Track.reanalysis_id) == job.id)
        assert {track.title for track in (await session.execute(marked)).scalars()} == expected
        tally = await rows.tally(session, owner_id, version=ANALYSIS_VERSION)
    assert (tally.tracks, tally.outdated, tally.failed) == (5, 2, 2)
    assert tally.unfinished == len(expected)


async def test_a_strangers_track_is_not_found_and_nothing_is_begun(
    bench: Workbench, owner_id: UUID
) -> None:
    mine = await add(bench.db, owner_id)
    for ids in ([mine, uuid4()], [uuid4()]):
        with pytest.raises(NotFound):
            await request_reanalysis(
                bench.db, bench.jobs, bench.policy, owner_id, Which.ALL, only=ids
            )
    with pytest.raises(NotFound):
        await reanalyze_alone(bench.db, bench.jobs, mine, uuid4())
    assert await begun(bench) == set()
    async with bench.db.transaction() as session:
        assert await job_rows.latest(session, owner_id, limit=5) == []


async def test_a_run_that_finds_nothing_is_over_at_once(bench: Workbench, owner_id: UUID) -> None:
    await add(bench.db, owner_id, analysis_version=ANALYSIS_VERSION)
    job = await ask(bench, owner_id)
    assert (job.state, job.progress) == (JobState.DONE, 1.0)
    assert job.result == {"tracks": 0, "done": 0, "failed": 0}


async def test_asking_twice_marks_no_track_twice(bench: Workbench, owner_id: UUID) -> None:
    await add(bench.db, owner_id)
    await ask(bench, owner_id)
    assert (await ask(bench, owner_id, Which.ALL)).result == {"tracks": 0, "done": 0, "failed": 0}


async def test_tracks_that_were_deleted_end_the_run_too(bench: Workbench, owner_id: UUID) -> None:
    ids = [await add(bench.db, owner_id) for _ in range(2)]
    job = await ask(bench, owner_id)
    for track_id in ids:
        async with bench.db.transaction() as session:
            await track_rows.condemn(session, track_id, owner_id, now=await bench.db.now())
    assert (await beat(bench, job)).state is JobState.DONE


async def test_what_cannot_be_measured_any_more_keeps_its_old_analysis(
    bench: Workbench, take_in: TakeIn, clip: Path, owner_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    track_id = (await take_in(clip)).track.id
    await run_to_rest(bench, track_id)
    await finished(bench, track_id, analysis_version=1)
    before = await row(bench, track_id)
    job = await ask(bench, owner_id)

    async def refuse(*_: object) -> None:
        raise AudioRejected("It ends too early")

    monkeypatch.setattr(type(bench.sandbox), "analyze", refuse)
    steps = await run_to_rest(bench, track_id)
    assert steps.count(Step.ANALYZE) == 1
    after = await row(bench, track_id)
    assert (after.analysis_state, after.analysis_key) == (AnalysisState.DONE, before.analysis_key)
    assert (after.analysis_version, after.analysis_failure) == (1, "undecodable")
    assert (after.bpm, after.next_attempt_at) == (before.bpm, None)
    assert (await beat(bench, job)).result == {"tracks": 1, "done": 0, "failed": 1}


async def test_a_track_whose_bytes_do_not_come_gives_its_place_to_the_next(
    bench: Workbench, owner_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = await add(bench.db, owner_id)
    job = await ask(bench, owner_id)

    async def away(*_: object, **__: object) -> None:
        raise StoreTimeout

    monkeypatch.setattr("autodj.tracks.work.analyze_track", away)
    for _ in range(MAX_ATTEMPTS):
        assert await begun(bench) == {stuck}
        await work(bench, stuck, Step.ANALYZE)
    assert await begun(bench) == set()
    job = await beat(bench, job)
    assert (job.state, job.result) == (JobState.DONE, {"tracks": 1, "done": 0, "failed": 1})
    assert (await row(bench, stuck)).analysis_state is AnalysisState.DONE


async def test_a_run_goes_on_after_everybody_died(bench: Workbench, owner_id: UUID) -> None:
    """Neither the messages nor the processes are there any more; the rows are."""
    track_id = await add(bench.db, owner_id)
    job = await ask(bench, owner_id)
    sent: list[tuple[str, UUID | int]] = []

    class Hears(Jobs):
        def reclaiming(self) -> Jobs:
            return self

        async def _send(self, name: str, subject: UUID | int, generation: int) -> None:
            sent.append((name, subject))

    async with bench.db.transaction() as session:
        await job_rows.due(session, job.id, await bench.db.now() - timedelta(seconds=1))
    await reconcile(bench.db, bench.local, Hears("", ""), bench.policy)
    assert ("analyze_track", track_id) in sent
    assert ("reanalyze", job.id) in sent


async def test_a_begun_track_that_was_put_to_rest_is_woken(
    bench: Workbench, owner_id: UUID
) -> None:
    track_id = await add(bench.db, owner_id)
    job = await ask(bench, owner_id)
    async with bench.db.transaction() as session:
        track = await track_rows.get(session, track_id)
        await track_rows.postpone(session, track, until=None, attempts=0, failure=None)
    await beat(bench, job)
    assert (await row(bench, track_id)).next_attempt_at is not None


async def test_a_step_that_ends_late_puts_no_begun_track_to_rest(
    bench: Workbench, owner_id: UUID
) -> None:
    track_id = await add(bench.db, owner_id)
    read_before = await row(bench, track_id)
    await ask(bench, owner_id)
    async with bench.db.transaction() as session:
        assert not await track_rows.postpone(
            session, read_before, until=None, attempts=0, failure=None
        )
    assert (await row(bench, track_id)).next_attempt_at is not None


async def test_a_failed_track_is_tried_again_when_its_owner_asks(
    bench: Workbench, take_in: TakeIn, clip: Path, owner_id: UUID
) -> None:
    ingested = await take_in(clip)
    track_id = ingested.track.id
    await finished(
        bench,
        track_id,
        analysis_state=AnalysisState.FAILED,
        analysis_failure="too_long",
        analysis_version=None,
    )
    await run_to_rest(bench, track_id)
    failed = await row(bench, track_id)
    assert next_step(failed, bench.policy, await bench.db.now()) is None
    job = await reanalyze_alone(bench.db, bench.jobs, track_id, owner_id)
    assert (job.kind, job.track_id) == (JobKind.PROCESS, track_id)
    assert job.id != (ingested.job and ingested.job.id)
    again = await reanalyze_alone(bench.db, bench.jobs, track_id, owner_id)
    assert again.id == job.id
    await run_to_rest(bench, track_id)
    measured = await row(bench, track_id)
    assert (measured.analysis_state, measured.analysis_failure) == (AnalysisState.DONE, None)
    assert measured.bpm == pytest.approx(120, abs=0.5)
    assert measured.reanalysis_state is None
    assert (await read(bench, job)).state is JobState.DONE


async def test_a_track_on_its_way_keeps_its_job_though_a_fetch_has_found_it_since(
    bench: Workbench, take_in: TakeIn, clip: Path, owner_id: UUID
) -> None:
    ingested = await take_in(clip)
    track_id, now = ingested.track.id, await bench.db.now()
    async with bench.db.transaction() as session:
        fetched = job_rows.add(
            session,
            owner_id=owner_id,
            kind=JobKind.FETCH,
            step="done",
            now=now,
            track_id=track_id,
        )
        fetched.state = JobState.DONE
    job = await reanalyze_alone(bench.db, bench.jobs, track_id, owner_id)
    assert ingested.job is not None
    assert job.id == ingested.job.id


async def test_a_track_that_is_asked_for_while_it_is_put_to_rest_keeps_its_new_job(
    bench: Workbench, owner_id: UUID
) -> None:
    track_id = await add(bench.db, owner_id, analysis_version=ANALYSIS_VERSION)
    resting = await row(bench, track_id)
    job = await reanalyze_alone(bench.db, bench.jobs, track_id, owner_id)
    local_only = replace(bench.policy, publish_to_s3=False)
    async with bench.db.transaction() as session:
        assert await rest(session, resting, local_only, now=await bench.db.now()) is None
    assert (await read(bench, job)).state is JobState.QUEUED
    assert (await row(bench, track_id)).next_attempt_at is not None

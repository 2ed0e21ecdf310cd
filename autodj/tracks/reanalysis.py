"""A library measured anew, a few tracks at a time, while it plays.

The job's row beats: each beat begins as many waiting tracks as may be under way, and says when
it wants the next one. New tracks come first: while one waits, none is begun. A track's old
analysis stays until the new one is committed, so whoever dies in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from autodj.db import Database, Job, JobKind, JobState, ReanalysisState, Track
from autodj.db import jobs as job_rows
from autodj.db import reanalysis as rows
from autodj.db import tracks as track_rows
from autodj.db.reanalysis import Which
from autodj.errors import NotFound
from autodj.jobs import Jobs
from autodj.tracks.marking import MARKED_TO, let_go, mark_all
from autodj.tracks.policy import Policy

PULSE_S = 30
STEP = "reanalyze"


async def request_reanalysis(
    db: Database,
    jobs: Jobs,
    policy: Policy,
    owner_id: UUID,
    which: Which,
    only: Collection[UUID] | None = None,
) -> Job:
    """Mark the owner's tracks, write the job down and tell the workers. NotFound when one of
    ``only`` is a stranger's. A job that finds nothing to do is done at once.
    """
    now = await db.now()
    async with db.transaction() as session:
        job = job_rows.add(
            session,
            owner_id=owner_id,
            kind=JobKind.REANALYSIS,
            step=STEP,
            now=now,
            payload={"tracks": 0, "which": which.value, MARKED_TO: None},
            due_at=now + timedelta(seconds=PULSE_S),
        )
        if only is not None:
            await rows.require_owned(session, owner_id, only)
            marked = await rows.mark(
                session, owner_id, job.id, which, only, version=policy.analysis_version, now=now
            )
            job.payload = {"tracks": marked, "which": which.value}
    await tend_reanalysis(db, jobs, policy, job.id)
    async with db.transaction() as session:
        return await job_rows.get(session, job.id)


async def reanalyze_alone(db: Database, jobs: Jobs, track_id: UUID, owner_id: UUID) -> Job:
    """Measure one track anew, before any others; the job to watch, which is the one there is
    when the track is being processed already. NotFound for strangers.
    """
    now = await db.now()
    async with db.transaction() as session:
        track = await track_rows.get_owned(session, track_id, owner_id, lock=True)
        rows.begin_alone(track, now=now)
        active = await job_rows.latest(
            session, owner_id, limit=1, active_only=True, track_id=track_id
        )
        if active:
            [job] = active
        else:
            job = job_rows.add(
                session,
                owner_id=owner_id,
                kind=JobKind.PROCESS,
                step="analyze",
                now=now,
                track_id=track_id,
            )
    await jobs.analyze(track.id, track.generation)
    return job


async def tend_reanalysis(db: Database, jobs: Jobs, policy: Policy, job_id: UUID) -> None:
    """One beat. Done twice, it does nothing more; after the job is over, its tracks are let go."""
    try:
        await mark_all(db, policy, job_id)
        begun = await _beat(db, policy, job_id)
    except NotFound:
        return
    if begun is None:
        await let_go(db, job_id)
        return
    for track in begun:
        await jobs.analyze(track.id, track.generation)


async def _beat(db: Database, policy: Policy, job_id: UUID) -> Sequence[Track] | None:
    """The tracks that it has begun, or None when the run is over."""
    now = await db.now()
    async with db.transaction() as session:
        job = await rows.get_job(session, job_id)
        if job.kind is not JobKind.REANALYSIS:
            return ()
        if job.state.is_over:
            return None
        room = policy.reanalysis_at_once - await rows.under_way(session)
        soon = now + timedelta(seconds=policy.lease_s)
        if room > 0 and await rows.new_tracks_wait(session, before=soon):
            room = 0
        begun = await rows.begin(session, job_id, limit=max(0, room), now=now)
        await rows.wake(session, job_id, now=now)
        told = _told(job, await rows.counts(session, job_id))
        if told["result"] != job.result or told["state"] is not job.state:
            await job_rows.change(session, job_id, now=now, **told)
        await job_rows.due(session, job_id, now + timedelta(seconds=PULSE_S))
    return None if told["state"] is JobState.DONE else begun


async def follow_up(db: Database, jobs: Jobs, track: Track) -> None:
    """The turn of a track in its job is over: send the job for the next one."""
    if track.reanalysis_id is None or track.reanalysis_state in rows.UNFINISHED:
        return
    await jobs.reanalyze(track.reanalysis_id, round((await db.now()).timestamp() * 1e6))


def _told(job: Job, counts: Mapping[ReanalysisState, int]) -> dict[str, Any]:
    """The job as the counts of its tracks say; tracks that were deleted meanwhile are done."""
    total = int(job.payload["tracks"])
    left = sum(counts.get(state, 0) for state in rows.UNFINISHED)
    return {
        "state": JobState.RUNNING if left else JobState.DONE,
        "step": STEP if left else "done",
        "progress": round(1 - left / total, 4) if total else 1.0,
        "result": _result(total, counts),
    }


def _result(total: int, counts: Mapping[ReanalysisState, int]) -> dict[str, int]:
    failed = counts.get(ReanalysisState.FAILED, 0)
    left = sum(counts.get(state, 0) for state in rows.UNFINISHED)
    return {"tracks": total, "done": max(0, total - left - failed), "failed": failed}

"""A job that its owner does not want any more."""

from __future__ import annotations

from uuid import UUID

from autodj.db import Database, Job, JobKind, JobState
from autodj.db import jobs as job_rows
from autodj.errors import Cancelled, Conflict
from autodj.tracks.marking import let_go


async def cancel(db: Database, job_id: UUID, owner_id: UUID) -> Job:
    """End the job, whether it waits or a worker is at it, and the job as it is then.

    A fetch makes no track from this commit on. Of a reanalysis, the tracks that wait keep what
    was measured; the few that were begun are measured to their end. NotFound for strangers;
    Conflict when the job is over by something else, or follows a track that is there already.
    """
    now = await db.now()
    async with db.transaction() as session:
        job = await job_rows.get_owned(session, job_id, owner_id)
        if job.kind is JobKind.PROCESS:
            raise Conflict("The track is there already.", hint="Delete the track instead.")
        changed = await job_rows.change_unfinished(
            session,
            job_id,
            now=now,
            state=JobState.FAILED,
            step="cancelled",
            problem=Cancelled().problem(),
            # What a run has marked is let go of by whoever comes next, should this process die.
            next_attempt_at=now if job.kind is JobKind.REANALYSIS else None,
        )
        job = await job_rows.get(session, job_id)
    if job.kind is JobKind.REANALYSIS:
        await let_go(db, job_id)
    if not changed and (job.problem or {}).get("code") != Cancelled.code:
        raise Conflict("The job is over.", hint="What it made is there; delete that instead.")
    return job

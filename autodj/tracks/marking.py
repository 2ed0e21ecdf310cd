"""Which tracks are in a run that measures many: marked, and let go of, some at a time.

On SQLite whoever writes keeps all other writers waiting, so a large library takes many commits.
The job's row says how far its marks go, and is due until it is through: whoever dies in between
is followed by another, who goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from autodj.db import Database
from autodj.db import jobs as job_rows
from autodj.db import reanalysis as rows
from autodj.db.reanalysis import Place, Which
from autodj.tracks.policy import Policy

ROWS_AT_ONCE: Final = 500
PAUSE_S: Final = 0.05
MARKED_TO: Final = "marked_to"
"""In the payload of a job that marks: the place of the last track, or null before the first."""


async def mark_all(db: Database, policy: Policy, job_id: UUID) -> None:
    """Let all that a job wants wait for their turn. Two may do so at once, and none twice."""
    more = True
    while more:
        more = await _mark_some(db, policy, job_id)
        await asyncio.sleep(PAUSE_S if more else 0)


async def let_go(db: Database, job_id: UUID) -> None:
    """No track belongs to a job that is over; those that it has begun are measured all the same."""
    now = await db.now()
    async with db.transaction() as session:
        await rows.leave_alone(session, job_id, now=now)
    while True:
        async with db.transaction() as session:
            found = await rows.let_go(session, job_id, limit=ROWS_AT_ONCE)
            if found < ROWS_AT_ONCE:
                await job_rows.due(session, job_id, None)
                return
        await asyncio.sleep(PAUSE_S)


async def _mark_some(db: Database, policy: Policy, job_id: UUID) -> bool:
    """Whether there may be more."""
    now, version = await db.now(), policy.analysis_version
    async with db.read_session() as session:
        job = await job_rows.get(session, job_id)
        if job.state.is_over or MARKED_TO not in job.payload:
            return False
        which, after = Which(job.payload["which"]), _place(job.payload)
        found = await rows.wanted(
            session, job.owner_id, which, version=version, after=after, limit=ROWS_AT_ONCE
        )
    async with db.transaction() as session:
        locked = await rows.get_job(session, job_id)
        if locked.state.is_over or locked.payload != job.payload:
            return not locked.state.is_over
        ids = [track_id for _, track_id in found]
        marked = await rows.mark(
            session, job.owner_id, job_id, which, ids, version=version, now=now
        )
        locked.payload = _moved(job.payload, marked, found[-1] if found else None)
    return bool(found)


def _place(payload: Mapping[str, Any]) -> Place | None:
    if payload[MARKED_TO] is None:
        return None
    created_at, track_id = payload[MARKED_TO]
    return datetime.fromisoformat(created_at), UUID(track_id)


def _moved(payload: Mapping[str, Any], marked: int, to: Place | None) -> dict[str, Any]:
    """Without a place when there is nothing more to mark."""
    moved = {**payload, "tracks": payload["tracks"] + marked}
    if to is None:
        del moved[MARKED_TO]
    else:
        moved[MARKED_TO] = (to[0].isoformat(), str(to[1]))
    return moved

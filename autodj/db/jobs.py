"""Every query about jobs: the long work that people watch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from autodj.db import models
from autodj.db.models import Job
from autodj.db.moves import count
from autodj.db.types import ACTIVE, JobKind, JobState
from autodj.errors import NotFound


def add(
    session: AsyncSession,
    *,
    job_id: UUID | None = None,
    owner_id: UUID,
    kind: JobKind,
    step: str,
    now: datetime,
    track_id: UUID | None = None,
    payload: dict[str, Any] | None = None,
    due_at: datetime | None = None,
) -> Job:
    """Insert a queued job. ``due_at`` makes the row itself the queue entry (fetches)."""
    job = Job(
        id=job_id or uuid4(),
        owner_id=owner_id,
        kind=kind,
        state=JobState.QUEUED,
        step=step,
        track_id=track_id,
        payload=payload or {},
        created_at=now,
        changed_at=now,
        next_attempt_at=due_at,
    )
    session.add(job)
    return job


async def get(session: AsyncSession, job_id: UUID) -> Job:
    job = await session.get(Job, job_id, populate_existing=True)
    if job is None:
        raise NotFound
    return job


async def get_owned(session: AsyncSession, job_id: UUID, owner_id: UUID) -> Job:
    """The owner's job; NotFound for everybody else."""
    query = select(Job).where(col(Job.id) == job_id, col(Job.owner_id) == owner_id)
    job = (await session.execute(query)).scalar_one_or_none()
    if job is None:
        raise NotFound
    return job


async def change(session: AsyncSession, job_id: UUID, *, now: datetime, **values: object) -> None:
    """Set fields of one job and make watchers see it."""
    await _change(session, col(Job.id) == job_id, now, values)


async def begin(session: AsyncSession, job_id: UUID, *, now: datetime, step: str) -> Job | None:
    """Count a try of an unfinished job, and the job as it is then; None when it is over."""
    if not await change_unfinished(
        session, job_id, now=now, state=JobState.RUNNING, step=step, attempts=Job.attempts + 1
    ):
        return None
    return await get(session, job_id)


async def change_unfinished(
    session: AsyncSession,
    job_id: UUID,
    *,
    now: datetime,
    attempt: int | None = None,
    **values: object,
) -> bool:
    """As ``change``, unless the job is over, or another try than ``attempt`` has begun since;
    whether it was changed.
    """
    which = (col(Job.id) == job_id) & col(Job.state).in_(ACTIVE)
    if attempt is not None:
        which &= col(Job.attempts) == attempt
    return bool(await _change(session, which, now, values))


async def due(session: AsyncSession, job_id: UUID, at: datetime | None) -> None:
    """Say when the job wants to be looked at again, without telling watchers."""
    await session.execute(
        update(Job)
        .where(col(Job.id) == job_id)
        .values(next_attempt_at=at)
        .execution_options(synchronize_session=False)
    )


async def change_active(
    session: AsyncSession, track_id: UUID, *, now: datetime, **values: object
) -> None:
    """Set fields of the unfinished jobs of a track."""
    unfinished = (col(Job.track_id) == track_id) & col(Job.state).in_(ACTIVE)
    await _change(session, unfinished, now, values)


async def changed_since(
    session: AsyncSession, moment: datetime, *, owner_id: UUID | None = None, limit: int = 1000
) -> Sequence[Job]:
    """Jobs, of all owners or of one, that changed at or after ``moment``, oldest change first."""
    query = select(Job).where(col(Job.changed_at) >= moment)
    if owner_id is not None:
        query = query.where(col(Job.owner_id) == owner_id)
    ordered = query.order_by(col(Job.changed_at), col(Job.id)).limit(limit)
    return (await session.execute(ordered)).scalars().all()


async def latest(
    session: AsyncSession,
    owner_id: UUID,
    *,
    limit: int,
    active_only: bool = False,
    track_id: UUID | None = None,
) -> Sequence[Job]:
    """The owner's newest jobs, of all tracks or of one."""
    mine = col(Job.owner_id) == owner_id
    if track_id is not None:
        # A track has a few jobs, its owner thousands: those are not to be searched.
        mine = func.coalesce(col(Job.owner_id), col(Job.owner_id)) == owner_id
        mine &= col(Job.track_id) == track_id
    query = select(Job).where(mine)
    if active_only:
        query = query.where(text(models.ACTIVE_JOBS))
    ordered = query.order_by(col(Job.created_at).desc(), col(Job.id).desc()).limit(limit)
    return (await session.execute(ordered)).scalars().all()


async def forget(session: AsyncSession, *, before: datetime, limit: int) -> int:
    """Drop up to ``limit`` jobs that were over before that time, the oldest first; how many."""
    old = (
        select(col(Job.id))
        .where(col(Job.changed_at) < before, col(Job.state).not_in(ACTIVE))
        .order_by(col(Job.changed_at))
        .limit(limit)
    )
    return await count(session, delete(Job).where(col(Job.id).in_(old)))


async def _change(
    session: AsyncSession,
    which: ColumnElement[bool],
    now: datetime,
    values: dict[str, object],
) -> int:
    changed = update(Job).where(which)
    return await count(session, changed.values(changed_at=now, version=Job.version + 1, **values))

"""Tracks that are to be measured anew: marked, begun a few at a time, counted.

``Track.reanalysis_id`` is the job that a track belongs to until that job is over; a track that
is measured anew by itself has a state without it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from autodj.db import models
from autodj.db.library import chosen, owned_by
from autodj.db.models import Job, Track
from autodj.db.moves import count
from autodj.db.types import AnalysisState, JobKind, ReanalysisState
from autodj.errors import NotFound

Place: TypeAlias = tuple[datetime, UUID]
"""Where a track is in its owner's list, by the time of its creation and its id."""

UNFINISHED = (ReanalysisState.WAITING, ReanalysisState.BEGUN)


class Which(StrEnum):
    """Which of an owner's measured tracks: by an older version, whose last analysis failed, all."""

    OUTDATED = "outdated"
    FAILED = "failed"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many tracks an owner has, and of them: by an older version, failed, in a run now."""

    tracks: int
    outdated: int
    failed: int
    unfinished: int


async def tally(session: AsyncSession, owner_id: UUID, *, version: int) -> Tally:
    """What there is to measure anew."""
    query = select(
        func.count(),
        func.count().filter(_wanted(Which.OUTDATED, version)),
        func.count().filter(_wanted(Which.FAILED, version)),
        func.count().filter(col(Track.reanalysis_state).in_(UNFINISHED), not_(_free(owner_id))),
    ).where(_owned(owner_id))
    found = (await session.execute(query)).one()
    return Tally(found[0], found[1], found[2], found[3])


async def require_owned(session: AsyncSession, owner_id: UUID, track_ids: Collection[UUID]) -> None:
    """NotFound when one of the tracks is not the owner's."""
    if len(await chosen(session, owner_id, track_ids)) < len(set(track_ids)):
        raise NotFound


async def wanted(
    session: AsyncSession,
    owner_id: UUID,
    which: Which,
    *,
    version: int,
    after: Place | None,
    limit: int,
) -> Sequence[Place]:
    """Up to ``limit`` tracks that a run may mark, the newest first, from behind ``after``."""
    query = select(col(Track.created_at), col(Track.id)).where(_markable(owner_id, which, version))
    if after is not None:
        query = query.where(tuple_(col(Track.created_at), col(Track.id)) < after)
    ordered = query.order_by(col(Track.created_at).desc(), col(Track.id).desc()).limit(limit)
    return [(created_at, track_id) for created_at, track_id in await session.execute(ordered)]


async def mark(
    session: AsyncSession,
    owner_id: UUID,
    job_id: UUID,
    which: Which,
    track_ids: Collection[UUID],
    *,
    version: int,
    now: datetime,
) -> int:
    """Let those of the owner's tracks that still may be marked wait for their turn in a job; how
    many. What is in another run, or not yet measured at all, stays out of it.
    """
    marked = update(Track).where(
        col(Track.id).in_(track_ids),
        owned_by(owner_id),
        _measured(which, version),
        _free(owner_id),
    )
    values = {"reanalysis_state": ReanalysisState.WAITING, "reanalysis_id": job_id}
    return await count(session, marked.values(**values, updated_at=now))


async def begin(
    session: AsyncSession, job_id: UUID, *, limit: int, now: datetime
) -> Sequence[Track]:
    """Make up to ``limit`` waiting tracks of a job due, the newest first. They get another
    version: what was decided of a row that was read before puts it to rest no more.
    """
    query = (
        select(Track)
        .where(
            col(Track.reanalysis_id) == job_id,
            col(Track.reanalysis_state) == ReanalysisState.WAITING,
            col(Track.file_source).is_not(None),
        )
        .order_by(col(Track.created_at).desc(), col(Track.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    tracks = (await session.execute(query)).scalars().all()
    begun = update(Track).where(col(Track.id).in_([track.id for track in tracks]))
    await count(
        session,
        begun.values(
            reanalysis_state=ReanalysisState.BEGUN,
            next_attempt_at=now,
            version=Track.version + 1,
        ),
    )
    return tracks


def begin_alone(track: Track, *, now: datetime) -> None:
    """Make a row that is locked in its session due to be measured anew, before any others."""
    track.reanalysis_state = ReanalysisState.BEGUN
    track.next_attempt_at = track.updated_at = now
    track.attempts = 0
    track.version += 1


async def wake(session: AsyncSession, job_id: UUID, *, now: datetime) -> None:
    """Make begun tracks of a job due that something else has put to rest."""
    sleeping = and_(
        col(Track.reanalysis_id) == job_id,
        col(Track.reanalysis_state) == ReanalysisState.BEGUN,
        col(Track.next_attempt_at).is_(None),
    )
    await count(session, update(Track).where(sleeping).values(next_attempt_at=now))


async def give_up(session: AsyncSession, track: Track) -> None:
    """The track was tried often enough; what is known of it stays."""
    state = None if track.reanalysis_id is None else ReanalysisState.FAILED
    begun = and_(col(Track.id) == track.id, col(Track.reanalysis_state) == ReanalysisState.BEGUN)
    await count(session, update(Track).where(begun).values(reanalysis_state=state))


async def counts(session: AsyncSession, job_id: UUID) -> Mapping[ReanalysisState, int]:
    """How many living tracks of a job are in each state."""
    query = (
        select(col(Track.reanalysis_state), func.count())
        .where(_of(job_id), col(Track.file_source).is_not(None))
        .group_by(col(Track.reanalysis_state))
    )
    found = (await session.execute(query)).all()
    return {state: number for state, number in found if state is not None}


async def under_way(session: AsyncSession) -> int:
    """How many tracks are begun in the jobs of all owners."""
    query = select(func.count()).where(
        col(Track.reanalysis_state) == ReanalysisState.BEGUN,
        col(Track.reanalysis_id).is_not(None),
        col(Track.file_source).is_not(None),
    )
    return (await session.execute(query)).scalar_one()


async def new_tracks_wait(session: AsyncSession, *, before: datetime) -> bool:
    """Whether tracks that were never measured are due before that time."""
    query = select(col(Track.id)).where(
        col(Track.analysis_state) == AnalysisState.PENDING,
        col(Track.file_source).is_not(None),
        col(Track.next_attempt_at) <= before,
    )
    return (await session.execute(query.limit(1))).first() is not None


async def get_job(session: AsyncSession, job_id: UUID) -> Job:
    """The row, which nobody else changes until the transaction ends. NotFound without one."""
    query = select(Job).where(col(Job.id) == job_id).with_for_update()
    job = (await session.execute(query)).scalar_one_or_none()
    if job is None:
        raise NotFound
    return job


async def leave_alone(session: AsyncSession, job_id: UUID, *, now: datetime) -> None:
    """The begun tracks of a job are measured to their end, each by itself."""
    begun = and_(
        col(Track.reanalysis_id) == job_id, col(Track.reanalysis_state) == ReanalysisState.BEGUN
    )
    alone = update(Track).where(begun)
    due_at = func.coalesce(Track.next_attempt_at, now)
    await count(
        session,
        alone.values(reanalysis_id=None, next_attempt_at=due_at, version=Track.version + 1),
    )


async def let_go(session: AsyncSession, job_id: UUID, *, limit: int) -> int:
    """Up to ``limit`` tracks belong to the job no more; how many there were."""
    some = select(col(Track.id)).where(_of(job_id)).limit(limit)
    # Said of the row itself too: another run may have taken it since it was looked for.
    mine = and_(col(Track.id).in_(some), col(Track.reanalysis_id) == job_id)
    gone = update(Track).where(mine).values(reanalysis_state=None, reanalysis_id=None)
    return await count(session, gone)


def _of(job_id: UUID) -> ColumnElement[bool]:
    """The states are said because the index begins with them."""
    return and_(
        col(Track.reanalysis_id) == job_id, col(Track.reanalysis_state).in_(ReanalysisState)
    )


def _owned(owner_id: UUID) -> ColumnElement[bool]:
    return and_(col(Track.owner_id) == owner_id, col(Track.file_source).is_not(None))


def _markable(owner_id: UUID, which: Which, version: int) -> ColumnElement[bool]:
    return and_(col(Track.owner_id) == owner_id, _measured(which, version), _free(owner_id))


def _measured(which: Which, version: int) -> ColumnElement[bool]:
    return and_(_wanted(which, version), col(Track.file_source).is_not(None))


def _free(owner_id: UUID) -> ColumnElement[bool]:
    """In no run, or in one that is over and has not let go of the track yet."""
    runs = select(col(Job.id)).where(
        col(Job.owner_id) == owner_id,
        col(Job.kind) == JobKind.REANALYSIS,
        text(models.ACTIVE_JOBS),
    )
    in_a_run = col(Track.reanalysis_id).is_not(None)
    return or_(
        col(Track.reanalysis_state).is_(None),
        and_(in_a_run, col(Track.reanalysis_id).not_in(runs)),
    )


def _wanted(which: Which, version: int) -> ColumnElement[bool]:
    done = col(Track.analysis_state) == AnalysisState.DONE
    failed = col(Track.analysis_state) == AnalysisState.FAILED
    match which:
        case Which.OUTDATED:
            return and_(done, func.coalesce(Track.analysis_version, 0) < version)
        case Which.FAILED:
            return or_(failed, and_(done, col(Track.analysis_failure).is_not(None)))
        case Which.ALL:
            return or_(done, failed)

"""Every query about tracks; the moves that all rows with files share are in ``moves``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import and_, case, select, text, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from autodj.db import models
from autodj.db.models import Rendition, Track
from autodj.db.moves import abandon, cleaned, count, flip, move, postpone, reserve
from autodj.db.types import FileSource, FileState, ReanalysisState
from autodj.errors import Conflict, NotFound

__all__ = ["abandon", "cleaned", "flip", "postpone", "reserve"]


async def get(session: AsyncSession, track_id: UUID) -> Track:
    """The row in any state; NotFound when there is none. For workers, which see all owners."""
    track = await session.get(Track, track_id, populate_existing=True)
    if track is None:
        raise NotFound
    return track


async def lives(session: AsyncSession, track_id: UUID) -> bool:
    """Whether there is the track, and it is not going."""
    query = select(col(Track.id)).where(
        col(Track.id) == track_id, col(Track.file_source).is_not(None)
    )
    return (await session.execute(query)).first() is not None


async def get_owned(
    session: AsyncSession, track_id: UUID, owner_id: UUID, *, lock: bool = False
) -> Track:
    """The owner's living track; NotFound for everybody else.

    ``lock`` keeps others from changing it until the transaction ends.
    """
    query = select(Track).where(
        col(Track.id) == track_id,
        col(Track.owner_id) == owner_id,
        col(Track.file_source).is_not(None),
    )
    if lock:
        query = query.with_for_update()
    track = (await session.execute(query)).scalar_one_or_none()
    if track is None:
        raise NotFound
    return track


async def find_by_bytes(session: AsyncSession, owner_id: UUID, sha256: str) -> Track | None:
    """The owner's living track with exactly these bytes."""
    query = select(Track).where(
        col(Track.owner_id) == owner_id,
        col(Track.sha256) == sha256,
        col(Track.file_source).is_not(None),
    )
    return (await session.execute(query)).scalar_one_or_none()


async def settle(session: AsyncSession, track_id: UUID, *, now: datetime) -> None:
    """PENDING to STABLE/LOCAL: the bytes are safe. Conflict when the owner has them already."""
    moved = (
        update(Track)
        .where(col(Track.id) == track_id, col(Track.file_state) == FileState.PENDING)
        .values(
            file_state=FileState.STABLE,
            file_source=FileSource.LOCAL,
            next_attempt_at=now,
            updated_at=now,
        )
    )
    try:
        await move(session, moved)
    except IntegrityError as error:
        raise Conflict("The owner already has these bytes") from error


async def give_up_pending(session: AsyncSession, track_id: UUID, *, now: datetime) -> None:
    """PENDING to DELETING: nobody can settle it any more. Conflict when it is not PENDING."""
    await move(
        session,
        update(Track)
        .where(col(Track.id) == track_id, col(Track.file_state) == FileState.PENDING)
        .values(file_state=FileState.DELETING, next_attempt_at=now, updated_at=now),
    )


async def condemn(session: AsyncSession, track_id: UUID, owner_id: UUID, *, now: datetime) -> None:
    """Any living state to DELETING: nobody reads it from now on. NotFound for strangers."""
    condemned = (
        update(Track)
        .where(
            col(Track.id) == track_id,
            col(Track.owner_id) == owner_id,
            col(Track.file_source).is_not(None),
        )
        .values(
            file_state=FileState.DELETING,
            file_source=None,
            next_attempt_at=now,
            attempts=0,
            updated_at=now,
            version=Track.version + 1,
        )
    )
    if not await count(session, condemned):
        raise NotFound


async def erase(session: AsyncSession, track_id: UUID) -> None:
    """Drop the row when it is DELETING."""
    await session.execute(
        sql_delete(Track).where(
            col(Track.id) == track_id, col(Track.file_state) == FileState.DELETING
        )
    )


async def save_analysis(
    session: AsyncSession,
    track_id: UUID,
    facts: dict[str, object],
    *,
    now: datetime,
    instead_of: Track | None = None,
) -> bool:
    """Store measured facts and make the row due for its next step. In a run that measures many
    its turn is over.

    Nothing happens, and False is the answer, when the track is going, or has another analysis
    than ``instead_of`` by now.
    """
    row = and_(col(Track.id) == track_id, col(Track.file_source).is_not(None))
    if instead_of is not None:
        row &= col(Track.analysis_key).is_not_distinct_from(instead_of.analysis_key)
    failed = facts.get("analysis_failure") is not None
    outcome = ReanalysisState.FAILED if failed else ReanalysisState.DONE
    in_a_run = col(Track.reanalysis_id).is_not(None)
    saved = (
        update(Track)
        .where(row)
        .values(
            **facts,
            reanalysis_state=case((in_a_run, outcome.value), else_=None),
            attempts=0,
            next_attempt_at=now,
            updated_at=now,
            version=Track.version + 1,
        )
    )
    return bool(await count(session, saved))


async def stale_pending(session: AsyncSession, *, before: datetime) -> Sequence[Track]:
    """Rows whose ingest died before the bytes were safe."""
    query = select(Track).where(text(models.PENDING), col(Track.created_at) < before)
    return (await session.execute(query)).scalars().all()


async def known_keys(
    session: AsyncSession, keys: Collection[str], *, source: FileSource | None = None
) -> set[str]:
    """Those of ``keys`` that some row names, in whatever state, as objects of that store.

    A document has the same key in both. On S3 it is known before readers are sent there.
    """
    document = select(col(Track.analysis_key))
    if source is FileSource.LOCAL:
        document = document.where(col(Track.analysis_source) == FileSource.LOCAL)
    columns = (
        *(Track.file_path, Track.s3_object_key, Track.cover_key, Track.public_object_key),
        *(Rendition.file_path, Rendition.s3_object_key),
    )
    queries = [select(col(column)).where(col(column).in_(keys)) for column in columns]
    found: set[str] = set()
    for query in (*queries, document.where(col(Track.analysis_key).in_(keys))):
        found.update(cast("str", key) for key in (await session.execute(query)).scalars())
    return found

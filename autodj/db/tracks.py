"""Every query about tracks. Moves between file states are compare-and-set on one row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, Update, bindparam, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from autodj.db.models import Track
from autodj.db.types import FileSource, FileState, Visibility
from autodj.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Playable:
    """The part of a row that delivery needs, without a session."""

    id: UUID
    owner_id: UUID
    visibility: Visibility
    file_source: FileSource | None
    file_path: str | None
    s3_object_key: str | None
    generation: int
    title: str
    extension: str
    content_type: str
    sha256: str
    size_bytes: int
    duration_s: float


_PLAYABLE = select(*(col(getattr(Track, name)) for name in Playable.__slots__)).where(
    col(Track.id) == bindparam("track_id"), col(Track.file_source).is_not(None)
)


async def playable(connection: AsyncConnection, track_id: UUID) -> Playable:
    """What delivery needs of a track with bytes; NotFound otherwise."""
    row = (await connection.execute(_PLAYABLE, {"track_id": track_id})).one_or_none()
    if row is None:
        raise NotFound
    return Playable(*row)


async def get(session: AsyncSession, track_id: UUID) -> Track:
    """The row in any state; NotFound when there is none. For workers, which see all owners."""
    track = await session.get(Track, track_id, populate_existing=True)
    if track is None:
        raise NotFound
    return track


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
        await _move(session, moved)
    except IntegrityError as error:
        raise Conflict("The owner already has these bytes") from error


async def give_up_pending(session: AsyncSession, track_id: UUID, *, now: datetime) -> None:
    """PENDING to DELETING: nobody can settle it any more. Conflict when it is not PENDING."""
    await _move(
        session,
        update(Track)
        .where(col(Track.id) == track_id, col(Track.file_state) == FileState.PENDING)
        .values(file_state=FileState.DELETING, next_attempt_at=now, updated_at=now),
    )


async def reserve(
    session: AsyncSession, track: Track, *, s3_object_key: str, now: datetime
) -> None:
    """STABLE/LOCAL to COPYING under a new generation, with the target key taken."""
    await _move(
        session,
        _at(track, FileState.STABLE)
        .where(col(Track.file_source) == FileSource.LOCAL)
        .values(
            file_state=FileState.COPYING,
            generation=track.generation + 1,
            s3_object_key=s3_object_key,
            updated_at=now,
        ),
    )


async def flip(
    session: AsyncSession, track: Track, *, clean_after: datetime, now: datetime
) -> None:
    """COPYING to CLEANING: readers go to S3, the local copy waits for its grace to end."""
    await _move(
        session,
        _at(track, FileState.COPYING).values(
            file_state=FileState.CLEANING,
            file_source=FileSource.S3,
            clean_after=clean_after,
            next_attempt_at=now,
            attempts=0,
            failure=None,
            updated_at=now,
            version=Track.version + 1,
        ),
    )


async def abandon(session: AsyncSession, track: Track, *, failure: str, now: datetime) -> None:
    """COPYING back to STABLE/LOCAL; nobody can flip to the target object any more."""
    await _move(
        session,
        _at(track, FileState.COPYING).values(
            file_state=FileState.STABLE,
            s3_object_key=None,
            next_attempt_at=now,
            failure=failure,
            updated_at=now,
        ),
    )


async def cleaned(session: AsyncSession, track: Track, *, now: datetime) -> None:
    """CLEANING to STABLE/S3: the local copy is gone."""
    await _move(
        session,
        _at(track, FileState.CLEANING).values(
            file_state=FileState.STABLE,
            file_path=None,
            clean_after=None,
            next_attempt_at=now,
            attempts=0,
            updated_at=now,
        ),
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
    if not await _count(session, condemned):
        raise NotFound


async def erase(session: AsyncSession, track_id: UUID) -> None:
    """Drop the row when it is DELETING."""
    await session.execute(
        sql_delete(Track).where(
            col(Track.id) == track_id, col(Track.file_state) == FileState.DELETING
        )
    )


async def save_analysis(
    session: AsyncSession, track_id: UUID, facts: dict[str, object], *, now: datetime
) -> None:
    """Store measured facts and make the row due for its next step."""
    await session.execute(
        update(Track)
        .where(col(Track.id) == track_id, col(Track.file_source).is_not(None))
        .values(
            **facts,
            attempts=0,
            next_attempt_at=now,
            updated_at=now,
            version=Track.version + 1,
        )
    )


async def postpone(
    session: AsyncSession,
    track: Track,
    *,
    until: datetime | None,
    attempts: int,
    failure: str | None,
) -> None:
    """Say when the row wants its next step, and why the last one failed.

    Nothing happens when the row has moved since ``track`` was read: the move said when.
    """
    await session.execute(
        _at(track, track.file_state)
        .values(next_attempt_at=until, attempts=attempts, failure=failure)
        .execution_options(synchronize_session=False)
    )


async def stale_pending(session: AsyncSession, *, before: datetime) -> Sequence[Track]:
    """Rows whose ingest died before the bytes were safe."""
    query = select(Track).where(
        col(Track.file_state) == FileState.PENDING, col(Track.created_at) < before
    )
    return (await session.execute(query)).scalars().all()


async def known_keys(session: AsyncSession, keys: Collection[str]) -> set[str]:
    """Those of ``keys`` that some row names, in whatever state."""
    columns = (Track.file_path, Track.s3_object_key, Track.cover_key, Track.analysis_key)
    found: set[str] = set()
    for column in columns:
        query = select(col(column)).where(col(column).in_(keys))
        found.update(cast("str", key) for key in (await session.execute(query)).scalars())
    return found


def _at(track: Track, state: FileState) -> Update:
    return update(Track).where(
        col(Track.id) == track.id,
        col(Track.file_state) == state,
        col(Track.generation) == track.generation,
    )


async def _move(session: AsyncSession, statement: Update) -> None:
    if not await _count(session, statement):
        raise Conflict("The track moved on in the meantime")


async def _count(session: AsyncSession, statement: Update) -> int:
    result = await session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount

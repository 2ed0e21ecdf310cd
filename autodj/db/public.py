"""The public copy of a track: every move of its state, compare-and-set on its key.

A key is used for one copy only, so of a worker that wakes late nothing can be opened again
that another has taken back.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Update, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from autodj.db.models import Track
from autodj.db.moves import count, move
from autodj.db.types import FileSource, PublicState, Visibility


async def begin(session: AsyncSession, track: Track, *, key: str, now: datetime) -> None:
    """None to MAKING, with the key taken. Conflict when the track is not public on S3."""
    await move(
        session,
        _public(track)
        .where(col(Track.public_state).is_(None), col(Track.generation) == track.generation)
        .values(public_state=PublicState.MAKING, public_object_key=key, updated_at=now),
    )


async def open_to_all(session: AsyncSession, track: Track, *, now: datetime) -> None:
    """MAKING to OPEN: from this commit on readers are sent to the copy."""
    await move(
        session,
        _public(track)
        .where(
            col(Track.public_object_key) == track.public_object_key,
            col(Track.public_state) == PublicState.MAKING,
        )
        .values(
            public_state=PublicState.OPEN,
            next_attempt_at=now,
            attempts=0,
            failure=None,
            updated_at=now,
            version=Track.version + 1,
        ),
    )


async def close(session: AsyncSession, track: Track, *, now: datetime) -> None:
    """MAKING or OPEN to CLOSING: nobody is sent to the copy any more, and it may go."""
    await move(
        session,
        _copy(track)
        .where(col(Track.public_state) != PublicState.CLOSING)
        .values(
            public_state=PublicState.CLOSING,
            next_attempt_at=now,
            updated_at=now,
            version=Track.version + 1,
        ),
    )


async def forget(session: AsyncSession, track: Track, *, now: datetime) -> None:
    """CLOSING to none: the copy is gone."""
    await move(
        session,
        _copy(track)
        .where(col(Track.public_state) == PublicState.CLOSING)
        .values(
            public_state=None,
            public_object_key=None,
            next_attempt_at=now,
            attempts=0,
            failure=None,
            updated_at=now,
        ),
    )


async def is_kept(session: AsyncSession, track: Track) -> bool:
    """Whether the track still has this copy, and neither is going."""
    query = select(col(Track.id)).where(
        col(Track.id) == track.id,
        col(Track.public_object_key) == track.public_object_key,
        col(Track.public_state) != PublicState.CLOSING,
        col(Track.file_source).is_not(None),
    )
    return (await session.execute(query)).first() is not None


async def wake_misplaced(session: AsyncSession, *, wanted: bool, now: datetime) -> int:
    """Make those resting tracks due that lack a public copy or should have none any more.

    ``wanted``: public tracks are to have one. How many there were.
    """
    is_public = col(Track.visibility) == Visibility.PUBLIC
    has_copy = col(Track.public_state).is_not(None)
    misplaced = or_(and_(is_public, ~has_copy), and_(~is_public, has_copy)) if wanted else has_copy
    return await count(
        session,
        update(Track)
        .where(
            misplaced,
            col(Track.file_source) == FileSource.S3,
            col(Track.next_attempt_at).is_(None),
        )
        .values(next_attempt_at=now),
    )


def _public(track: Track) -> Update:
    """The row as long as everybody may read it, from S3."""
    return update(Track).where(
        col(Track.id) == track.id,
        col(Track.visibility) == Visibility.PUBLIC,
        col(Track.file_source) == FileSource.S3,
    )


def _copy(track: Track) -> Update:
    return update(Track).where(
        col(Track.id) == track.id, col(Track.public_object_key) == track.public_object_key
    )

"""Analysis documents that are still to follow their tracks to S3."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Update, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from autodj.db.models import Track
from autodj.db.moves import count, move
from autodj.db.types import FileSource


async def follow(session: AsyncSession, track: Track, *, now: datetime) -> None:
    """Send readers of the analysis document to S3. Conflict when it is another one by now, or
    the track is not on S3.
    """
    await move(
        session,
        _document_here(track).values(
            analysis_source=FileSource.S3, next_attempt_at=now, attempts=0, failure=None
        ),
    )


async def rename(session: AsyncSession, track: Track, *, key: str) -> None:
    """Another key for a document that is still to follow its track. Conflict as above."""
    await move(session, _document_here(track).values(analysis_key=key))


async def wake(session: AsyncSession, *, now: datetime) -> int:
    """Make those resting tracks due that are on S3 while their document is not; how many."""
    return await count(
        session,
        update(Track)
        .where(
            col(Track.file_source) == FileSource.S3,
            col(Track.analysis_key).is_not(None),
            col(Track.analysis_source) == FileSource.LOCAL,
            col(Track.next_attempt_at).is_(None),
        )
        .values(next_attempt_at=now),
    )


def _document_here(track: Track) -> Update:
    return update(Track).where(
        col(Track.id) == track.id,
        col(Track.file_source) == FileSource.S3,
        col(Track.analysis_key) == track.analysis_key,
        col(Track.analysis_source) == FileSource.LOCAL,
    )

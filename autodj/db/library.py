"""What an owner sees of the library: filtered pages and human corrections."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from autodj.db.models import Track
from autodj.db.types import AnalysisState, FileSource, FileState


@dataclass(frozen=True, slots=True)
class TrackFilter:
    """What a list of tracks is narrowed to; None leaves a fact open."""

    text: str | None = None
    bpm_min: float | None = None
    bpm_max: float | None = None
    camelot: str | None = None
    source: FileSource | None = None
    state: FileState | None = None
    analysis: AnalysisState | None = None


async def page(
    session: AsyncSession,
    owner_id: UUID,
    wanted: TrackFilter,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Track]:
    """Newest first, from behind the cursor ``after`` (creation time and id)."""
    query = select(Track).where(
        col(Track.owner_id) == owner_id, col(Track.file_source).is_not(None), *_conditions(wanted)
    )
    if after is not None:
        created, last_id = after
        # A row value, for an index is entered at one, and read from its start for an OR.
        query = query.where(tuple_(col(Track.created_at), col(Track.id)) < (created, last_id))
    ordered = query.order_by(col(Track.created_at).desc(), col(Track.id).desc()).limit(limit)
    return (await session.execute(ordered)).scalars().all()


def owned_by(owner_id: UUID) -> ColumnElement[bool]:
    """Beside a few ids. SQLite, which guesses that an owner has few tracks, would look through
    all of them if it could search by this.
    """
    return func.coalesce(col(Track.owner_id), col(Track.owner_id)) == owner_id


async def chosen(
    session: AsyncSession, owner_id: UUID, track_ids: Collection[UUID]
) -> Mapping[UUID, Track]:
    """Those of the tracks that are the owner's and can be played, by id, in the order of asking."""
    query = select(Track).where(
        col(Track.id).in_(track_ids), owned_by(owner_id), col(Track.file_source).is_not(None)
    )
    found = {track.id: track for track in (await session.execute(query)).scalars()}
    return {each: found[each] for each in track_ids if each in found}


async def count(session: AsyncSession, owner_id: UUID) -> int:
    """How many living tracks the owner has."""
    query = select(func.count()).where(
        col(Track.owner_id) == owner_id, col(Track.file_source).is_not(None)
    )
    return (await session.execute(query)).scalar_one()


def correct(track: Track, changes: Mapping[str, object], *, now: datetime) -> None:
    """Apply human corrections to a row that is locked in its session."""
    if changes.get("visibility", track.visibility) != track.visibility:
        track.next_attempt_at = now
    for name, value in changes.items():
        setattr(track, name, value)
    track.version += 1
    track.updated_at = now


def _conditions(wanted: TrackFilter) -> Iterator[ColumnElement[bool]]:
    bpm = func.coalesce(Track.corrected_bpm, Track.bpm)
    camelot = func.coalesce(Track.corrected_camelot, Track.camelot)
    if wanted.text:
        yield _mentions(wanted.text)
    if wanted.bpm_min is not None:
        yield bpm >= wanted.bpm_min
    if wanted.bpm_max is not None:
        yield bpm <= wanted.bpm_max
    if wanted.camelot is not None:
        yield camelot == wanted.camelot
    if wanted.source is not None:
        yield col(Track.file_source) == wanted.source
    if wanted.state is not None:
        yield col(Track.file_state) == wanted.state
    if wanted.analysis is not None:
        yield col(Track.analysis_state) == wanted.analysis


def _mentions(text: str) -> ColumnElement[bool]:
    return or_(
        *(
            col(column).icontains(text, autoescape=True)
            for column in (Track.title, Track.artist, Track.album)
        )
    )

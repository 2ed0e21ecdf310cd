"""What delivery needs of tracks that have bytes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from autodj.db.models import Track
from autodj.db.ready import READY
from autodj.db.types import FileSource, PublicState, Visibility
from autodj.errors import NotFound


@dataclass(frozen=True, slots=True)
class Playable:
    """The part of a row that delivery needs, without a session.

    ``renditions`` are the other files that can be played, packed by ``READY``. The
    fields above it are of the file to be played, which ``rendition`` names.
    """

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
    public_state: PublicState | None = None
    public_object_key: str | None = None
    renditions: str | None = None
    rendition: str = "original"
    start_offset_s: float = 0.0


_COLUMNS = Playable.__slots__[: Playable.__slots__.index("renditions")]
_SELECTED: tuple[Any, ...] = (
    *(col(getattr(Track, name)) for name in _COLUMNS),
    READY,
)
_PLAYABLE_COLUMNS = select(*_SELECTED).where(col(Track.file_source).is_not(None))
PLAYABLE = _PLAYABLE_COLUMNS.where(col(Track.id) == bindparam("track_id"))
"""What delivery needs of one track with bytes, for those who read it by other means."""
_PLAYABLES = _PLAYABLE_COLUMNS.where(col(Track.id).in_(bindparam("track_ids", expanding=True)))


async def playable(connection: AsyncConnection, track_id: UUID) -> Playable:
    """What delivery needs of a track with bytes; NotFound otherwise."""
    row = (await connection.execute(PLAYABLE, {"track_id": track_id})).one_or_none()
    if row is None:
        raise NotFound
    return Playable(*row)


async def playables(
    connection: AsyncConnection, track_ids: Collection[UUID]
) -> dict[UUID, Playable]:
    """Those of the tracks that have bytes."""
    rows = await connection.execute(_PLAYABLES, {"track_ids": list(track_ids)})
    return {track.id: track for track in (Playable(*row) for row in rows)}

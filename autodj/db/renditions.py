"""Every query about renditions; the moves that all rows with files share are in ``moves``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete as sql_delete
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from autodj.db.models import Rendition, Track
from autodj.db.moves import at, count, move
from autodj.db.types import FileSource, FileState, RenditionName
from autodj.errors import NotFound


async def get(session: AsyncSession, rendition_id: UUID) -> Rendition:
    """The row in any state; NotFound when there is none."""
    found = await session.get(Rendition, rendition_id, populate_existing=True)
    if found is None:
        raise NotFound
    return found


async def of_track(session: AsyncSession, track_id: UUID) -> Sequence[Rendition]:
    """All of a track's, in whatever state, by name."""
    query = (
        select(Rendition)
        .where(col(Rendition.track_id) == track_id)
        .order_by(col(Rendition.name))
        .execution_options(populate_existing=True)
    )
    return (await session.execute(query)).scalars().all()


async def want(
    session: AsyncSession, track_id: UUID, names: Collection[RenditionName], *, now: datetime
) -> Sequence[Rendition]:
    """Make rows, due now, for those of the names that have none, and let those that failed be
    tried again; the rows that are due by this.

    Nothing happens to a track without bytes. The track's row stays locked until the end.
    """
    living = (
        select(col(Track.id))
        .where(col(Track.id) == track_id, col(Track.file_source).is_not(None))
        .with_for_update()
    )
    if (await session.execute(living)).one_or_none() is None:
        return []
    known = {row.name: row for row in await of_track(session, track_id)}
    due = []
    for name in names:
        row = known.get(name)
        if row is None:
            row = _new(track_id, name, now)
            session.add(row)
        elif row.file_state is FileState.FAILED:
            row.file_state, row.failure, row.attempts = FileState.PENDING, None, 0
            row.next_attempt_at = row.updated_at = now
        else:
            continue
        due.append(row)
    await session.flush()
    return due


async def hold(
    session: AsyncSession,
    row: Rendition,
    facts: Mapping[str, object],
    *,
    file_path: str,
    now: datetime,
) -> None:
    """PENDING stays so under a new generation, with the path taken at which its bytes will be."""
    await move(
        session,
        at(row, FileState.PENDING).values(
            **facts, file_path=file_path, generation=row.generation + 1, updated_at=now
        ),
    )


async def settle(session: AsyncSession, row: Rendition, *, now: datetime) -> None:
    """PENDING to STABLE/LOCAL: the bytes are safe, and the track's readers are to see it."""
    await move(
        session,
        at(row, FileState.PENDING).values(
            file_state=FileState.STABLE,
            file_source=FileSource.LOCAL,
            next_attempt_at=now,
            attempts=0,
            failure=None,
            updated_at=now,
            version=col(Rendition.version) + 1,
        ),
    )
    await touch_track(session, row.track_id, now=now)


async def fail(session: AsyncSession, row: Rendition, *, failure: str, now: datetime) -> None:
    """PENDING to FAILED: it cannot be made of these bytes, and has none."""
    await move(
        session,
        at(row, FileState.PENDING).values(
            file_state=FileState.FAILED,
            file_path=None,
            next_attempt_at=None,
            failure=failure,
            updated_at=now,
        ),
    )


async def condemn_all(session: AsyncSession, track_id: UUID, *, now: datetime) -> None:
    """Every rendition of a track to DELETING: no worker can settle or move it from now on."""
    await session.execute(
        update(Rendition)
        .where(col(Rendition.track_id) == track_id)
        .values(
            file_state=FileState.DELETING, file_source=None, next_attempt_at=None, updated_at=now
        )
        .execution_options(synchronize_session=False)
    )


async def erase(session: AsyncSession, row: Rendition) -> bool:
    """Drop the row when it is still as it was read; whether it was."""
    unmoved = sql_delete(Rendition).where(
        col(Rendition.id) == row.id,
        col(Rendition.file_state) == row.file_state,
        col(Rendition.generation) == row.generation,
    )
    return bool(await count(session, unmoved))


async def touch_track(session: AsyncSession, track_id: UUID, *, now: datetime) -> None:
    """Show those who keep the track by its version that it can be played otherwise now."""
    await session.execute(
        update(Track)
        .where(col(Track.id) == track_id)
        .values(version=col(Track.version) + 1, updated_at=now)
        .execution_options(synchronize_session=False)
    )


async def any_untried(session: AsyncSession, track_id: UUID) -> bool:
    """Whether a rendition of the track is still to be made, and has not failed at it yet."""
    query = select(col(Rendition.id)).where(
        col(Rendition.track_id) == track_id,
        col(Rendition.file_state) == FileState.PENDING,
        col(Rendition.attempts) == 0,
    )
    return (await session.execute(query.limit(1))).one_or_none() is not None


def _new(track_id: UUID, name: RenditionName, now: datetime) -> Rendition:
    return Rendition(
        id=uuid4(),
        track_id=track_id,
        name=name,
        created_at=now,
        updated_at=now,
        file_state=FileState.PENDING,
        next_attempt_at=now,
    )

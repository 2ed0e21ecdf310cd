"""The moves between file states, for every table whose rows have a file.

Each is compare-and-set on one row (id, state, generation): of two workers one wins, and the
other gets Conflict. Owners see the state, so each makes another version of the row.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias, cast

from sqlalchemy import CursorResult, Delete, Update, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from autodj.db.models import Rendition, Track
from autodj.db.types import FileSource, FileState
from autodj.errors import Conflict

FileRow: TypeAlias = Track | Rendition


async def reserve(
    session: AsyncSession, row: FileRow, *, s3_object_key: str, now: datetime
) -> None:
    """STABLE/LOCAL to COPYING under a new generation, with the target key taken."""
    await move(
        session,
        at(row, FileState.STABLE)
        .where(col(type(row).file_source) == FileSource.LOCAL)
        .values(
            file_state=FileState.COPYING,
            generation=row.generation + 1,
            s3_object_key=s3_object_key,
            updated_at=now,
            version=col(type(row).version) + 1,
        ),
    )


async def flip(
    session: AsyncSession, row: FileRow, *, clean_after: datetime, now: datetime
) -> None:
    """COPYING to CLEANING: readers go to S3, the local copy waits for its grace to end."""
    await move(
        session,
        at(row, FileState.COPYING).values(
            file_state=FileState.CLEANING,
            file_source=FileSource.S3,
            clean_after=clean_after,
            next_attempt_at=now,
            attempts=0,
            failure=None,
            updated_at=now,
            version=col(type(row).version) + 1,
        ),
    )


async def abandon(session: AsyncSession, row: FileRow, *, failure: str, now: datetime) -> None:
    """COPYING back to STABLE/LOCAL; nobody can flip to the target object any more."""
    await move(
        session,
        at(row, FileState.COPYING).values(
            file_state=FileState.STABLE,
            s3_object_key=None,
            next_attempt_at=now,
            failure=failure,
            updated_at=now,
            version=col(type(row).version) + 1,
        ),
    )


async def cleaned(session: AsyncSession, row: FileRow, *, now: datetime) -> None:
    """CLEANING to STABLE/S3: the local copy is gone."""
    await move(
        session,
        at(row, FileState.CLEANING).values(
            file_state=FileState.STABLE,
            file_path=None,
            clean_after=None,
            next_attempt_at=now,
            attempts=0,
            updated_at=now,
            version=col(type(row).version) + 1,
        ),
    )


async def postpone(
    session: AsyncSession,
    row: FileRow,
    *,
    until: datetime | None,
    attempts: int,
    failure: str | None,
) -> bool:
    """Say when the row wants its next step, and why the last one failed.

    Nothing happens, and False is the answer, when the row was moved or changed since it was
    read: who did it said when.
    """
    unchanged = at(row, row.file_state).where(col(type(row).version) == row.version)
    values = {"next_attempt_at": until, "attempts": attempts, "failure": failure}
    return bool(await count(session, unchanged.values(values)))


async def leads_to_target(session: AsyncSession, row: FileRow) -> bool:
    """Whether the row still names the object that it was to lead to, and is not going. If not,
    it never will again.
    """
    table = type(row)
    query = select(col(table.id)).where(
        col(table.id) == row.id,
        col(table.s3_object_key) == row.s3_object_key,
        col(table.file_state) != FileState.DELETING,
    )
    return (await session.execute(query)).first() is not None


def at(row: FileRow, state: FileState) -> Update:
    """An update of the row as long as it is in that state and has not moved."""
    table = type(row)
    return update(table).where(
        col(table.id) == row.id,
        col(table.file_state) == state,
        col(table.generation) == row.generation,
    )


async def move(session: AsyncSession, statement: Update) -> None:
    """Run an update that must hit its row; Conflict when the row is no longer there."""
    if not await count(session, statement):
        raise Conflict("The row moved on in the meantime")


async def count(session: AsyncSession, statement: Update | Delete) -> int:
    """How many rows it has changed or dropped."""
    result = await session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount

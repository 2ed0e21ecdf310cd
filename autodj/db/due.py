"""Taking rows whose time has come: the part of a queue that a table needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from autodj.db.models import Job, Rendition, Track

Queued = TypeVar("Queued", Track, Rendition, Job)


async def claim_due(
    session: AsyncSession,
    table: type[Queued],
    *,
    now: datetime,
    lease_until: datetime,
    limit: int,
) -> Sequence[Queued]:
    """Take up to ``limit`` due rows: they are due again only when the lease is over."""
    query = (
        select(table)
        .where(col(table.next_attempt_at) <= now)
        .order_by(col(table.next_attempt_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    due = (await session.execute(query)).scalars().all()
    await session.execute(
        update(table)
        .where(col(table.id).in_([row.id for row in due]))
        .values(next_attempt_at=lease_until)
        .execution_options(synchronize_session=False)
    )
    return due


async def hold(
    session: AsyncSession, table: type[Queued], row_id: UUID, *, until: datetime
) -> None:
    """Let a row that is due, or leased, be due at ``until`` instead; a resting one rests on."""
    await session.execute(
        update(table)
        .where(col(table.id) == row_id, col(table.next_attempt_at).is_not(None))
        .values(next_attempt_at=until)
        .execution_options(synchronize_session=False)
    )

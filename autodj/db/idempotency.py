"""What each Idempotency-Key was used for."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from autodj.db.models import IdempotencyKey
from autodj.errors import KeyReused, StillRunning

IN_FLIGHT_S = 45
KEPT_DAYS = 1


async def claim(
    session: AsyncSession, owner_id: UUID, key: str, fingerprint: str, *, now: datetime
) -> IdempotencyKey:
    """Take the key, or return what it already led to (``status`` set).

    KeyReused when it was used for another request; StillRunning while the first one is: for
    ``IN_FLIGHT_S`` since it last said so. Whoever takes the key up then has the same claim.
    """
    await session.execute(
        delete(IdempotencyKey).where(
            col(IdempotencyKey.created_at) < now - timedelta(days=KEPT_DAYS)
        )
    )
    query = select(IdempotencyKey).where(
        col(IdempotencyKey.owner_id) == owner_id, col(IdempotencyKey.key) == key
    )
    known = (await session.execute(query.with_for_update())).scalar_one_or_none()
    if known is None:
        fresh = IdempotencyKey(
            id=uuid4(), owner_id=owner_id, key=key, fingerprint=fingerprint, created_at=now
        )
        session.add(fresh)
        try:
            await session.flush()
        except IntegrityError as error:
            raise StillRunning from error
        return fresh
    if known.fingerprint != fingerprint:
        raise KeyReused
    if known.status is None:
        if known.created_at > now - timedelta(seconds=IN_FLIGHT_S):
            raise StillRunning
        known.created_at = now
    return known


async def hold(session: AsyncSession, claim_id: UUID, *, now: datetime) -> None:
    """Say that the request is still running."""
    await session.execute(
        update(IdempotencyKey)
        .where(col(IdempotencyKey.id) == claim_id, col(IdempotencyKey.status).is_(None))
        .values(created_at=now)
    )


async def finish(session: AsyncSession, claim_id: UUID, *, status: int, subject_id: UUID) -> None:
    """Record what the request led to, so that a repeat is told the same."""
    await session.execute(
        update(IdempotencyKey)
        .where(col(IdempotencyKey.id) == claim_id)
        .values(status=status, subject_id=subject_id)
    )


async def release(session: AsyncSession, claim_id: UUID) -> None:
    """Forget a key whose request failed: the same request may be tried again."""
    await session.execute(
        delete(IdempotencyKey).where(
            col(IdempotencyKey.id) == claim_id, col(IdempotencyKey.status).is_(None)
        )
    )

"""Every query about users and the one-time links that let them in."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from autodj.db.models import LoginLink, User
from autodj.errors import NotFound


async def get(session: AsyncSession, user_id: UUID) -> User:
    user = await session.get(User, user_id)
    if user is None:
        raise NotFound
    return user


async def first(session: AsyncSession) -> User | None:
    """Whoever was there first, which does not change: users are not deleted."""
    query = select(User).order_by(col(User.created_at), col(User.id)).limit(1)
    return (await session.execute(query)).scalar_one_or_none()


async def get_or_add(session: AsyncSession, name: str, *, now: datetime) -> User:
    """The user of that name, made when there is none, be it by somebody at the same time."""
    query = select(User).where(col(User.name) == name)
    user = (await session.execute(query)).scalar_one_or_none()
    if user is not None:
        return user
    user = User(id=uuid4(), name=name, created_at=now)
    try:
        async with session.begin_nested():
            session.add(user)
    except IntegrityError:
        return (await session.execute(query)).scalar_one()
    return user


def add_login_link(
    session: AsyncSession, *, token_sha256: str, user_id: UUID, expires_at: datetime
) -> None:
    session.add(LoginLink(token_sha256=token_sha256, user_id=user_id, expires_at=expires_at))


async def use_login_link(session: AsyncSession, token_sha256: str, *, now: datetime) -> UUID:
    """Spend the link and say whose it was; NotFound when it is spent, unknown or too old."""
    await session.execute(delete(LoginLink).where(col(LoginLink.expires_at) <= now))
    spent = await session.execute(
        delete(LoginLink)
        .where(col(LoginLink.token_sha256) == token_sha256)
        .returning(col(LoginLink.user_id))
    )
    user_id = spent.scalar_one_or_none()
    if user_id is None:
        raise NotFound
    return user_id

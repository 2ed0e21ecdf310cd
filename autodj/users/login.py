"""One-time links that open the page, as notebook servers print them."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from autodj.db import Database, User, users
from autodj.errors import NotFound, Unauthenticated

LINK_TTL_S = 900


async def ensure_user(db: Database, name: str) -> User:
    """The user of that name, made when there is none."""
    now = await db.now()
    async with db.transaction() as session:
        return await users.get_or_add(session, name, now=now)


async def offer_login(
    db: Database, user_id: UUID, *, public_url: str, ttl_s: int = LINK_TTL_S
) -> str:
    """A URL that logs its first visitor in as the user, once, within ``ttl_s`` seconds."""
    token = secrets.token_urlsafe(32)
    expires_at = await db.now() + timedelta(seconds=ttl_s)
    async with db.transaction() as session:
        users.add_login_link(
            session, token_sha256=_hash(token), user_id=user_id, expires_at=expires_at
        )
    return f"{public_url}/login?t={token}"


async def accept_login(db: Database, token: str) -> UUID:
    """Spend the link's token and say whose it was; Unauthenticated when it is no good."""
    now = await db.now()
    try:
        async with db.transaction() as session:
            return await users.use_login_link(session, _hash(token), now=now)
    except NotFound as error:
        raise Unauthenticated(
            "This login link was used before or is over",
            hint="Print a new one with `autodj login`.",
        ) from error


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

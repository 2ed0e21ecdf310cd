"""Ways in for a user of the installation that the settings describe."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from autodj.cli.where import own_token
from autodj.db import Database, open_database
from autodj.db.schema import require_current, require_database
from autodj.settings import Settings
from autodj.users.login import ensure_user, offer_login


async def login_link(settings: Settings, user: str) -> str:
    """A one-time link to the page; the user is made when there is none of that name."""
    async with _ready_database(settings) as db:
        owner = await ensure_user(db, user)
        return await offer_login(db, owner.id, public_url=settings.public_url)


async def bearer_token(settings: Settings, user: str, *, ttl_s: int) -> str:
    """A token for the API, good for ``ttl_s`` seconds."""
    async with _ready_database(settings) as db:
        owner = await ensure_user(db, user)
        return own_token(settings, owner.id, ttl_s=ttl_s)


@asynccontextmanager
async def _ready_database(settings: Settings) -> AsyncGenerator[Database]:
    require_database(settings.database_url)
    async with open_database(settings.database_url) as db:
        await require_current(db)
        yield db

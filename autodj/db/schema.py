"""Bringing a database to the newest revision."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config

from autodj.errors import CommandError


def alembic_config(url: str) -> Config:
    """Alembic's settings for ``url``, with the revisions that are installed beside autodj."""
    spec = find_spec("migrations")
    if spec is None or spec.origin is None:
        raise CommandError("The migrations are not installed beside autodj")
    config = Config()
    config.set_main_option("script_location", str(Path(spec.origin).parent).replace("%", "%%"))
    config.attributes["url"] = url
    return config


async def upgrade(url: str, revision: str = "head") -> None:
    """Migrate up, in a thread: alembic runs its own event loop."""
    await asyncio.to_thread(command.upgrade, alembic_config(url), revision)


async def downgrade(url: str, revision: str) -> None:
    """Migrate down; revisions refuse when rows would be lost."""
    await asyncio.to_thread(command.downgrade, alembic_config(url), revision)

"""Bringing a database to the newest revision, and seeing whether it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError as AlembicError
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from autodj.db.session import Database
from autodj.errors import CommandError, DatabaseUnavailable

UPGRADE = "`alembic upgrade head` migrates it; `autodj up` does so by itself."


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
    """Migrate up, in a thread: alembic runs its own event loop.

    CommandError for a database that a newer autodj has migrated; DatabaseUnavailable when it
    does not answer or cannot be written.
    """
    with _plain_faults():
        await asyncio.to_thread(command.upgrade, alembic_config(url), revision)


async def downgrade(url: str, revision: str) -> None:
    """Migrate down; revisions refuse when rows would be lost."""
    await asyncio.to_thread(command.downgrade, alembic_config(url), revision)


def require_database(url: str) -> None:
    """CommandError for a SQLite file that is not there: opening would make an empty one."""
    parts = make_url(url)
    if parts.drivername.startswith("sqlite") and not Path(parts.database or "").is_file():
        raise CommandError(f"There is no database at {parts.database}", hint=UPGRADE)


async def require_current(db: Database) -> str:
    """The revision of the database; CommandError when it is not the newest that we know."""
    async with db.reading() as connection:
        found = await connection.run_sync(_revision)
    newest = ScriptDirectory.from_config(alembic_config(str(db.engine.url))).get_current_head()
    if found is None:
        raise CommandError("The database has no tables", hint=UPGRADE)
    if found != newest:
        raise CommandError(f"The database is at revision {found}, not {newest}", hint=UPGRADE)
    return found


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def _plain_faults() -> Iterator[None]:
    try:
        yield
    except AlembicError as error:
        raise CommandError(
            f"The database cannot be migrated: {error}",
            hint="Was it used with a newer autodj? Then install that one.",
        ) from error
    except DBAPIError as error:
        raise DatabaseUnavailable(f"The database cannot be migrated: {error.orig}") from error

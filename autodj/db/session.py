"""The database: one engine, and the one place where anything is committed."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from autodj.errors import DatabaseUnavailable

Session = AsyncSession
"""An open transaction, by our own name: only this package speaks SQLAlchemy's."""

BUSY_TIMEOUT_S = 5.0
POOL_TIMEOUT_S = 2.0
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # NORMAL may forget the last commits when the power fails, and we acknowledge them.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}",
)
POSTGRES_SETTINGS = {
    "application_name": "autodj",
    "synchronous_commit": "on",
    "statement_timeout": "5000",
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "10000",
}


class Database:
    """Short transactions on one engine. Nothing slow belongs inside them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """Commit on leaving, roll back on an error. Rows stay usable afterwards."""
        async with (
            _translated(),
            AsyncSession(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A connection for single reads: on SQLite each statement is its own transaction, for
        opening and closing one costs more than a row does.
        """
        async with _translated(), self.engine.connect() as connection:
            yield await connection.execution_options(autodj_begin=None)

    @asynccontextmanager
    async def read_session(self) -> AsyncGenerator[AsyncSession]:
        """A session that only reads: on SQLite it takes no write lock."""
        engine = self.engine.execution_options(autodj_begin="BEGIN")
        async with _translated(), AsyncSession(engine) as session:
            yield session

    async def now(self) -> datetime:
        """The clock that leases are measured by: the database's, shared by all machines."""
        if self.engine.dialect.name == "sqlite":
            return datetime.now(UTC)
        async with self.reading() as connection:
            moment: datetime = (
                await connection.execute(select(func.clock_timestamp()))
            ).scalar_one()
            return moment.astimezone(UTC)

    @property
    def address(self) -> str:
        """Where it is, without user, password and options."""
        url = self.engine.url
        if url.get_backend_name() == "sqlite":
            return f"sqlite:{Path(url.database or '').resolve()}"
        return f"{url.get_backend_name()}:{url.host}:{url.port or 5432}/{url.database}"

    async def probe(self) -> None:
        """Raise DatabaseUnavailable unless the schema answers."""
        try:
            async with self.reading() as connection:
                await connection.execute(text("SELECT version_num FROM alembic_version"))
        except ProgrammingError as error:
            missing = "The tables are missing; run `alembic upgrade head`"
            raise DatabaseUnavailable(missing) from error


@asynccontextmanager
async def open_database(url: str) -> AsyncGenerator[Database]:
    """Open the engine for ``url`` and dispose of it afterwards."""
    engine = _sqlite_engine(url) if url.startswith("sqlite") else _postgres_engine(url)
    try:
        yield Database(engine)
    finally:
        await engine.dispose()


@asynccontextmanager
async def _translated() -> AsyncGenerator[None]:
    try:
        yield
    except (IntegrityError, ProgrammingError, DataError):
        raise  # ours to mend, and no reason to try again
    except (DBAPIError, PoolTimeoutError, ConnectionError, TimeoutError) as error:
        raise DatabaseUnavailable from error


def _postgres_engine(url: str) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=10,
        max_overflow=10,
        pool_timeout=POOL_TIMEOUT_S,
        pool_pre_ping=True,
        connect_args={"timeout": 5, "command_timeout": 10, "server_settings": POSTGRES_SETTINGS},
    )


def _sqlite_engine(url: str) -> AsyncEngine:
    file = make_url(url).database
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(
        url, pool_timeout=POOL_TIMEOUT_S, connect_args={"factory": _SqliteConnection}
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


class _SqliteConnection(sqlite3.Connection):
    """Rolls back before it closes, as it does when its task is cancelled.

    SQLite leaves a connection whose rows are still being read half open, with its transaction
    and the write lock, until the statement is gone: when garbage is looked for, if ever.
    """

    def close(self) -> None:
        with suppress(sqlite3.Error):  # closed before, as the driver may; or nothing to save
            if self.in_transaction:
                self.rollback()
        super().close()


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's object
    # The driver would open transactions by itself, and only at the first write: too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Any) -> None:  # noqa: ANN401 - sqlalchemy's Connection, sync side
    # A deferred transaction that reads, then writes, fails under load despite the timeout.
    begin = connection.get_execution_options().get("autodj_begin", "BEGIN IMMEDIATE")
    if begin is not None:
        connection.exec_driver_sql(begin)

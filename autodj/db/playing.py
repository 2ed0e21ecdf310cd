"""Rows for delivery, read without a session: the busiest query of all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

from autodj.db.playables import PLAYABLE, Playable, playable, playables
from autodj.db.session import Database
from autodj.errors import DatabaseUnavailable, NotFound

MAX_BATCH = 500


class PlayableRows(Protocol):
    """Reads what delivery needs of tracks."""

    def stamp(self) -> int:
        """Another number whenever any row may have changed; always the same from a database
        that cannot say.
        """
        ...

    async def read(self, track_id: UUID) -> Playable:
        """The row as it is at some moment after the call; NotFound without one."""
        ...


@asynccontextmanager
async def open_playable_rows(db: Database) -> AsyncGenerator[PlayableRows]:
    """The way that suits the database, which has to outlive it."""
    file = db.engine.url.database
    if db.engine.dialect.name == "sqlite" and file is not None:
        with closing(_connect(file)) as connection:
            yield SqliteRows(db, connection)
        return
    rows = BatchedRows(db)
    yield rows
    await rows.close()


class SqliteRows:
    """Reads on the event loop itself, from a connection of its own.

    A row by its key takes some 10 microseconds, a hop to the driver's thread and back a
    hundred times as long. Readers never wait for writers in WAL mode; where SQLite would wait
    all the same, the usual way is taken.
    """

    def __init__(self, db: Database, connection: sqlite3.Connection) -> None:
        self._db = db
        self._connection = connection
        self._stamp: int | None = None
        self._failures = 0
        dialect = sqlite.dialect(paramstyle="qmark")
        compiled = PLAYABLE.compile(dialect=dialect)
        assert compiled.positiontup == ["track_id"]
        self._query = str(compiled)
        self._readers = [_reader(column.type, dialect) for column in PLAYABLE.selected_columns]

    def stamp(self) -> int:
        """Asked of SQLite once in each turn of the loop: whoever commits and then calls is
        served in a later turn than the one that was asked in.
        """
        if self._stamp is None:
            self._stamp = self._data_version()
            asyncio.get_running_loop().call_soon(self._ask_again)
        return self._stamp

    async def read(self, track_id: UUID) -> Playable:
        try:
            rows = self._connection.execute(self._query, (track_id.hex,)).fetchall()
        except sqlite3.Error:  # busy, or broken: the usual way waits, or says so in our words
            async with self._db.reading() as connection:
                return await playable(connection, track_id)
        if not rows:
            raise NotFound
        [row] = rows
        return Playable(*(read(value) for read, value in zip(self._readers, row, strict=True)))

    def _data_version(self) -> int:
        try:
            # All rows are taken, or the read would stay open and see no change for ever.
            [[version]] = self._connection.execute("PRAGMA data_version").fetchall()
        except sqlite3.Error:
            self._failures -= 1  # no version is negative: whoever compares has to read
            return self._failures
        return int(version)

    def _ask_again(self) -> None:
        self._stamp = None


class _Batch:
    """Tracks to be read by one query, and who waits for them."""

    def __init__(self) -> None:
        self.track_ids: set[UUID] = set()
        self.found: asyncio.Future[dict[UUID, Playable]] = asyncio.Future()


class BatchedRows:
    """Reads for everybody who waits with one query at a time.

    Who asks while a query is under way waits for the next: what he gets was read after he
    asked.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: deque[_Batch] = deque()
        self._reader: asyncio.Task[None] | None = None

    def stamp(self) -> int:
        return 0

    async def read(self, track_id: UUID) -> Playable:
        if not self._waiting or len(self._waiting[-1].track_ids) >= MAX_BATCH:
            self._waiting.append(_Batch())
        batch = self._waiting[-1]
        batch.track_ids.add(track_id)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_all())
        try:
            # Others wait for the same: who gives up must not take it from them.
            found = await asyncio.shield(batch.found)
        except DatabaseUnavailable as error:
            raise DatabaseUnavailable from error  # one for each request: it gets headers
        if track_id not in found:
            raise NotFound
        return found[track_id]

    async def close(self) -> None:
        """Let the query under way come to its end."""
        if self._reader is not None:
            await self._reader

    async def _read_all(self) -> None:
        while self._waiting:
            batch = self._waiting.popleft()
            try:
                async with self._db.reading() as connection:
                    batch.found.set_result(await playables(connection, batch.track_ids))
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
                batch.found.set_exception(error)
                batch.found.exception()  # and is seen even when all of them have gone


def _connect(file: str) -> sqlite3.Connection:
    # Waiting is left to the usual way: here it would stop the whole loop.
    connection = sqlite3.connect(file, timeout=0, isolation_level=None)
    connection.execute("PRAGMA query_only=ON")
    return connection


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any]:
    """What SQLAlchemy does to a value of this column."""
    return kind.dialect_impl(dialect).result_processor(dialect, None) or _as_it_is


def _as_it_is(value: object) -> object:
    return value

"""Rows for delivery are read as they are, on either database, without a session."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from autodj.db import Database, FileState, Track, Visibility, open_database, tracks
from autodj.db.playables import playable
from autodj.db.playing import BatchedRows, PlayableRows, SqliteRows, open_playable_rows
from autodj.errors import DatabaseUnavailable, NotFound
from tests.builders import MOMENT, make_track, make_user


@pytest.fixture
async def rows(db: Database) -> AsyncGenerator[PlayableRows]:
    async with open_playable_rows(db) as opened:
        yield opened


async def add_track(db: Database, **columns: object) -> Track:
    user = make_user()
    track = make_track(user.id, **columns)
    for row in (user, track):
        async with db.transaction() as session:
            session.add(row)
    return track


async def test_each_database_is_read_in_its_own_way(db: Database, rows: PlayableRows) -> None:
    kind = SqliteRows if db.engine.dialect.name == "sqlite" else BatchedRows
    assert isinstance(rows, kind)


async def test_a_row_is_what_the_usual_way_reads(db: Database, rows: PlayableRows) -> None:
    for visibility in Visibility:
        track = await add_track(db, title="Nacht\\bus 🚌", visibility=visibility)
        async with db.reading() as connection:
            assert await rows.read(track.id) == await playable(connection, track.id)


async def test_what_has_no_bytes_is_not_found(db: Database, rows: PlayableRows) -> None:
    pending = await add_track(db, file_state=FileState.PENDING, file_source=None)
    for track_id in (pending.id, uuid4()):
        with pytest.raises(NotFound):
            await rows.read(track_id)


async def test_a_change_is_seen_by_the_next_to_ask(db: Database, rows: PlayableRows) -> None:
    track = await add_track(db)
    assert (await rows.read(track.id)).id == track.id
    async with db.transaction() as session:
        await tracks.condemn(session, track.id, track.owner_id, now=MOMENT)
    with pytest.raises(NotFound):
        await rows.read(track.id)


async def test_many_may_ask_at_once(db: Database, rows: PlayableRows) -> None:
    owner = make_user()
    async with db.transaction() as session:
        session.add(owner)
    added = [make_track(owner.id) for _ in range(20)]
    async with db.transaction() as session:
        session.add_all(added)
    found = await asyncio.gather(*(rows.read(track.id) for track in [*added, *added]))
    assert [each.id for each in found] == [track.id for track in [*added, *added]]


async def test_on_sqlite_every_commit_changes_the_stamp_and_nothing_else_does(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    async with _opened(migrated_sqlite, tmp_path) as (db, rows):
        stamps = [rows.stamp()]
        track = await add_track(db)
        stamps.append(rows.stamp())
        await rows.read(track.id)
        await asyncio.sleep(0)
        assert rows.stamp() == stamps[-1]
        # A process of another program, such as a worker.
        with sqlite3.connect(tmp_path / "autodj.db") as other:
            other.execute("UPDATE tracks SET title = 'Else'")
        other.close()
        await asyncio.sleep(0)
        stamps.append(rows.stamp())
        assert len(set(stamps)) == 3
        assert (await rows.read(track.id)).title == "Else"


async def test_sqlite_is_not_held_up_by_a_writer_and_holds_nobody_up(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    async with _opened(migrated_sqlite, tmp_path) as (db, rows):
        track = await add_track(db)
        with sqlite3.connect(tmp_path / "autodj.db", isolation_level=None) as writer:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE tracks SET title = 'Else'")
            assert (await rows.read(track.id)).title == track.title
            writer.execute("COMMIT")
            # No read transaction is left open: all of the log can be put away.
            [[busy, logged, done]] = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            assert (busy, logged) == (0, done)
        writer.close()
        assert (await rows.read(track.id)).title == "Else"


async def test_where_sqlite_would_wait_the_usual_way_is_taken(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    async with _opened(migrated_sqlite, tmp_path) as (db, _):
        track = await add_track(db)
        closed = sqlite3.connect(":memory:")
        closed.close()
        rows = SqliteRows(db, closed)
        assert (await rows.read(track.id)).id == track.id
        first = rows.stamp()
        await asyncio.sleep(0)
        assert rows.stamp() != first, "nobody may believe that nothing has changed"


# Batches


class Counted:
    """A database that says how often it was asked, and can be made to fail or to wait."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.queries = 0
        self.failing = False
        self.gate = asyncio.Event()
        self.gate.set()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        self.queries += 1
        await self.gate.wait()
        if self.failing:
            raise DatabaseUnavailable
        async with self._db.reading() as connection:
            yield connection


async def settled() -> None:
    """Let every task come to where it waits, however long each turn of the loop takes."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_all_who_wait_are_served_by_one_query(db: Database) -> None:
    track = await add_track(db)
    counted = Counted(db)
    rows = BatchedRows(counted)  # type: ignore[arg-type]  # the part that is used
    counted.gate.clear()
    first = asyncio.create_task(rows.read(track.id))
    await settled()
    later = [asyncio.create_task(rows.read(each)) for each in (track.id, uuid4(), track.id)]
    await settled()
    # The first query may have seen the row before the later ones asked.
    async with db.transaction() as session:
        (await tracks.get(session, track.id)).title = "Else"
    counted.gate.set()
    assert (await first).id == track.id
    found = await asyncio.gather(*later, return_exceptions=True)
    assert [isinstance(each, NotFound) for each in found] == [False, True, False]
    assert (await later[0]).title == "Else"
    assert counted.queries == 2
    await rows.close()


async def test_who_gives_up_takes_nothing_from_the_others(db: Database) -> None:
    track = await add_track(db)
    counted = Counted(db)
    rows = BatchedRows(counted)  # type: ignore[arg-type]  # the part that is used
    counted.gate.clear()
    gone, staying = (asyncio.create_task(rows.read(track.id)) for _ in range(2))
    await settled()
    gone.cancel()
    counted.gate.set()
    assert (await staying).id == track.id
    await rows.close()


async def test_a_failure_reaches_all_and_is_over_with_them(db: Database) -> None:
    track = await add_track(db)
    counted = Counted(db)
    rows = BatchedRows(counted)  # type: ignore[arg-type]  # the part that is used
    counted.failing = True
    found = await asyncio.gather(*(rows.read(track.id) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in found] == [DatabaseUnavailable] * 3
    assert len({id(each) for each in found}) == 3, "each request adds its own headers"
    counted.failing = False
    assert (await rows.read(track.id)).id == track.id
    await rows.close()


@asynccontextmanager
async def _opened(migrated: Path, folder: Path) -> AsyncIterator[tuple[Database, PlayableRows]]:
    file = folder / "autodj.db"
    file.write_bytes(migrated.read_bytes())
    async with open_database(f"sqlite+aiosqlite:///{file}") as db, open_playable_rows(db) as rows:
        yield db, rows

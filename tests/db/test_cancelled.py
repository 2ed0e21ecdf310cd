"""A transaction that is cancelled lets go of everything at once."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, text

from autodj.db import open_database


async def test_whoever_is_cancelled_while_reading_keeps_no_writer_waiting(tmp_path: Path) -> None:
    file = tmp_path / "autodj.db"
    async with open_database(f"sqlite+aiosqlite:///{file}") as db:
        async with db.transaction() as session:
            await session.execute(text("CREATE TABLE numbers (number)"))
            await session.execute(text("INSERT INTO numbers VALUES (1), (2), (3)"))

        def cancel(*_: object) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

        async def write() -> None:
            async with db.transaction() as session:
                await session.execute(text("INSERT INTO numbers VALUES (4)"))
                engine = db.engine.sync_engine
                event.listen(engine, "before_cursor_execute", cancel, once=True)
                await session.execute(text("SELECT number FROM numbers"))

        # The error leads to the rows that were being read, for as long as somebody has it.
        with pytest.raises(asyncio.CancelledError) as kept:
            await asyncio.create_task(write())
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert other.execute("SELECT count(*) FROM numbers").fetchone() == (3,)
        assert kept.value is not None


async def test_a_connection_that_closes_may_be_told_to_end(tmp_path: Path) -> None:
    # What sqlalchemy does when the task that gives a connection up is cancelled meanwhile.
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'autodj.db'}") as db:
        for _ in range(20):
            connection = await db.engine.raw_connection()
            driver = connection.driver_connection
            assert driver is not None
            connection.detach()
            closing_it = asyncio.create_task(driver.close())
            await asyncio.sleep(0)
            await driver.stop()
            closing_it.cancel()

"""A row belongs to the worker that is at it for as long as that worker lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import UUID

from autodj.db import Database
from autodj.db.due import Queued, hold
from autodj.errors import AutodjError

HOLD_S = 45
BEAT_S = 15


@asynccontextmanager
async def held(db: Database, table: type[Queued], row_id: UUID) -> AsyncGenerator[None]:
    """Nobody else is sent to the row until the block ends, or its process has been dead for
    ``HOLD_S``. Whoever ends the block says on the row when it is due again.
    """
    await _hold(db, table, row_id)
    over = asyncio.Event()
    beating = asyncio.create_task(_beat(db, table, row_id, over))
    try:
        yield
    finally:
        over.set()  # never cancelled, for it may be inside a query
        await beating


async def _beat(db: Database, table: type[Queued], row_id: UUID, over: asyncio.Event) -> None:
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), BEAT_S)
            return
        with suppress(AutodjError):  # the hold outlasts a beat that the database has missed
            await _hold(db, table, row_id)


async def _hold(db: Database, table: type[Queued], row_id: UUID) -> None:
    until = await db.now() + timedelta(seconds=HOLD_S)
    async with db.transaction() as session:
        await hold(session, table, row_id, until=until)

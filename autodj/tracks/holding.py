"""A row belongs to the worker that is at it for as long as that worker lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
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
    async with beating(partial(_hold, db, table, row_id), every_s=BEAT_S):
        yield


@asynccontextmanager
async def beating(beat: Callable[[], Awaitable[None]], *, every_s: float) -> AsyncGenerator[None]:
    """``beat`` again and again until the block ends."""
    over = asyncio.Event()
    heart = asyncio.create_task(_beat(beat, over, every_s))
    try:
        yield
    finally:
        over.set()  # never cancelled, for it may be inside a query
        await heart


async def _beat(beat: Callable[[], Awaitable[None]], over: asyncio.Event, every_s: float) -> None:
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), every_s)
            return
        with suppress(AutodjError):  # a hold outlasts a beat that the database has missed
            await beat()


async def _hold(db: Database, table: type[Queued], row_id: UUID) -> None:
    until = await db.now() + timedelta(seconds=HOLD_S)
    async with db.transaction() as session:
        await hold(session, table, row_id, until=until)

"""A process that reads every track all the time, acknowledged or not, and tells what it missed."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from random import Random
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from autodj.db import Track, open_database
from autodj.storage.local import LocalStorage
from bench.crash.arena import SPEED, Arena, SteppedDatabase, open_bucket
from bench.crash.history import History
from bench.crash.reading import Heard, listen

FRESH: Final = timedelta(seconds=2 * SPEED)
OLD_TRACKS: Final = 10
PAUSE_S: Final = 0.02


async def read_for_ever(arena: Arena) -> None:
    """Until SIGTERM; then the last line of the findings counts all readings."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    findings = History(arena.findings)
    chance, local, readings = Random(0), LocalStorage(arena.media), 0
    async with open_database(arena.database_url) as db, open_bucket(arena) as s3:
        clock = SteppedDatabase(db.engine, lambda _: None, arena.began_at)
        while not over.is_set():
            for track_id in await _chosen(clock, chance):
                heard = await listen(db, local, s3, track_id)
                readings += heard is not Heard.GONE
                if heard in {Heard.WRONG, Heard.UNREADABLE}:
                    findings.add(heard, id=track_id)
                await asyncio.sleep(0)
            await asyncio.sleep(PAUSE_S)
    findings.add("count", readings=readings)


async def _chosen(db: SteppedDatabase, chance: Random) -> list[UUID]:
    """The tracks that have just moved, and some of the others."""
    readable = col(Track.file_source).is_not(None)
    others = select(col(Track.id)).where(readable)
    fresh = others.where(col(Track.updated_at) > await db.now() - FRESH)
    async with db.reading() as connection:
        moved = list((await connection.execute(fresh)).scalars())
        rest = list((await connection.execute(others)).scalars())
    return [*moved, *chance.sample(rest, min(OLD_TRACKS, len(rest)))]

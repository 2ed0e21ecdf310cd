"""Jobs that are over are told of for a time, and then forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from autodj.db import Database
from autodj.db import jobs as job_rows

log = structlog.get_logger(__name__)

TOLD_FOR = timedelta(days=30)
# On SQLite whoever writes keeps all other writers waiting.
ROWS_AT_ONCE = 500
PAUSE_S = 0.05


async def forget_finished(db: Database) -> None:
    """Drop what has been over for ``TOLD_FOR``. It may end at any time: the next goes on."""
    before, forgotten = await db.now() - TOLD_FOR, 0
    while True:
        async with db.transaction() as session:
            dropped = await job_rows.forget(session, before=before, limit=ROWS_AT_ONCE)
        forgotten += dropped
        if dropped < ROWS_AT_ONCE:
            break
        await asyncio.sleep(PAUSE_S)
    if forgotten:
        log.info("finished_jobs_forgotten", count=forgotten)

"""Telling watchers how far a track is, without writing more often than they can see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from autodj.db import Database, FileSource, JobState, Session, Track
from autodj.db import jobs as job_rows
from autodj.errors import DatabaseUnavailable

Result = TypeVar("Result")
REPORT_EVERY_S = 0.4


async def report(db: Database, track_id: UUID, step: str, progress: float) -> None:
    """The track's job is running ``step``; ``progress`` is 0 to 1 of the whole job."""
    now = await db.now()
    async with db.transaction() as session:
        await job_rows.change_active(
            session, track_id, now=now, state=JobState.RUNNING, step=step, progress=progress
        )


async def finish(
    session: Session,
    track: Track,
    *,
    now: datetime,
    problem: dict[str, object] | None = None,
) -> None:
    """The track's job is over; its result counts the tracks by where they live now.

    Belongs into the transaction after which the track is due no more, or a crash between the
    two would leave a job that nobody finishes.
    """
    sources = {source.value: int(track.file_source is source) for source in FileSource}
    await job_rows.change_active(
        session,
        track.id,
        now=now,
        state=JobState.FAILED if problem else JobState.DONE,
        step="failed" if problem else "done",
        progress=1.0,
        problem=problem,
        result={"tracks": 1, "sources": sources},
    )


async def watched(
    start: Callable[[Callable[[float], None]], Coroutine[Any, Any, Result]],
    tell: Callable[[float], Awaitable[None]],
) -> Result:
    """The result of what ``start`` begins, while ``tell`` passes on how far it is.

    ``start`` is given the function that hears rising shares of 0 to 1; watchers are told no
    more often than every ``REPORT_EVERY_S``, and a database that is away for a moment is no
    reason to stop. Cancelling this cancels the work, and sees it end.
    """
    heard = told = 0.0

    def hear(share: float) -> None:
        nonlocal heard
        heard = share

    task = asyncio.create_task(start(hear))
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=REPORT_EVERY_S)
            if heard > told and not task.done():
                share = heard
                with suppress(DatabaseUnavailable):
                    await tell(share)
                    told = share
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

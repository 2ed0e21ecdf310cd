"""Work ends in time by itself, so that its row counts the try and says why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from autodj.errors import Unavailable


class StepTimeout(Unavailable):
    """What is on S3 of an upload in parts stays there, and the next try goes on from it."""

    code = "step_timeout"
    title = "The work took longer than a job may"
    hint = "It is tried again by itself; if it stays so, raise JOB_TIMEOUT_S."


@asynccontextmanager
async def in_time(within_s: float) -> AsyncGenerator[None]:
    """StepTimeout when the block has not ended by then.

    Whatever else cancels the block, a worker that is shut down above all, passes unchanged.
    """
    try:
        async with asyncio.timeout(within_s) as limit:
            yield
    except TimeoutError as late:
        if not limit.expired():
            raise
        raise StepTimeout(f"It was not done within {within_s:g} seconds.") from late

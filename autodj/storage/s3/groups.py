"""Tasks side by side, of which the first failure is that of all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


@asynccontextmanager
async def side_by_side() -> AsyncGenerator[asyncio.TaskGroup, None]:
    """A task group that raises the first error itself, without a group around it.

    When one task fails the others are cancelled, so what follows the first tells nothing.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed.exceptions[0].__cause__

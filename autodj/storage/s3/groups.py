"""Tasks side by side, of which the first failure is that of all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


class Beside:
    """Starts tasks of a group and knows them."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: list[asyncio.Task[Any]] = []

    def create_task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._group.create_task(work)
        self._tasks.append(task)
        return task

    async def done(self) -> None:
        while waiting := [task for task in self._tasks if not task.done()]:
            await asyncio.wait(waiting)


@asynccontextmanager
async def side_by_side() -> AsyncGenerator[Beside, None]:
    """A task group that raises the first error itself, without a group around it.

    When one task fails the others are cancelled, so what follows the first tells nothing. The
    tasks are awaited inside the group: before Python 3.13 a failure that meets it on its way
    out leaves the task counted as cancelled, and a deadline around it ends in CancelledError.
    """
    try:
        async with asyncio.TaskGroup() as group:
            beside = Beside(group)
            yield beside
            await beside.done()
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed.exceptions[0].__cause__


async def ended(task: asyncio.Task[Any]) -> None:
    """Stop the task if it runs, and see it end; what it failed with is somebody else's concern."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


class Lanes:
    """How many may go side by side: ``count``, or one until somebody finds that all may."""

    def __init__(self, count: int, *, narrow: bool) -> None:
        self._free = asyncio.Semaphore(1 if narrow else count)
        self._shut = count - 1 if narrow else 0

    async def enter(self) -> None:
        await self._free.acquire()

    def leave(self) -> None:
        self._free.release()

    def widen(self) -> None:
        for _ in range(self._shut):
            self._free.release()
        self._shut = 0

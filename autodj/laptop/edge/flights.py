"""One fetch for everybody who wants the same thing at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """Fetches under way, by what they fetch. One whom nobody waits for any more goes on: what
    it brings is kept, and the next one to ask finds it.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}

    async def share(self, wanted: Hashable, fetch: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of the fetch under way, or of a new one; its error reaches all waiters."""
        task = self._under_way.get(wanted)
        if task is None:
            task = self._under_way[wanted] = asyncio.create_task(fetch())
            task.add_done_callback(partial(self._landed, wanted))
        return await asyncio.shield(task)

    def _landed(self, wanted: Hashable, task: asyncio.Task[T]) -> None:
        del self._under_way[wanted]
        if not task.cancelled():
            task.exception()  # seen, also when everybody who would have is gone

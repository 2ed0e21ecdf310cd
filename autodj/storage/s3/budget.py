"""How many bytes a process has on the way at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class ByteBudget:
    """Room for ``capacity_bytes``, handed out in the order of asking.

    Whoever wants more than there is at all gets all of it, alone.
    """

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity = self._free = capacity_bytes
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def free_bytes(self) -> int:
        return self._free

    async def take(self, count: int) -> None:
        count = min(count, self._capacity)
        if not self._waiting and count <= self._free:
            self._free -= count
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((count, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._serve()
            else:
                self.give(count)
            raise

    def give(self, count: int) -> None:
        self._free += min(count, self._capacity)
        self._serve()

    @asynccontextmanager
    async def taken(self, count: int) -> AsyncGenerator[None, None]:
        await self.take(count)
        try:
            yield
        finally:
            self.give(count)

    def _serve(self) -> None:
        while self._waiting:
            count, turn = self._waiting[0]
            # Whoever is cancelled is still here until its task has a turn.
            if not turn.cancelled():
                if count > self._free:
                    return
                self._free -= count
                turn.set_result(None)
            self._waiting.popleft()

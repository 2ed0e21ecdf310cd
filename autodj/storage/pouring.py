"""Bytes on their way to something that takes them in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Final, TypeVar

# Handed to a thread at a time: a hop costs as much as hashing a hundred kilobytes.
HOP_BYTES: Final = 2 * 1024**2

# Hears all bytes in order, in a thread, not always the same one. A block is its own only until it
# returns. What it raises is the store's business no more: an AutodjError.
Sink = Callable[[bytes | memoryview], None]
Result = TypeVar("Result")


async def pour(blocks: AsyncIterator[bytes], sink: Sink) -> None:
    """All the blocks to ``sink``, some at a time."""
    waiting: list[bytes] = []
    waiting_bytes = 0
    async for block in blocks:
        waiting.append(block)
        waiting_bytes += len(block)
        if waiting_bytes >= HOP_BYTES:
            await _hand_over(waiting, sink)
            waiting, waiting_bytes = [], 0
    if waiting:
        await _hand_over(waiting, sink)


async def seen_through(
    work: Callable[[], Result],
    threads: Executor | None = None,
    *,
    stop: Callable[[], None] = lambda: None,
) -> Result:
    """What ``work`` gives in a thread. Whoever is cancelled calls ``stop`` and sees it end first:
    what it works on (a descriptor, a buffer) is nobody else's before that.
    """
    running = asyncio.get_running_loop().run_in_executor(threads, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop()
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # told to nobody: whoever would hear it is cancelled
        raise


async def _hand_over(blocks: Sequence[bytes], sink: Sink) -> None:
    def take() -> None:
        for block in blocks:
            sink(block)

    await seen_through(take)

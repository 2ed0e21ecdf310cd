"""The edge's cache: blocks of immutable objects in memory, the least recently used leave first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from autodj.errors import IntegrityFault
from autodj.storage.base import ByteRange, ObjectStat

ReadRange = Callable[[ByteRange], AbstractAsyncContextManager[AsyncIterator[bytes]]]

BLOCK_BYTES = 512 * 1024


class BlockCache:
    """At most ``max_bytes`` of blocks of BLOCK_BYTES, the last of an object being shorter."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held_bytes = 0
        self._blocks: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    def find(self, key: str, index: int) -> bytes | None:
        """The block, which is now the most recently used."""
        block = self._blocks.get((key, index))
        if block is not None:
            self._blocks.move_to_end((key, index))
        return block

    def keep(self, key: str, index: int, block: bytes) -> None:
        """Hold the block, and let go of others to make room."""
        self._held_bytes += len(block) - len(self._blocks.pop((key, index), b""))
        self._blocks[key, index] = block
        while self._held_bytes > self._max_bytes:
            _, dropped = self._blocks.popitem(last=False)
            self._held_bytes -= len(dropped)

    def covers(self, key: str, wanted: ByteRange) -> bool:
        """Whether every byte wanted is here."""
        return all((key, index) in self._blocks for index in block_indexes(wanted))


def block_indexes(wanted: ByteRange) -> range:
    """The blocks that the bytes lie in."""
    if wanted.length == 0:
        return range(0)
    return range(wanted.start // BLOCK_BYTES, (wanted.stop - 1) // BLOCK_BYTES + 1)


async def read_through(
    cache: BlockCache, stat: ObjectStat, wanted: ByteRange, read: ReadRange
) -> AsyncGenerator[bytes]:
    """The wanted bytes, from the cache as far as it goes and then from the origin.

    ``read`` opens a range of the object at its origin. It is asked for whole blocks, once, and
    each is kept. IntegrityFault when it gives less than ``stat`` promised.
    """
    blocks = block_indexes(wanted)
    async with AsyncExitStack() as stack:
        source: AsyncIterator[bytes] | None = None
        for index in blocks:
            block = cache.find(stat.key, index) if source is None else None
            if block is None:
                if source is None:
                    rest = _bytes_of(index, blocks.stop, stat.size_bytes)
                    chunks = await stack.enter_async_context(read(rest))
                    source = _blocks(chunks, rest.length)
                block = await anext(source)
                cache.keep(stat.key, index, block)
            first = index * BLOCK_BYTES
            yield block[max(0, wanted.start - first) : wanted.stop - first]


def _bytes_of(first_block: int, stop_block: int, size_bytes: int) -> ByteRange:
    return ByteRange(first_block * BLOCK_BYTES, min(stop_block * BLOCK_BYTES, size_bytes))


async def _blocks(chunks: AsyncIterator[bytes], expected_bytes: int) -> AsyncGenerator[bytes]:
    pending = bytearray()
    received_bytes = 0
    async for chunk in chunks:
        pending += chunk
        received_bytes += len(chunk)
        while len(pending) >= BLOCK_BYTES:
            yield bytes(pending[:BLOCK_BYTES])
            del pending[:BLOCK_BYTES]
    if received_bytes != expected_bytes:
        raise IntegrityFault(f"The origin sent {received_bytes} of {expected_bytes} bytes.")
    if pending:
        yield bytes(pending)

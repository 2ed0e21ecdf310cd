from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.errors import IntegrityFault
from autodj.laptop.blocks import BLOCK_BYTES, BlockCache, ReadRange, block_indexes, read_through
from autodj.storage.base import ByteRange, ObjectStat

DATA = bytes(number * 7 % 251 for number in range(3 * BLOCK_BYTES + 1000))
STAT = ObjectStat("tracks/a", len(DATA), datetime(2026, 1, 1, tzinfo=UTC))
NEAR_EDGES = st.sampled_from(
    [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES, len(DATA) - 1]
)
PLACES = NEAR_EDGES | st.integers(0, len(DATA) - 1)


class Origin:
    """The object's bytes, in chunks, and what was asked for."""

    def __init__(self, chunk_bytes: int, data: bytes = DATA) -> None:
        self.chunk_bytes = chunk_bytes
        self.data = data
        self.asked: list[ByteRange] = []

    @asynccontextmanager
    async def read(self, wanted: ByteRange) -> AsyncIterator[AsyncIterator[bytes]]:
        self.asked.append(wanted)
        yield self._chunks(wanted)

    async def _chunks(self, wanted: ByteRange) -> AsyncIterator[bytes]:
        for start in range(wanted.start, wanted.stop, self.chunk_bytes):
            yield self.data[start : min(start + self.chunk_bytes, wanted.stop)]


def read(cache: BlockCache, wanted: ByteRange, origin: ReadRange) -> bytes:
    async def pieces() -> bytes:
        return b"".join([piece async for piece in read_through(cache, STAT, wanted, origin)])

    return asyncio.run(pieces())


@given(
    wishes=st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=5),
    max_bytes=st.sampled_from([0, BLOCK_BYTES, 2 * BLOCK_BYTES, 10 * BLOCK_BYTES]),
    chunk_bytes=st.sampled_from([9973, BLOCK_BYTES, 3 * BLOCK_BYTES]),
)
def test_any_ranges_through_any_cache_are_the_bytes_of_the_object(
    wishes: list[tuple[int, int]], max_bytes: int, chunk_bytes: int
) -> None:
    cache = BlockCache(max_bytes)
    origin = Origin(chunk_bytes)
    for one, other in wishes:
        wanted = ByteRange(min(one, other), max(one, other) + 1)
        covered = cache.covers(STAT.key, wanted)
        asked_before = len(origin.asked)
        assert read(cache, wanted, origin.read) == DATA[wanted.start : wanted.stop]
        assert len(origin.asked) - asked_before == (0 if covered else 1)


def test_a_cache_that_is_large_enough_asks_for_each_block_once() -> None:
    cache = BlockCache(len(DATA))
    origin = Origin(10_000)
    for wanted in (ByteRange(0, 10), ByteRange(0, len(DATA)), ByteRange(5, len(DATA) - 5)):
        read(cache, wanted, origin.read)
    assert origin.asked == [ByteRange(0, BLOCK_BYTES), ByteRange(BLOCK_BYTES, len(DATA))]


def test_the_least_recently_used_block_leaves_first() -> None:
    cache = BlockCache(2)
    cache.keep("a", 0, b"0")
    cache.keep("a", 1, b"1")
    cache.find("a", 0)
    cache.keep("a", 2, b"2")
    assert [cache.find("a", index) for index in (0, 1, 2)] == [b"0", None, b"2"]


@pytest.mark.parametrize("given_bytes", [0, BLOCK_BYTES, len(DATA) - 1])
def test_an_origin_that_gives_too_little_is_a_fault(given_bytes: int) -> None:
    origin = Origin(10_000, DATA[:given_bytes])
    with pytest.raises(IntegrityFault):
        read(BlockCache(len(DATA)), ByteRange(0, len(DATA)), origin.read)


@pytest.mark.parametrize(
    ("start", "stop", "indexes"),
    [
        (0, 0, []),
        (0, 1, [0]),
        (BLOCK_BYTES - 1, BLOCK_BYTES, [0]),
        (BLOCK_BYTES - 1, BLOCK_BYTES + 1, [0, 1]),
        (BLOCK_BYTES, 3 * BLOCK_BYTES, [1, 2]),
    ],
)
def test_a_range_lies_in_these_blocks(start: int, stop: int, indexes: list[int]) -> None:
    assert list(block_indexes(ByteRange(start, stop))) == indexes

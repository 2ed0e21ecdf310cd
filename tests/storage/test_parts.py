"""How large objects are cut, their CRC is put together, and what is under way is bounded."""

from __future__ import annotations

import asyncio
import io
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.errors import IntegrityFault, TooLarge
from autodj.storage.base import ByteRange
from autodj.storage.s3 import crc32
from autodj.storage.s3.budget import ByteBudget
from autodj.storage.s3.parts import (
    LARGEST_OBJECT_BYTES,
    MIB,
    MOST_PARTS,
    SMALLEST_PART_BYTES,
    part_bytes,
    ranges,
)
from autodj.storage.s3.sections import Section, crc32_of, reading_at

LARGEST_PART_BYTES = 5 * 1024**3


@given(st.integers(0, LARGEST_OBJECT_BYTES), st.sampled_from([1, 8 * MIB, 64 * MIB]))
def test_ten_thousand_parts_that_s3_takes_are_always_enough(size: int, wanted: int) -> None:
    each = part_bytes(size, wanted)

    assert max(SMALLEST_PART_BYTES, wanted) <= each <= LARGEST_PART_BYTES
    assert -(-size // each) <= MOST_PARTS


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, 8), (1, 8), (80_000 * MIB, 8), (80_000 * MIB + 1, 9), (LARGEST_OBJECT_BYTES, 525)],
)
def test_parts_grow_only_when_there_would_be_too_many(size: int, expected: int) -> None:
    assert part_bytes(size, 8 * MIB) == expected * MIB


def test_what_s3_cannot_hold_is_refused_at_once() -> None:
    with pytest.raises(TooLarge):
        part_bytes(LARGEST_OBJECT_BYTES + 1, 8 * MIB)


@given(st.integers(0, 10_000), st.integers(1, 500))
def test_the_parts_are_the_whole_without_gaps(size: int, each: int) -> None:
    cut = ranges(size, each)

    assert (cut[0].start, cut[-1].stop) == (0, size)
    assert all(before.stop == after.start for before, after in pairwise(cut))
    assert all(piece.length == each for piece in cut[:-1])
    assert len(cut) == max(1, -(-size // each))


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_the_crc_of_the_whole_comes_from_those_of_its_parts(pieces: list[bytes]) -> None:
    parts = [(zlib.crc32(piece), len(piece)) for piece in pieces]

    assert crc32.whole(parts) == zlib.crc32(b"".join(pieces))


def test_a_crc_is_written_as_s3_writes_it() -> None:
    assert crc32.as_header(zlib.crc32(b"123456789")) == "y/Q5Jg=="


@given(st.binary(max_size=100), st.data())
def test_a_section_reads_as_a_file_of_its_own(body: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(body)))
    stop = data.draw(st.integers(start, len(body)))
    section = Section(reading_at(io.BytesIO(body)), ByteRange(start, stop))

    assert section.read() == body[start:stop]
    assert section.read(10) == b""
    section.seek(0)
    found = b""
    while block := section.read(7):
        found += block
    assert found == body[start:stop]
    assert section.seek(0, io.SEEK_END) == section.tell() == stop - start


@pytest.mark.can_fail_on("ourselves")
def test_a_file_that_became_shorter_is_noticed_while_it_is_sent() -> None:
    read_at = reading_at(io.BytesIO(b"short"))
    with pytest.raises(IntegrityFault):
        crc32_of(read_at, ByteRange(0, 10), lambda _: None)


async def test_a_budget_is_given_out_in_the_order_of_asking() -> None:
    budget = ByteBudget(10)
    served = []

    async def want(name: str, count: int) -> None:
        async with budget.taken(count):
            served.append(name)
            await asyncio.sleep(0)

    await budget.take(6)
    waiting = [asyncio.create_task(want(*each)) for each in (("large", 8), ("small", 1))]
    await asyncio.sleep(0)
    assert served == []
    budget.give(6)
    await asyncio.gather(*waiting)
    assert served == ["large", "small"]
    assert budget.free_bytes == 10


async def test_whoever_wants_more_than_there_is_gets_it_alone() -> None:
    budget = ByteBudget(10)
    async with budget.taken(100):
        assert budget.free_bytes == 0
    assert budget.free_bytes == 10


async def test_a_place_in_the_queue_that_is_given_up_holds_nobody_back() -> None:
    budget = ByteBudget(10)
    await budget.take(6)
    first = asyncio.create_task(budget.take(10))
    second = asyncio.create_task(budget.take(4))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first, second})
    assert second.exception() is None
    assert budget.free_bytes == 0


async def test_room_that_comes_as_its_taker_gives_up_is_not_lost() -> None:
    budget = ByteBudget(10)
    await budget.take(10)
    late = asyncio.create_task(budget.take(5))
    await asyncio.sleep(0)
    budget.give(10)
    late.cancel()
    await asyncio.wait({late})
    assert budget.free_bytes == 10


async def test_room_is_not_given_to_whoever_gives_up_at_that_moment() -> None:
    budget = ByteBudget(10)
    await budget.take(10)
    leaving = asyncio.create_task(budget.take(5))
    staying = asyncio.create_task(budget.take(8))
    await asyncio.sleep(0)
    leaving.cancel()
    budget.give(10)
    await asyncio.wait({leaving, staying})
    assert leaving.cancelled()
    assert staying.exception() is None
    assert budget.free_bytes == 2

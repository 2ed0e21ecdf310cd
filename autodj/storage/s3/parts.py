"""How a large object is cut into parts. Pure."""

from __future__ import annotations

from typing import Final

from autodj.errors import TooLarge
from autodj.storage.base import ByteRange

MIB: Final = 1024**2
SMALLEST_PART_BYTES: Final = 5 * MIB
MOST_PARTS: Final = 10_000
LARGEST_OBJECT_BYTES: Final = 5 * 1024**4


def part_bytes(size_bytes: int, wanted_bytes: int) -> int:
    """The size of the parts (the last may be smaller): ``wanted_bytes``, or as many whole MiB
    more as 10,000 parts need. TooLarge above 5 TiB.
    """
    if size_bytes > LARGEST_OBJECT_BYTES:
        raise TooLarge(f"S3 takes objects of up to {LARGEST_OBJECT_BYTES} bytes.")
    needed = -(-size_bytes // MOST_PARTS)
    return max(SMALLEST_PART_BYTES, wanted_bytes, -(-needed // MIB) * MIB)


def ranges(size_bytes: int, each_bytes: int) -> list[ByteRange]:
    """The parts in order; one empty part for an empty object."""
    starts = range(0, max(size_bytes, 1), each_bytes)
    return [ByteRange(start, min(start + each_bytes, size_bytes)) for start in starts]

"""The boxes of MP4 files (ISO/IEC 14496-12), as far as tags lie in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from autodj.audio.id3 import MAX_TAG_ENTRIES, read_at

_MOST_BOXES = MAX_TAG_ENTRIES + 1
_WAY_TO_ITEMS = (b"moov", b"udta", b"meta", b"ilst")
_TYPE_AND_LANGUAGE_BYTES = 8
_MOST_NUMBER_BYTES = 8

Span = tuple[bytes, int, int]
"""The name of a part of the file, where its content starts, and where it says that it stops."""


def item_lists(file: BinaryIO) -> Sequence[Span]:
    """Every ``moov/udta/meta/ilst``, which holds the tags."""
    spans = [(b"", 0, file.seek(0, 2))]
    for name in _WAY_TO_ITEMS:
        spans = [
            (name, start, min(stop, span[2]))
            for span in spans
            for found, start, stop in boxes(file, span)
            if found == name
        ]
    return spans


def boxes(file: BinaryIO, span: Span) -> Iterator[Span]:
    """The first boxes inside another; where one says that it stops may lie beyond."""
    name, at, stop = span
    if name == b"meta" and read_at(file, at + 4, 4) != b"hdlr":
        at += 4  # a version and flags, which QuickTime leaves out
    for _ in range(_MOST_BOXES):
        header = read_at(file, at, 8) if at + 8 <= stop else b""
        if len(header) < 8:
            return
        size = int.from_bytes(header[:4], "big")
        start = at + 8
        if size == 1:
            size, start = int.from_bytes(read_at(file, start, 8), "big"), at + 16
        end = at + size if size else stop
        if end < start:
            return
        yield header[4:], start, end
        at = end


def tempo_tag(file: BinaryIO) -> str | None:
    """The whole number of ``tmpo``, which FFmpeg passes over; None where there is none above 0."""
    numbers = (
        int.from_bytes(_number(file, part), "big")
        for items in item_lists(file)
        for item in boxes(file, items)
        if item[0] == b"tmpo"
        for part in boxes(file, item)
        if part[0] == b"data"
    )
    return next((str(number) for number in numbers if number > 0), None)


def _number(file: BinaryIO, data: Span) -> bytes:
    _, start, stop = data
    start += _TYPE_AND_LANGUAGE_BYTES
    return read_at(file, start, max(0, min(stop - start, _MOST_NUMBER_BYTES)))

"""Which bytes a request asks for: Range and the preconditions of RFC 9110, decided purely."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from autodj.errors import PreconditionFailed, RangeNotSatisfiable
from autodj.storage.base import ByteRange

# No file needs more digits; a longer number is noise, and noise is ignored.
_SINGLE_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,32})-([0-9]{0,32})[ \t]*", re.IGNORECASE)
_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


@dataclass(frozen=True, slots=True)
class Selection:
    """The status to answer with and the bytes it covers; 304 covers none."""

    status: Literal[200, 206, 304]
    byte_range: ByteRange


def select(headers: Mapping[str, str], *, method: str, etag: str, size_bytes: int) -> Selection:
    """Apply If-Match, If-None-Match, Range and If-Range, in the order of RFC 9110 13.2.2.

    ``headers`` is looked up by lower-case names. Raises PreconditionFailed or
    RangeNotSatisfiable. Only GET has ranges (14.2), so HEAD describes the whole file.
    """
    if not if_match_holds(headers.get("if-match"), etag):
        raise PreconditionFailed
    if etag_matches(headers.get("if-none-match"), etag):
        return Selection(304, ByteRange(0, 0))
    if method == "GET" and if_range_matches(headers.get("if-range"), etag):
        wanted = parse_range(headers.get("range"), size_bytes)
        if wanted is not None:
            return Selection(206, wanted)
    return Selection(200, ByteRange(0, size_bytes))


def parse_range(header: str | None, size_bytes: int) -> ByteRange | None:
    """The one range asked for, cut to the file; None means the whole file.

    Anything but a single well-formed byte range is ignored, several ranges among it, as
    RFC 9110 14.2 allows. A range that starts behind the last byte raises RangeNotSatisfiable.
    """
    match = _SINGLE_RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        return _suffix(int(last), size_bytes)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size_bytes:
        raise _unsatisfiable(size_bytes)
    return ByteRange(start, min(int(last) + 1, size_bytes) if last else size_bytes)


def strong_etag(sha256: str) -> str:
    """The entity tag of bytes with this hash (hex)."""
    return f'"{sha256}"'


def if_match_holds(header: str | None, etag: str) -> bool:
    """Whether If-Match lets the request go on; the comparison is strong."""
    return header is None or header.strip() == "*" or etag in _ENTITY_TAG.findall(header)


def etag_matches(if_none_match: str | None, etag: str) -> bool:
    """Whether If-None-Match names what we hold; the comparison is weak."""
    if if_none_match is None:
        return False
    named = (tag.removeprefix("W/") for tag in _ENTITY_TAG.findall(if_none_match))
    return if_none_match.strip() == "*" or etag in named


def if_range_matches(header: str | None, etag: str) -> bool:
    """Whether a Range may be honoured; a weak tag or a date never matches (13.1.5), so a
    client that holds other bytes gets the whole file.
    """
    return header is None or header.strip() == etag


def _suffix(length: int, size_bytes: int) -> ByteRange | None:
    if length == 0:
        raise _unsatisfiable(size_bytes)
    # Content-Range cannot describe the last bytes of nothing.
    return ByteRange(max(0, size_bytes - length), size_bytes) if size_bytes else None


def _unsatisfiable(size_bytes: int) -> RangeNotSatisfiable:
    return RangeNotSatisfiable(headers={"Content-Range": f"bytes */{size_bytes}"})

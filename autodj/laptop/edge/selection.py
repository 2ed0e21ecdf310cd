"""Which bytes of a copy a request gets: Range and the preconditions of RFC 9110, purely."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from autodj.storage.base import ByteRange

MAX_OBJECT_BYTES: Final = 50 * 1024**4
NOTHING: Final = ByteRange(0, 0)

# A number of more digits is noise, and noise is ignored.
_ONE_RANGE: Final = re.compile(r"bytes=[ \t]*([0-9]{0,32})-([0-9]{0,32})[ \t]*", re.IGNORECASE)
_TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


@dataclass(frozen=True, slots=True)
class Selection:
    """The status to answer with and the bytes that go with it; only 200 and 206 have any."""

    status: Literal[200, 206, 304, 412, 416]
    part: ByteRange = NOTHING


def select(
    headers: Mapping[str, str],
    *,
    method: str,
    etag: str,
    modified_at: datetime | None,
    size_bytes: int,
) -> Selection:
    """Apply the preconditions and Range in the order of RFC 9110 13.2.2.

    ``headers`` has lower-case names. Only GET has ranges; a request for several of them gets
    everything, which RFC 9110 14.2 allows and S3 does.
    """
    if not _unchanged(headers, etag, modified_at):
        return Selection(412)
    if _known(headers, etag, modified_at):
        return Selection(304)
    whole = ByteRange(0, size_bytes)
    if method != "GET" or not _range_applies(headers.get("if-range"), etag, modified_at):
        return Selection(200, whole)
    wanted = asked_range(headers.get("range"), size_bytes)
    if wanted is None:
        return Selection(200, whole)
    return Selection(206, wanted) if wanted.length else Selection(416)


def asked_range(header: str | None, size_bytes: int) -> ByteRange | None:
    """The one range asked for, cut to the object; None for none or one that is malformed, and
    an empty range for one that no byte of the object lies in.
    """
    match = _ONE_RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        return ByteRange(max(0, size_bytes - int(last)), size_bytes) if size_bytes else None
    if last and int(last) < int(first):
        return None
    stop = min(int(last) + 1, size_bytes) if last else size_bytes
    return ByteRange(int(first), stop) if int(first) < size_bytes else NOTHING


def first_byte(header: str | None) -> int:
    """Where a range begins, as far as that is known without the size; 0 otherwise, and for a
    place where no object has a byte.
    """
    match = _ONE_RANGE.fullmatch(header or "")
    first = int(match[1]) if match and match[1] else 0
    return first if first < MAX_OBJECT_BYTES else 0


def _unchanged(headers: Mapping[str, str], etag: str, modified_at: datetime | None) -> bool:
    if (wanted := headers.get("if-match")) is not None:
        return wanted.strip() == "*" or etag in _TAG.findall(wanted)
    since = _moment(headers.get("if-unmodified-since"))
    return since is None or modified_at is None or modified_at <= since


def _known(headers: Mapping[str, str], etag: str, modified_at: datetime | None) -> bool:
    if (held := headers.get("if-none-match")) is not None:
        named = (tag.removeprefix("W/") for tag in _TAG.findall(held))
        return held.strip() == "*" or etag.removeprefix("W/") in named
    since = _moment(headers.get("if-modified-since"))
    return since is not None and modified_at is not None and modified_at <= since


def _range_applies(held: str | None, etag: str, modified_at: datetime | None) -> bool:
    if held is None:
        return True
    moment = _moment(held)
    if moment is not None:
        return moment == modified_at
    return held.strip() == etag and not etag.startswith("W/")


def _moment(text: str | None) -> datetime | None:
    """A date of HTTP; None for anything else."""
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError):
        return None

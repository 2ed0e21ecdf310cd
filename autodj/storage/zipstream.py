"""Many objects as one ZIP file, made while it is sent.

The layout is that of PKWARE's APPNOTE 6.3.10: every member stored as it is (audio does not get
smaller), its CRC-32 and sizes after its bytes in a data descriptor, ZIP64 fields where 4 GiB or
65,535 members are exceeded. Sizes are known beforehand, so the whole length is too.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from isal.isal_zlib import crc32

from autodj.errors import IntegrityFault
from autodj.storage.base import ByteRange
from autodj.storage.zipnames import free_name, safe_name

LIMIT: Final = 0xFFFFFFFF
MANY: Final = 0xFFFF
_PLAIN_VERSION: Final = 20
_ZIP64_VERSION: Final = 45
# Sizes follow the bytes (bit 3), names are UTF-8 (bit 11).
_FLAGS: Final = 0x0808
_MADE_ON_UNIX: Final = 3 << 8
_READABLE_FILE: Final = 0o100644 << 16
_ZIP64_FIELD: Final = 0x0001
_LOCAL: Final = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END: Final = struct.Struct("<4sHHHHLLH")
_END64: Final = struct.Struct("<4sQHHLLQQQQ")
_LOCATOR: Final = struct.Struct("<4sLQL")

_FIRST_YEAR: Final = 1980
_LAST_YEAR: Final = 2107


class Readable(Protocol):
    """Whatever the bytes of the members are read from: a store, or many."""

    def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive: where its bytes are, and under which (safe) name they go in."""

    key: str
    name: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class _Written:
    member: Member
    crc: int
    offset: int


def members(named: Iterable[tuple[str, str, int, datetime]]) -> list[Member]:
    """Key, wanted name, size in bytes and time of each; names become safe and different."""
    taken: set[str] = set()
    made = []
    for key, name, size_bytes, modified_at in named:
        free = free_name(safe_name(name), taken)
        taken.add(free.casefold())
        made.append(Member(key, free, size_bytes, modified_at))
    return made


def length_bytes(parts: Sequence[Member]) -> int:
    """The size of the whole archive, exactly."""
    offset = directory_bytes = 0
    for each in parts:
        directory_bytes += len(_entry(_Written(each, 0, offset)))
        offset += len(_header(each)) + each.size_bytes + len(_descriptor(each, 0))
    return offset + directory_bytes + len(_end(len(parts), offset, directory_bytes))


async def zip_stream(store: Readable, parts: Sequence[Member]) -> AsyncGenerator[bytes, None]:
    """The archive, block by block; one object is open at a time and nothing is kept of it.

    When an object cannot be read or is not what was announced, the error ends the stream: what
    was sent until then has no directory and no tool takes it for whole.
    """
    written = []
    offset = 0
    for each in parts:
        header = _header(each)
        yield header
        crc = count = 0
        async with store.read(each.key) as blocks:
            async for block in blocks:
                crc = crc32(block, crc)
                count += len(block)
                yield block
        if count != each.size_bytes:
            raise IntegrityFault(f"{each.key} has {count} bytes, not {each.size_bytes}.")
        descriptor = _descriptor(each, crc)
        yield descriptor
        written.append(_Written(each, crc, offset))
        offset += len(header) + count + len(descriptor)
    directory_bytes = 0
    for entry in map(_entry, written):
        directory_bytes += len(entry)
        yield entry
    yield _end(len(parts), offset, directory_bytes)


def _header(member: Member) -> bytes:
    name = member.name.encode()
    wide = _is_wide(member)
    extra = struct.pack("<HHQQ", _ZIP64_FIELD, 16, 0, 0) if wide else b""
    size = LIMIT if wide else 0
    fixed = _LOCAL.pack(
        b"PK\3\4",
        _version(member),
        _FLAGS,
        0,
        *_dos_time(member.modified_at),
        0,
        size,
        size,
        len(name),
        len(extra),
    )
    return fixed + name + extra


def _descriptor(member: Member, crc: int) -> bytes:
    layout = "<4sLQQ" if _is_wide(member) else "<4sLLL"
    return struct.pack(layout, b"PK\7\10", crc, member.size_bytes, member.size_bytes)


def _entry(written: _Written) -> bytes:
    """The member's line in the directory at the end."""
    member, offset = written.member, written.offset
    name = member.name.encode()
    far = [member.size_bytes] * 2 * _is_wide(member) + [offset] * (offset >= LIMIT)
    extra = struct.pack(f"<HH{len(far)}Q", _ZIP64_FIELD, 8 * len(far), *far) if far else b""
    size = min(member.size_bytes, LIMIT)
    fixed = _CENTRAL.pack(
        b"PK\1\2",
        _MADE_ON_UNIX | _version(member),
        _ZIP64_VERSION if far else _PLAIN_VERSION,
        _FLAGS,
        0,
        *_dos_time(member.modified_at),
        written.crc,
        size,
        size,
        len(name),
        len(extra),
        0,
        0,
        0,
        _READABLE_FILE,
        min(offset, LIMIT),
    )
    return fixed + name + extra


def _end(count: int, offset: int, directory_bytes: int) -> bytes:
    few = min(count, MANY)
    end = _END.pack(b"PK\5\6", 0, 0, few, few, min(directory_bytes, LIMIT), min(offset, LIMIT), 0)
    if count < MANY and offset < LIMIT and directory_bytes < LIMIT:
        return end
    large = _END64.pack(
        b"PK\6\6",
        _END64.size - 12,
        _MADE_ON_UNIX | _ZIP64_VERSION,
        _ZIP64_VERSION,
        0,
        0,
        count,
        count,
        directory_bytes,
        offset,
    )
    return large + _LOCATOR.pack(b"PK\6\7", 0, offset + directory_bytes, 1) + end


def _is_wide(member: Member) -> bool:
    return member.size_bytes >= LIMIT


def _version(member: Member) -> int:
    return _ZIP64_VERSION if _is_wide(member) else _PLAIN_VERSION


def _dos_time(when: datetime) -> tuple[int, int]:
    """Time and date in the two words of FAT: even seconds from 1980 to 2107, here in UTC."""
    utc = when.astimezone(UTC)
    if not _FIRST_YEAR <= utc.year <= _LAST_YEAR:
        return 0, 1 << 5 | 1
    date = (utc.year - _FIRST_YEAR) << 9 | utc.month << 5 | utc.day
    return utc.hour << 11 | utc.minute << 5 | utc.second // 2, date

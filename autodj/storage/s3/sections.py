"""A piece of a file as a file of its own, so that pieces can be sent side by side."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable
from typing import BinaryIO, Final, cast

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload
from isal.isal_zlib import crc32

from autodj.errors import IntegrityFault
from autodj.storage.base import ByteRange
from autodj.storage.disk import disk_errors

READ_BYTES: Final = 1024 * 1024
# As much as stays in the cache of one core, beside what it is copied to.
ROOM_BYTES: Final = 256 * 1024

# Fills the room with what stands at a place, as far as there is something: how many bytes.
FillAt = Callable[[memoryview, int], int]


def reading_at(file: BinaryIO) -> FillAt:
    """Read the file at any place, from any number of threads at once."""
    try:
        fd = file.fileno()
    except io.UnsupportedOperation:
        file.seek(0)
        return _reading_memory(memoryview(file.read()))

    def fill(room: memoryview, place: int) -> int:
        with disk_errors("what is sent"):
            return os.preadv(fd, [room], place)

    return fill


def _reading_memory(memory: memoryview) -> FillAt:
    def fill(room: memoryview, place: int) -> int:
        block = memory[place : place + len(room)]
        room[: len(block)] = block
        return len(block)

    return fill


class Section(Payload):
    """The bytes of ``piece`` as a body, read when they are needed: nothing is held in memory.

    For the S3 client it is a file that can be read, sought and sent again; for the HTTP client
    below it a payload, which goes out in larger blocks than that takes from files.
    """

    def __init__(self, fill_at: FillAt, piece: ByteRange, *, crc32: int | None = None) -> None:
        """With ``crc32`` the last bytes are given out only when all of them together have it,
        read in order: else IntegrityFault, before anybody has a whole body with a wrong note.
        """
        super().__init__(None)
        self._fill_at = fill_at
        self._piece = piece
        self._position = 0
        self._size = self.length = piece.length
        self._expected = crc32
        self._crc = 0

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._piece.length}
        self._position = base[whence] + offset
        return self._position

    def read_into(self, room: memoryview) -> int:
        """How many bytes of the room hold what follows; 0 at the end."""
        room = room[: max(0, self.length - self._position)]
        if not room:
            return 0
        count = self._fill_at(room, self._piece.start + self._position)
        if not count:
            raise IntegrityFault("The file became shorter while it was sent.")
        self._check(room[:count])
        self._position += count
        return count

    def read(self, size: int = -1) -> bytes:
        left = max(0, self.length - self._position)
        room = bytearray(left if size < 0 else min(size, left))
        count = self.read_into(memoryview(room))
        return bytes(room[:count])

    async def next_block(self) -> memoryview:
        """What follows, read off the event loop; empty at the end."""
        room = memoryview(bytearray(min(READ_BYTES, max(0, self.length - self._position))))
        return room[: await asyncio.to_thread(self.read_into, room)]

    def _check(self, block: memoryview) -> None:
        if self._expected is None:
            return
        self._crc = crc32(block, self._crc if self._position else 0)
        last = self._position + len(block) == self.length
        if last and self._crc != self._expected:
            raise IntegrityFault("The file changed while it was sent.")

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """For the HTTP client's own logs; nobody wants the bytes there."""
        del encoding, errors
        return f"<{self._piece.length} bytes>"

    async def write(self, writer: AbstractStreamWriter) -> None:
        await self.write_with_length(writer, None)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        self.seek(0)
        left = self._piece.length if content_length is None else content_length
        while left > 0 and (block := await asyncio.to_thread(self.read, min(READ_BYTES, left))):
            left -= len(block)
            await writer.write(block)


def body_of(fill_at: FillAt, piece: ByteRange, *, crc32: int | None = None) -> BinaryIO:
    """A section in the type that the S3 client declares for bodies."""
    return cast("BinaryIO", Section(fill_at, piece, crc32=crc32))


def crc32_of(
    fill_at: FillAt, piece: ByteRange, also: Callable[[memoryview], object] | None = None
) -> int:
    """The CRC-32 of the piece; every block of it is passed to ``also`` as well."""
    section = Section(fill_at, piece)
    room = memoryview(bytearray(min(ROOM_BYTES, piece.length)))
    crc = 0
    while count := section.read_into(room):
        crc = crc32(room[:count], crc)
        if also is not None:
            also(room[:count])
    return crc

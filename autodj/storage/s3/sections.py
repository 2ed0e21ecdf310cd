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

READ_BYTES: Final = 1024 * 1024

ReadAt = Callable[[int, int], bytes]


def reading_at(file: BinaryIO) -> ReadAt:
    """Read ``count`` bytes at a place, from any number of threads at once."""
    try:
        fd = file.fileno()
    except io.UnsupportedOperation:
        file.seek(0)
        memory = memoryview(file.read())
        return lambda count, place: bytes(memory[place : place + count])
    return lambda count, place: os.pread(fd, count, place)


class Section(Payload):
    """The bytes of ``piece`` as a body, read when they are needed: nothing is held in memory.

    For the S3 client it is a file that can be read, sought and sent again; for the HTTP client
    below it a payload, which goes out in larger blocks than that takes from files.
    """

    def __init__(self, read_at: ReadAt, piece: ByteRange) -> None:
        super().__init__(None)
        self._read_at = read_at
        self._piece = piece
        self._position = 0
        self._size = piece.length

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._piece.length}
        self._position = base[whence] + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        left = self._piece.length - self._position
        count = left if size < 0 else min(size, left)
        if count <= 0:
            return b""
        block = self._read_at(count, self._piece.start + self._position)
        if not block:
            raise IntegrityFault("The file became shorter while it was sent.")
        self._position += len(block)
        return block

    async def next_block(self) -> bytes:
        """What follows, read off the event loop; empty at the end."""
        left = self._piece.length - self._position
        return await asyncio.to_thread(self.read, min(READ_BYTES, left)) if left > 0 else b""

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


class Held(Section):
    """A small body that is in memory already."""

    def __init__(self, body: bytes) -> None:
        super().__init__(lambda count, place: body[place : place + count], ByteRange(0, len(body)))

    async def next_block(self) -> bytes:
        return self.read()


def held(read_at: ReadAt, size_bytes: int) -> tuple[BinaryIO, int]:
    """The whole in memory as a body, read once, and the CRC-32 of these very bytes."""
    section = Section(read_at, ByteRange(0, size_bytes))
    body = section.read()
    while block := section.read():
        body += block
    return cast("BinaryIO", Held(body)), crc32(body)


def body_of(read_at: ReadAt, piece: ByteRange) -> BinaryIO:
    """A section in the type that the S3 client declares for bodies."""
    return cast("BinaryIO", Section(read_at, piece))


def crc32_of(read_at: ReadAt, piece: ByteRange, also: Callable[[bytes], object]) -> int:
    """The CRC-32 of the piece; every block of it is passed to ``also`` as well."""
    section = Section(read_at, piece)
    crc = 0
    while block := section.read(READ_BYTES):
        crc = crc32(block, crc)
        also(block)
    return crc

"""A new file that several threads fill side by side, each its own strip."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path

from autodj.errors import IntegrityFault, StoreError
from autodj.storage.base import ByteRange
from autodj.storage.disk import BLOCK_BYTES, disk_errors, new_file_errors

Update = Callable[[bytes | memoryview], object]
Arrived = Callable[[int], None]


class NewFile:
    """Open from the start to ``close``, which is for when no thread is at it any more."""

    def __init__(self, target: Path, size_bytes: int) -> None:
        """Take the room on the disk now, at once: DiskFull comes before anything is fetched.

        Where the system or the file system has no such call, it comes later.
        """
        with new_file_errors(target):
            self._fd = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                _reserve(self._fd, size_bytes)
            except BaseException:
                os.close(self._fd)
                target.unlink(missing_ok=True)
                raise

    def write(self, block: bytes | memoryview, place: int) -> None:
        rest = memoryview(block)
        with disk_errors("a download"):
            while rest:
                written = os.pwrite(self._fd, rest, place)
                rest, place = rest[written:], place + written

    def hash(self, piece: ByteRange, update: Update) -> None:
        """Show what was written there to ``update``."""
        room = memoryview(bytearray(min(BLOCK_BYTES, piece.length)))
        place = piece.start
        while place < piece.stop:
            with disk_errors("a download"):
                count = os.preadv(self._fd, [room[: piece.stop - place]], place)
            if not count:
                raise StoreError("A download's own file became shorter.")
            update(room[:count])
            place += count

    def close(self) -> None:
        os.close(self._fd)


class Strip:
    """A piece of the file as it is filled, from its start on."""

    def __init__(
        self,
        file: NewFile,
        piece: ByteRange,
        *,
        also: Update | None = None,
        arrived: Arrived | None = None,
    ) -> None:
        """``also`` sees every block in the thread that writes it, ``arrived`` hears of it in the
        event loop that this is made in.
        """
        self._file = file
        self._piece = piece
        self._place = piece.start
        self._also = also
        self._arrived = arrived
        self._loop = asyncio.get_running_loop()

    @property
    def full(self) -> bool:
        return self._place == self._piece.stop

    def take(self, block: bytes | memoryview) -> None:
        """What follows; IntegrityFault when it is more than belongs here."""
        count = len(block)
        if self._place + count > self._piece.stop:
            raise IntegrityFault("More came than was asked for.")
        self._file.write(block, self._place)
        if self._also is not None:
            self._also(block)
        self._place += count
        if self._arrived is not None:
            self._loop.call_soon_threadsafe(self._arrived, count)


def _reserve(fd: int, size_bytes: int) -> None:
    if not size_bytes or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(fd, 0, size_bytes)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
            raise

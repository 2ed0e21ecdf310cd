"""Bytes from outside landing in a temporary file: hashed, counted and cut off as they arrive."""

from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from autodj.errors import DiskFull, TooLarge

# Large enough that the hop to a thread (about 0.1 ms) costs little beside writing and hashing.
BATCH_BYTES = 512 * 1024
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Landed:
    """What was written; ``sha256`` is hex."""

    sha256: str
    size_bytes: int


class Landing:
    """A file at ``path`` that exists only while it is written or once it is whole.

    ``write`` raises TooLarge as soon as more than ``max_bytes`` have come, before the excess is
    stored, and DiskFull when there is no room. Leaving the block without ``finish``, or with an
    error, removes the file. Nothing is fsynced: the bytes are not ours until a store takes them.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self._batch = bytearray()
        self._writing: asyncio.Future[None] | None = None
        self._finished = False
        self.size_bytes = 0

    def __enter__(self) -> Self:
        with _disk_errors():
            # Unbuffered: batches are built here.
            self._file = self._path.open("wb", buffering=0)
        return self

    async def write(self, data: bytes | memoryview) -> None:
        self.size_bytes += len(data)
        if self.size_bytes > self._max_bytes:
            raise TooLarge(f"More than {self._max_bytes} bytes arrived.", max_bytes=self._max_bytes)
        self._batch += data
        if len(self._batch) >= BATCH_BYTES:
            await self._flush()

    async def finish(self) -> Landed:
        """Write what is left; the file is whole and closed."""
        await self._flush()
        self._file.close()
        self._finished = True
        return Landed(sha256=self._digest.hexdigest(), size_bytes=self.size_bytes)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writing is not None and not self._writing.done():
            # A cancelled task must not close a descriptor that a thread still writes to.
            self._writing.add_done_callback(self._close_late)
        else:
            self._file.close()
        if error is not None or not self._finished:
            self._path.unlink(missing_ok=True)

    def _close_late(self, written: asyncio.Future[None]) -> None:
        written.exception()
        self._file.close()

    async def _flush(self) -> None:
        batch, self._batch = self._batch, bytearray()
        self._writing = asyncio.ensure_future(asyncio.to_thread(self._store, batch))
        await asyncio.shield(self._writing)

    def _store(self, batch: bytearray) -> None:
        self._digest.update(batch)
        left = memoryview(batch)
        with _disk_errors():
            while left:
                left = left[self._file.write(left) :]


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull from error
        raise

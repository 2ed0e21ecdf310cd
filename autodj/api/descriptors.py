"""Open files, shared by everybody who is sent the same one."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from pathlib import Path

from autodj.errors import SourceUnreadable

# Linux reads from the page cache without waiting when asked to; elsewhere a thread always reads.
_NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)


class OpenFile:
    """One open descriptor. Whoever got it from ``Descriptors.open`` calls ``release`` once."""

    __slots__ = ("_home", "descriptor", "path", "size_bytes", "users")

    def __init__(self, home: Descriptors, path: Path, descriptor: int, size_bytes: int) -> None:
        self._home = home
        self.path = path
        self.descriptor = descriptor
        self.size_bytes = size_bytes
        self.users = 0

    async def read(self, position: int, length: int) -> bytes | bytearray:
        """Up to ``length`` bytes; SourceUnreadable when the file has none there any more."""
        chunk: bytes | bytearray | None = self._read_cached(position, length)
        if chunk is None:
            chunk = await asyncio.to_thread(os.pread, self.descriptor, length, position)
        if not chunk:
            # The headers promised more; only a cut connection tells the client the truth.
            raise SourceUnreadable("The file is shorter than it was when it was opened.")
        return chunk

    def release(self) -> None:
        self._home.release(self)

    def _read_cached(self, position: int, length: int) -> bytearray | None:
        """Bytes that the page cache holds, or None when the read would wait for the disk.

        A copy from the cache takes some 10 microseconds and a hop to a thread a hundred, but a
        read from a cold disk takes milliseconds in which nobody else would be served.
        """
        if _NOWAIT is None:
            return None
        buffer = bytearray(length)
        try:
            count = os.preadv(self.descriptor, [buffer], position, _NOWAIT)
        except OSError:
            # EAGAIN: not cached. EOPNOTSUPP: the file system cannot say.
            return None
        if count < length:
            del buffer[count:]
        return buffer


class Descriptors:
    """The open files of one process, by path.

    A file stays open while it is sent and ``idle_s`` longer, for the next range of it is asked
    for within seconds; ``max_idle`` bounds those that only wait. The content under a path
    never changes, since keys are not reused, but it can go: a file that was deleted is not
    handed out again, and its disk space is free ``idle_s`` after its last reader.
    """

    def __init__(self, *, max_idle: int = 128, idle_s: float = 10.0) -> None:
        self._max_idle = max_idle
        self._idle_s = idle_s
        self._open: dict[Path, OpenFile] = {}
        self._opening: dict[Path, asyncio.Task[None]] = {}
        self._idle: OrderedDict[OpenFile, float] = OrderedDict()
        self._sweep: asyncio.TimerHandle | None = None

    async def open(self, path: Path, *, size_bytes: int) -> OpenFile:
        """The file, to be released; OSError when it cannot be opened.

        SourceUnreadable when it is not a file of ``size_bytes``: what is known to be wrong
        must not be announced with a 200.
        """
        while True:
            shared = self._open.get(path)
            if shared is None or not self._is_there(shared, size_bytes):
                await self._opened(path, size_bytes)
                continue
            shared.users += 1
            self._idle.pop(shared, None)
            return shared

    def release(self, file: OpenFile) -> None:
        file.users -= 1
        if file.users:
            return
        if self._open.get(file.path) is not file:
            os.close(file.descriptor)
            return
        self._wait(file)

    def close(self) -> None:
        """Close all that nobody is sent any more; the others close as they are released."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for file in list(self._idle):
            self._forget(file)
        self._open.clear()

    def _is_there(self, file: OpenFile, size_bytes: int) -> bool:
        """Whether the file still has a name; SourceUnreadable for another size."""
        found = os.fstat(file.descriptor)
        if found.st_nlink == 0:
            self._forget(file)
            return False
        _require_size(found.st_size, size_bytes)
        return True

    async def _opened(self, path: Path, size_bytes: int) -> None:
        # One open for all who ask at once: a thousand readers of a new file are one descriptor.
        opening = self._opening.get(path)
        if opening is None:
            opening = asyncio.create_task(self._open_new(path, size_bytes))
            # A failure is told to those who wait; when all have left, to nobody.
            opening.add_done_callback(lambda task: task.cancelled() or task.exception())
            self._opening[path] = opening
        # Whoever asked first may leave; the others still wait for it.
        await asyncio.shield(opening)

    async def _open_new(self, path: Path, size_bytes: int) -> None:
        try:
            descriptor = await asyncio.to_thread(_open, path, size_bytes)
        finally:
            del self._opening[path]
        file = OpenFile(self, path, descriptor, size_bytes)
        self._open[path] = file
        self._wait(file)

    def _wait(self, file: OpenFile) -> None:
        loop = asyncio.get_running_loop()
        self._idle[file] = loop.time()
        while len(self._idle) > self._max_idle:
            self._forget(next(iter(self._idle)))
        if self._sweep is None:
            self._sweep = loop.call_later(self._idle_s, self._close_idle)

    def _close_idle(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = None
        while self._idle:
            file, since_s = next(iter(self._idle.items()))
            left_s = since_s + self._idle_s - loop.time()
            if left_s > 0:
                self._sweep = loop.call_later(left_s, self._close_idle)
                return
            self._forget(file)

    def _forget(self, file: OpenFile) -> None:
        if self._open.get(file.path) is file:
            del self._open[file.path]
        if self._idle.pop(file, None) is not None:
            os.close(file.descriptor)


def _open(path: Path, size_bytes: int) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _require_size(os.fstat(descriptor).st_size, size_bytes)
    except SourceUnreadable:
        os.close(descriptor)
        raise
    return descriptor


def _require_size(found_bytes: int, size_bytes: int) -> None:
    if found_bytes != size_bytes:
        raise SourceUnreadable("The file does not have its recorded size.")

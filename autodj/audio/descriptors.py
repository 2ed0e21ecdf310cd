"""A descriptor as a file that has no name and keeps its own position."""

from __future__ import annotations

import os


class DescriptorFile:
    """Reads and writes at a position of its own, so that several may share one descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0

    def read(self, count: int = -1) -> bytes:
        """Up to ``count`` bytes; all that are left for a negative count."""
        if count < 0:
            count = self._size() - self._at
        data = os.pread(self._descriptor, count, self._at)
        self._at += len(data)
        return data

    def write(self, data: bytes) -> int:
        """All of ``data``; OSError when there is no room for it."""
        left = memoryview(data)
        while left:
            written = os.pwrite(self._descriptor, left, self._at)
            self._at += written
            left = left[written:]
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size()}[whence]
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def _size(self) -> int:
        return os.fstat(self._descriptor).st_size

"""A directory that files are put into so that they survive a crash once that is acknowledged."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, Final

from autodj.errors import IntegrityFault
from autodj.storage.disk import (
    BLOCK_BYTES,
    disk_errors,
    missing_directories,
    sweep,
)
from autodj.storage.limits import check_size

INCOMING: Final = ".incoming"
LOCK: Final = ".lock"


def _no_step(_name: str) -> None:
    """Nothing happens between the durable steps of a store in use."""


class DurableDirectory:
    """Files being written lie in ``root/.incoming``; those that change wait for ``root/.lock``.

    ``step`` is called with ``write``, ``fsync``, ``rename``, ``fsync-dir`` or ``unlink`` before
    each of these, so that a crash can be put there.
    """

    def __init__(self, root: Path, *, step: Callable[[str], None] | None = None) -> None:
        self.root = root
        self._step = step or _no_step

    def incoming(self) -> Path:
        """A path for a new temporary file, on the same file system as the objects."""
        with disk_errors("the incoming directory"):
            self._make_directory(self.root / INCOMING)
        return self.root / INCOMING / secrets.token_hex(16)

    def _sweep_incoming(self, older_than_s: float) -> int:
        with disk_errors("the incoming directory"):
            return sweep(self.root / INCOMING, time.time() - older_than_s)

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Alone among all processes that change what is stored here."""
        self._make_directory(self.root)
        fd = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _write(
        self,
        temporary: Path,
        source: BinaryIO,
        sha256: str,
        stamp_ns: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        check_size(source.seek(0, os.SEEK_END), max_bytes)
        source.seek(0)
        digest = hashlib.sha256()
        self._step("write")
        with temporary.open("xb") as file:
            while block := source.read(BLOCK_BYTES):
                check_size(file.tell() + len(block), max_bytes)  # files grow
                digest.update(block)
                file.write(block)
            file.flush()
            if digest.hexdigest() != sha256:
                raise IntegrityFault("The bytes sent are not those named by their hash.")
            if stamp_ns is not None:
                os.utime(file.fileno(), ns=(stamp_ns, stamp_ns))
            self._step("fsync")
            self._fsync_file(file.fileno())

    def _write_over(self, path: Path, content: bytes) -> None:
        """A small file, whole and durable, in place of whatever had its name."""
        temporary = self.incoming()
        try:
            self._step("write")
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                self._step("fsync")
                self._fsync_file(file.fileno())
            self._make_directory(path.parent)
            self._step("rename")
            temporary.replace(path)
            self._fsync_up(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _fsync_up(self, path: Path) -> None:
        for directory in self._up_to_root(path):
            self._step("fsync-dir")
            self._fsync_directory(directory)

    def _up_to_root(self, path: Path) -> Iterator[Path]:
        yield from takewhile(lambda each: each != self.root, path.parents)
        yield self.root

    def _make_directory(self, path: Path) -> None:
        """Like ``mkdir -p``; a new root is made durable here, what is in it with each object."""
        made = missing_directories(self.root)
        path.mkdir(parents=True, exist_ok=True)
        for directory in made:
            self._fsync_directory(directory.parent)

    def _fsync_file(self, fd: int) -> None:
        os.fsync(fd)

    def _link(self, temporary: Path, final: Path) -> None:
        os.link(temporary, final, follow_symlinks=False)

    def _fsync_directory(self, directory: Path) -> None:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

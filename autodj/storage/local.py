"""A store in a directory: create-only files that survive a crash once they are acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import stat
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import islice, takewhile
from pathlib import Path
from typing import BinaryIO, Final

from autodj.errors import (
    IntegrityFault,
    ObjectExists,
    ObjectNotFound,
    RangeNotSatisfiable,
    StoreError,
)
from autodj.storage.base import ByteRange, ObjectStat
from autodj.storage.disk import (
    BLOCK_BYTES,
    blocks,
    disk_errors,
    keys_below,
    missing_directories,
    open_regular,
    opened,
    remove_empty,
    sha256_of,
    sweep,
)
from autodj.storage.keys import check_key

PAGE_OBJECTS: Final = 1000
PUBLISH_ATTEMPTS: Final = 10


def _no_step(_name: str) -> None:
    """Nothing happens between the durable steps of a store in use."""


class LocalStorage:
    """Objects as files ``root/<key>``; files being written lie in ``root/.incoming``.

    An acknowledged object is durable: bytes written and hashed, fsync of the file, a hard link
    to the final name (atomic and create-only, also between processes), fsync of every directory
    from that name up to the root. ``step`` is called with ``write``, ``fsync``, ``rename``,
    ``fsync-dir`` or ``unlink`` before each of these, so that a crash can be put there.
    """

    def __init__(self, root: Path, *, step: Callable[[str], None] = _no_step) -> None:
        self.root = root
        self._step = step

    async def put(
        self, key: str, source: Path | bytes, *, sha256: str, content_type: str
    ) -> ObjectStat:
        del content_type  # a file has none; the row of the object remembers it
        check_key(key)
        return await asyncio.to_thread(self._put, key, source, sha256)

    async def adopt(self, key: str, source: Path, *, sha256: str, size_bytes: int) -> ObjectStat:
        """Publish a file that already lies in ``incoming()``, without copying it.

        The file is read once to prove its hash and size (IntegrityFault). It belongs to the
        store from here on: whatever happens, its temporary name is gone afterwards.
        """
        check_key(key)
        if source.parent != self.root / ".incoming":
            raise ValueError(f"{source} does not lie in the store's incoming directory")
        return await asyncio.to_thread(self._adopt, key, source, sha256, size_bytes)

    async def stat(self, key: str) -> ObjectStat:
        check_key(key)
        return await asyncio.to_thread(self._stat, key)

    async def verify(self, key: str, *, sha256: str, size_bytes: int) -> ObjectStat:
        check_key(key)
        return await asyncio.to_thread(self._verify, key, sha256, size_bytes)

    @asynccontextmanager
    async def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        with await asyncio.to_thread(self._open, key) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            wanted = byte_range or ByteRange(0, size_bytes)
            if byte_range and not 0 <= wanted.start < wanted.stop <= size_bytes:
                raise RangeNotSatisfiable(f"{key} has {size_bytes} bytes.")
            async with aclosing(blocks(file, wanted, key)) as stream:
                yield stream

    async def delete(self, key: str) -> None:
        check_key(key)
        await asyncio.to_thread(self._delete, key)

    async def list(self, prefix: str = "") -> AsyncGenerator[ObjectStat, None]:
        keys = keys_below(self.root, prefix)
        while page := await asyncio.to_thread(self._page, keys):
            for found in page:
                yield found

    async def probe(self) -> None:
        await asyncio.to_thread(self._probe)

    async def sweep_incoming(self, older_than_s: float) -> int:
        """Remove temporary files that nobody wrote to for so long; how many there were."""
        with disk_errors("the incoming directory"):
            before = time.time() - older_than_s
            return await asyncio.to_thread(sweep, self.root / ".incoming", before)

    def incoming(self) -> Path:
        """A path for a new temporary file, on the same file system as the objects."""
        with disk_errors("the incoming directory"):
            self._make_directory(self.root / ".incoming")
        return self.root / ".incoming" / secrets.token_hex(16)

    def path(self, key: str) -> Path:
        """Where the object's file is, or would be."""
        return self.root / check_key(key)

    def open_fd(self, key: str) -> int:
        """A read-only descriptor that the caller closes; ObjectNotFound when there is none."""
        return open_regular(self.path(key), key)

    def _put(self, key: str, source: Path | bytes, sha256: str) -> ObjectStat:
        with opened(source) as file:
            temporary = self.incoming()
            try:
                with disk_errors(key):
                    self._write(temporary, file, sha256)
                    return self._publish(key, temporary, sha256, file.tell())
            finally:
                temporary.unlink(missing_ok=True)

    def _adopt(self, key: str, source: Path, sha256: str, size_bytes: int) -> ObjectStat:
        try:
            with disk_errors(key):
                with source.open("rb") as file:
                    if (sha256_of(file), file.tell()) != (sha256, size_bytes):
                        raise IntegrityFault(f"The bytes sent for {key} are not those named.")
                    self._step("fsync")
                    self._fsync_file(file.fileno())
                return self._publish(key, source, sha256, size_bytes)
        finally:
            source.unlink(missing_ok=True)

    def _write(self, temporary: Path, source: BinaryIO, sha256: str) -> None:
        digest = hashlib.sha256()
        self._step("write")
        with temporary.open("xb") as file:
            while block := source.read(BLOCK_BYTES):
                digest.update(block)
                file.write(block)
            file.flush()
            if digest.hexdigest() != sha256:
                raise IntegrityFault("The bytes sent are not those named by their hash.")
            self._step("fsync")
            self._fsync_file(file.fileno())

    def _publish(self, key: str, temporary: Path, sha256: str, size_bytes: int) -> ObjectStat:
        final = self.path(key)
        for _ in range(PUBLISH_ATTEMPTS):
            # A delete may take the emptied directory, or the object itself, away in between.
            with suppress(FileNotFoundError, ObjectNotFound):
                self._link_or_compare(key, temporary, final, sha256, size_bytes)
                # Also for bytes found in place: who put them may have died before this.
                for directory in self._up_to_root(final):
                    self._step("fsync-dir")
                    self._fsync_directory(directory)
                found = self._stat(key)
                self._step("unlink")
                temporary.unlink()
                return found
        raise StoreError(f"{key} is removed again and again while it is stored.")

    def _link_or_compare(
        self, key: str, temporary: Path, final: Path, sha256: str, size_bytes: int
    ) -> None:
        try:
            self._make_directory(final.parent)
        except (FileExistsError, NotADirectoryError) as error:
            raise ObjectExists(f"{key} would lie inside another object.") from error
        try:
            self._step("rename")
            self._link(temporary, final)
        except FileExistsError as error:
            if final.is_dir():
                raise ObjectExists(f"Other objects lie inside {key}.") from error
            try:
                self._verify(key, sha256, size_bytes)
            except IntegrityFault as fault:
                raise ObjectExists(f"{key} already holds other bytes.") from fault

    def _stat(self, key: str) -> ObjectStat:
        with disk_errors(key):
            found = self.path(key).lstat()
        if not stat.S_ISREG(found.st_mode):
            raise ObjectNotFound(f"{key} is not a file.")
        return ObjectStat(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def _verify(self, key: str, sha256: str, size_bytes: int) -> ObjectStat:
        found = self._stat(key)
        if found.size_bytes == size_bytes:
            with self._open(key) as file, disk_errors(key):
                if sha256_of(file) == sha256:
                    return found
        raise IntegrityFault(f"The file of {key} is not what was recorded.")

    def _delete(self, key: str) -> None:
        path = self.path(key)
        with disk_errors(key):
            self._step("unlink")
            with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                path.unlink()
                self._step("fsync-dir")
                self._fsync_directory(path.parent)
                remove_empty(each for each in self._up_to_root(path) if each != self.root)

    def _page(self, keys: Iterator[str]) -> Sequence[ObjectStat]:
        page = []
        with disk_errors("the list of objects"):
            for key in islice(keys, PAGE_OBJECTS):
                with suppress(ObjectNotFound):
                    page.append(self._stat(key))
        return page

    def _probe(self) -> None:
        temporary = self.incoming()
        with disk_errors("the data directory"):
            try:
                temporary.write_bytes(b"probe")
            finally:
                temporary.unlink(missing_ok=True)

    def _open(self, key: str) -> BinaryIO:
        return os.fdopen(self.open_fd(key), "rb", buffering=0)

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

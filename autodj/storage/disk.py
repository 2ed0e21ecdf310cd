"""Small pieces of file work that the local store is made of."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import os
import stat
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, Final

from autodj.errors import (
    AutodjError,
    Conflict,
    DiskFull,
    IntegrityFault,
    ObjectNotFound,
    StoreDenied,
    StoreError,
    Unavailable,
)
from autodj.storage.base import ByteRange

BLOCK_BYTES: Final = 256 * 1024


def opened(source: Path | bytes, key: str) -> BinaryIO:
    """The bytes for that key as a binary file without a name; ObjectNotFound for a path where
    no file is.

    An HTTP client would send a name along as a Content-Disposition that S3 then keeps.
    """
    if isinstance(source, Path):
        return os.fdopen(_open_regular(source, f"what goes to {key}"), "rb")
    return io.BytesIO(source)


def open_regular(path: Path, key: str) -> int:
    """A read-only descriptor of the object's file; ObjectNotFound for anything else there."""
    return _open_regular(path, key, os.O_NOFOLLOW)


def _open_regular(path: Path, what: str, flags: int = 0) -> int:
    with disk_errors(what):
        # A pipe without a writer would keep us waiting; files do not know the difference.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise ObjectNotFound(f"There is no file for {what}.")


def sha256_of(file: BinaryIO) -> str:
    """The hash of what follows, in hex; the file stands at its end afterwards."""
    digest = hashlib.sha256()
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


async def blocks(file: BinaryIO, wanted: ByteRange, key: str) -> AsyncGenerator[bytes, None]:
    """The bytes of the range; IntegrityFault when the file turns out to be shorter."""
    position = wanted.start
    while position < wanted.stop:
        count = min(BLOCK_BYTES, wanted.stop - position)
        block = await asyncio.to_thread(_pread, file, count, position, key)
        position += len(block)
        yield block


def _pread(file: BinaryIO, count: int, position: int, key: str) -> bytes:
    with disk_errors(key):
        block = os.pread(file.fileno(), count, position)
    if not block:
        raise IntegrityFault(f"The file of {key} ends before its size.")
    return block


def sweep(directory: Path, before: float) -> int:
    """Remove the files last written to before that time (POSIX seconds); how many there were."""
    swept = 0
    for path in directory.glob("*"):
        with suppress(FileNotFoundError):
            if path.lstat().st_mtime < before:
                path.unlink()
                swept += 1
    return swept


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn each OSError into the error that says what a person can do about it."""
    try:
        yield
    except OSError as error:
        raise _translated(what, error) from error


@contextmanager
def new_file_errors(path: Path) -> Iterator[None]:
    """The same for a file that is made: what is missing then is a folder, and no object."""
    with disk_errors(str(path)):
        try:
            yield
        except FileExistsError as error:
            raise Conflict(f"{path} is there already.", hint="Choose another name.") from error
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StoreError(
                f"There is no folder {path.parent}.", hint="Make it, or name another."
            ) from error


def _translated(what: str, error: OSError) -> AutodjError:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return DiskFull(f"No room for {what}: {error.strerror}.")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return StoreDenied(
                f"{what}: {error.strerror}.",
                hint="The data directory must belong to the user who runs autodj.",
            )
        case errno.ENOENT | errno.ENOTDIR | errno.EISDIR | errno.ELOOP:
            return ObjectNotFound(f"There is no file for {what}.")
        case errno.EMFILE | errno.ENFILE:
            return Unavailable("Too many files are open at the moment.")
        case _:
            return StoreError(f"The disk failed at {what}: {error.strerror}.")


def remove_empty(directories: Iterator[Path]) -> None:
    """Remove the directories, innermost first, up to the first that is in use."""
    for directory in directories:
        try:
            directory.rmdir()
        except OSError:  # not empty, gone already, or not ours to remove: all are fine
            return


def missing_directories(path: Path) -> list[Path]:
    """``path`` and those above it that do not exist yet, innermost first."""
    return list(takewhile(lambda each: not each.exists(), (path, *path.parents)))

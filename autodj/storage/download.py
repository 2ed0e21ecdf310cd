"""An object as a file: large ones in ranges side by side, each written to its own place."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from autodj.errors import AutodjError, IntegrityFault, StoreError
from autodj.storage.base import ByteRange, ObjectStat, Progress, Storage
from autodj.storage.checks import BodyCheck, Sealed
from autodj.storage.disk import disk_errors
from autodj.storage.powers import Sealing

MIB: Final = 1024**2
# Handed to a thread at a time: a hop costs as much as hashing a hundred kilobytes.
WRITE_BYTES: Final = 2 * MIB


@dataclass(frozen=True, slots=True)
class Ranges:
    """Objects of more than ``each_bytes`` are read ``parallel`` ranges at a time."""

    each_bytes: int = 16 * MIB
    parallel: int = 4

    def of(self, size_bytes: int) -> Sequence[ByteRange]:
        starts = range(0, size_bytes, self.each_bytes)
        return [ByteRange(start, min(start + self.each_bytes, size_bytes)) for start in starts]


DEFAULT_RANGES: Final = Ranges()

Update = Callable[[bytes], object]


async def download(
    store: Storage,
    key: str,
    target: Path,
    *,
    sha256: str | None = None,
    size_bytes: int | None = None,
    ranges: Ranges = DEFAULT_RANGES,
    progress: Progress | None = None,
) -> int:
    """The object as the file ``target``, which must not exist: how many bytes it has.

    The object is the one with that ``sha256`` (hex), or the one that the store vouches for:
    every byte goes into a hash, or into the CRC-32 of the very bytes of which the store itself
    has computed this SHA-256. IntegrityFault when it differs; then, and on any other failure, no
    file is left. Where hash and size are known, the store is asked for nothing but the bytes.
    ``progress`` hears the bytes so far.
    """
    known = sha256 is not None and size_bytes is not None
    found = None if known else await store.stat(key)
    wanted = Wanted(
        key,
        found.size_bytes if found else size_bytes or 0,
        sha256 or (found.sha256 if found else None),
    )
    landing = await _landing(target, wanted.size_bytes)
    try:
        check = await _fetched(store, wanted, landing, ranges, progress)
        await _require_whole(store, found, wanted, check)
    except BaseException:
        await landing.close()
        await asyncio.to_thread(target.unlink, missing_ok=True)
        raise
    await landing.close()
    return wanted.size_bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """The object, and what is known of it."""

    key: str
    size_bytes: int
    sha256: str | None

    def check(self, sealed: Sealed) -> BodyCheck:
        """How to tell that what arrives is this; IntegrityFault when it is said not to be."""
        same = sealed.sha256 is None or self.sha256 is None or sealed.sha256 == self.sha256
        if not same or sealed.size_bytes != self.size_bytes:
            raise _other(self.key)
        proven = self.sha256 in {None, sealed.sha256}
        return BodyCheck(sha256=self.sha256, crc32=sealed.crc32 if proven else None)


class Landing:
    """A new file that several ranges are written to at the same time."""

    def __init__(self, target: Path, size_bytes: int) -> None:
        """Take the room on the disk now, at once: DiskFull comes before anything is fetched.

        Where the system or the file system has no such call, it comes later.
        """
        with disk_errors(str(target)):
            self._fd = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                _reserve(self._fd, size_bytes)
            except BaseException:
                os.close(self._fd)
                target.unlink(missing_ok=True)
                raise
        self._running: set[asyncio.Future[None]] = set()

    async def write(self, blocks: Sequence[bytes], place: int, also: Update | None) -> None:
        """Write the blocks one after the other from ``place`` on, and show them to ``also``."""
        await self._do(lambda: _write(self._fd, blocks, place, also))

    async def hash(self, piece: ByteRange, update: Update) -> None:
        await self._do(lambda: _hash(self._fd, piece, update))

    async def close(self) -> None:
        """Wait for every thread that has the descriptor: its number may be another file's soon."""
        if self._running:
            await asyncio.wait(self._running)
        os.close(self._fd)

    async def _do(self, work: Callable[[], None]) -> None:
        running = asyncio.get_running_loop().run_in_executor(None, work)
        self._running.add(running)
        running.add_done_callback(self._over)
        with disk_errors("a download"):
            await asyncio.shield(running)

    def _over(self, running: asyncio.Future[None]) -> None:
        self._running.discard(running)
        if not running.cancelled():
            running.exception()  # told to whoever waits; nobody may be left to


async def _landing(target: Path, size_bytes: int) -> Landing:
    """Opened by a thread, which goes on when nobody waits for it: then what it made is removed."""
    opening = asyncio.get_running_loop().run_in_executor(None, Landing, target, size_bytes)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(AutodjError):
            await (await opening).close()
            await asyncio.to_thread(target.unlink, missing_ok=True)
        raise


async def _fetched(
    store: Storage, wanted: Wanted, landing: Landing, ranges: Ranges, progress: Progress | None
) -> BodyCheck:
    """What was found of the bytes: of a single range as it arrives, of several each as soon as
    those before it are there.
    """
    arrived_bytes = 0

    def arrived(count: int) -> None:
        nonlocal arrived_bytes
        arrived_bytes += count
        if progress is not None:
            progress(arrived_bytes)

    cut = ranges.of(wanted.size_bytes)
    if len(cut) == 1:
        return await _fetch_whole(store, wanted, landing, cut[0], arrived)
    check = BodyCheck(sha256=wanted.sha256)
    gate = asyncio.Semaphore(ranges.parallel)

    async def fetch(piece: ByteRange) -> None:
        async with gate, store.read(wanted.key, piece) as blocks:
            await _land(wanted.key, blocks, landing, piece, arrived)

    tasks = [asyncio.create_task(fetch(piece)) for piece in cut]
    try:
        for piece, task in zip(cut, tasks, strict=True):
            await task
            if check.knows:
                await landing.hash(piece, check.update)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return check


async def _fetch_whole(
    store: Storage,
    wanted: Wanted,
    landing: Landing,
    piece: ByteRange,
    arrived: Callable[[int], None],
) -> BodyCheck:
    if isinstance(store, Sealing):
        async with store.read_sealed(wanted.key) as sealed:
            check = wanted.check(sealed)
            await _land(wanted.key, sealed.blocks, landing, piece, arrived, check.update)
    else:
        check = BodyCheck(sha256=wanted.sha256)
        # As a range even though it is the whole: a store would hash that once more.
        async with store.read(wanted.key, piece) as blocks:
            await _land(wanted.key, blocks, landing, piece, arrived, check.update)
    return check


async def _land(
    key: str,
    blocks: AsyncIterator[bytes],
    landing: Landing,
    piece: ByteRange,
    arrived: Callable[[int], None],
    also: Update | None = None,
) -> None:
    place = piece.start
    waiting: list[bytes] = []
    waiting_bytes = 0
    async for block in blocks:
        waiting.append(block)
        waiting_bytes += len(block)
        if waiting_bytes >= WRITE_BYTES or place + waiting_bytes >= piece.stop:
            await landing.write(waiting, place, also)
            place += waiting_bytes
            arrived(waiting_bytes)
            waiting, waiting_bytes = [], 0
    if place != piece.stop:
        raise IntegrityFault(f"{key} ended after {place - piece.start} bytes of a range.")


def _reserve(fd: int, size_bytes: int) -> None:
    if not size_bytes or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(fd, 0, size_bytes)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
            raise


def _write(fd: int, blocks: Sequence[bytes], place: int, also: Update | None) -> None:
    for block in blocks:
        rest = memoryview(block)
        while rest:
            written = os.pwrite(fd, rest, place)
            rest, place = rest[written:], place + written
        if also is not None:
            also(block)


def _hash(fd: int, piece: ByteRange, update: Update) -> None:
    place = piece.start
    while place < piece.stop:
        block = os.pread(fd, min(MIB, piece.stop - place), place)
        if not block:
            raise StoreError("A download's own file became shorter.")
        update(block)
        place += len(block)


async def _require_whole(
    store: Storage, found: ObjectStat | None, wanted: Wanted, check: BodyCheck
) -> None:
    """The bytes are the right ones; where nobody knows them, all ranges are at least of one
    object.
    """
    same = check.holds
    if not check.knows and found is not None:
        now = await store.stat(wanted.key)
        same = (now.etag, now.size_bytes, now.modified_at) == (
            found.etag,
            found.size_bytes,
            found.modified_at,
        )
    if not same:
        raise _other(wanted.key)


def _other(key: str) -> IntegrityFault:
    return IntegrityFault(f"{key} is not what was recorded, or changed meanwhile.")

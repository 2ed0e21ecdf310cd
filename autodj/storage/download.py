"""An object as a file: large ones in ranges side by side, each written to its own place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from autodj.errors import AutodjError, IntegrityFault
from autodj.storage.base import ByteRange, ObjectStat, Progress, Storage
from autodj.storage.checks import BodyCheck, Sealed
from autodj.storage.limits import RANGES_AT_ONCE
from autodj.storage.pouring import pour, seen_through
from autodj.storage.powers import Sealing
from autodj.storage.strips import Arrived, NewFile, Strip

MIB: Final = 1024**2


@dataclass(frozen=True, slots=True)
class Ranges:
    """Objects of more than ``each_bytes`` are read ``parallel`` ranges at a time."""

    each_bytes: int = 16 * MIB
    parallel: int = RANGES_AT_ONCE

    def of(self, size_bytes: int) -> Sequence[ByteRange]:
        starts = range(0, size_bytes, self.each_bytes)
        return [ByteRange(start, min(start + self.each_bytes, size_bytes)) for start in starts]


DEFAULT_RANGES: Final = Ranges()


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
    file = await _new_file(target, wanted.size_bytes)
    try:
        check = await _fetched(store, wanted, file, ranges, progress)
        await _require_whole(store, found, wanted, check)
    except BaseException:
        await asyncio.to_thread(target.unlink, missing_ok=True)
        raise
    finally:
        file.close()
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


async def _new_file(target: Path, size_bytes: int) -> NewFile:
    """Opened by a thread, which goes on when nobody waits for it: then what it made is removed."""
    opening = asyncio.get_running_loop().run_in_executor(None, NewFile, target, size_bytes)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(AutodjError):
            (await opening).close()
            await asyncio.to_thread(target.unlink, missing_ok=True)
        raise


async def _fetched(
    store: Storage, wanted: Wanted, file: NewFile, ranges: Ranges, progress: Progress | None
) -> BodyCheck:
    """What was found of the bytes: of a single range as it arrives, of several each as soon as
    those before it are there.
    """
    arrived = None if progress is None else _summed(progress)
    cut = ranges.of(wanted.size_bytes) or [ByteRange(0, 0)]
    if len(cut) == 1:
        async with _opened(store, wanted.key, cut[0], whole=True) as sealed:
            check = wanted.check(sealed)
            await _fill(wanted.key, sealed, Strip(file, cut[0], also=check.update, arrived=arrived))
        return check
    check = BodyCheck(sha256=wanted.sha256)
    gate = asyncio.Semaphore(ranges.parallel)

    async def fetch(piece: ByteRange) -> None:
        async with gate, _opened(store, wanted.key, piece) as sealed:
            await _fill(wanted.key, sealed, Strip(file, piece, arrived=arrived))

    tasks = [asyncio.create_task(fetch(piece)) for piece in cut]
    try:
        for piece, task in zip(cut, tasks, strict=True):
            await task
            if check.knows:
                await seen_through(partial(file.hash, piece, check.update))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return check


@asynccontextmanager
async def _opened(
    store: Storage, key: str, piece: ByteRange, *, whole: bool = False
) -> AsyncGenerator[Sealed, None]:
    if isinstance(store, Sealing):
        async with store.read_sealed(key, None if whole else piece) as sealed:
            yield sealed
    else:
        # As a range even where it is the whole: a store would hash that once more.
        async with store.read(key, piece if piece.length else None) as blocks:
            yield Sealed(piece.length, None, None, partial(pour, blocks))


async def _fill(key: str, sealed: Sealed, strip: Strip) -> None:
    await sealed.pour(strip.take)
    if not strip.full:
        raise IntegrityFault(f"{key} ended before the end of a range.")


def _summed(progress: Progress) -> Arrived:
    arrived_bytes = 0

    def arrived(count: int) -> None:
        nonlocal arrived_bytes
        arrived_bytes += count
        progress(arrived_bytes)

    return arrived


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

"""What is asked of the store, and what must be so when it says that it was done."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from autodj.errors import ObjectNotFound
from autodj.storage.base import ByteRange, ObjectStat
from autodj.storage.download import Ranges, download
from autodj.storage.s3 import S3Storage, S3Timing
from autodj.storage.whole import move

SMALL_BYTES: Final = 20_000
PART_BYTES: Final = 5 * 1024**2
LARGE_BYTES: Final = PART_BYTES + 100_000
RANGE: Final = ByteRange(1_000, 9_000)
TYPE: Final = "audio/mpeg"


@dataclass(frozen=True, slots=True)
class Case:
    """One attempt: keys and bytes that no other has, and two ways to the same bucket."""

    store: S3Storage
    direct: S3Storage
    body: bytes
    key: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def second(self) -> str:
        return f"{self.key}-second"

    async def put_directly(self, key: str) -> None:
        await self.direct.put(key, self.body, sha256=self.sha256, content_type=TYPE)

    async def replace_directly(self, key: str, body: bytes) -> None:
        digest = hashlib.sha256(body).hexdigest()
        await self.direct.replace(key, body, sha256=digest, content_type=TYPE)

    async def stored(self, key: str) -> bytes:
        """What is there now, as it is: whole, and in truth."""
        async with self.direct.read(key) as blocks:
            return b"".join([block async for block in blocks])

    async def is_gone(self, key: str) -> bool:
        try:
            await self.direct.stat(key)
        except ObjectNotFound:
            return True
        return False


Check = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Operation:
    """``do`` asks the store, and gives what tells later whether its answer is true.
    ``within_s`` is its deadline, and ``requests`` about how many it sends when all is well. A
    ``versioned`` one is asked of a bucket that keeps versions.
    """

    prepare: Callable[[Case], Awaitable[None]]
    do: Callable[[Case], Awaitable[Check]]
    within_s: Callable[[S3Timing], float]
    requests: int
    size_bytes: int = SMALL_BYTES
    versioned: bool = False


def _known(answer: object) -> Check:
    async def check() -> bool:
        return bool(answer)

    return check


async def _nothing(case: Case) -> None:
    del case


async def _one(case: Case) -> None:
    await case.put_directly(case.key)


async def _two(case: Case) -> None:
    await case.put_directly(case.key)
    await case.put_directly(case.second)


async def _two_states(case: Case) -> None:
    await case.replace_directly(case.key, case.body)
    await case.replace_directly(case.key, case.body[::-1])


async def _put(case: Case) -> Check:
    stat = await case.store.put(case.key, case.body, sha256=case.sha256, content_type=TYPE)
    return lambda: _holds(case, case.key, case.body, stat)


async def _replace(case: Case) -> Check:
    other = case.body[::-1]
    digest = hashlib.sha256(other).hexdigest()
    stat = await case.store.replace(case.key, other, sha256=digest, content_type=TYPE)
    return lambda: _holds(case, case.key, other, stat)


async def _replace_what_was_read(case: Case) -> Check:
    other = case.body[::-1]
    digest = hashlib.sha256(other).hexdigest()
    read = await case.direct.stat(case.key)
    stat = await case.store.replace(
        case.key, other, sha256=digest, content_type=TYPE, if_match=read.etag
    )
    return lambda: _holds(case, case.key, other, stat)


async def _set_metadata(case: Case) -> Check:
    said = {"title": "Żółć"}
    stat = await case.store.set_metadata(case.key, said)

    async def check() -> bool:
        found = await case.direct.stat(case.key)
        told = (stat.described.metadata, found.described.metadata)
        return told == (said, said) and await case.stored(case.key) == case.body

    return check


async def _move(case: Case) -> Check:
    stat = await move(case.store, case.key, case.second)

    async def check() -> bool:
        return await case.is_gone(case.key) and await _holds(case, case.second, case.body, stat)

    return check


async def _page(case: Case) -> Check:
    first = await case.store.page(case.key, limit=1)
    rest = await case.store.page(case.key, cursor=first.cursor)
    found = [each.key for each in (*first.objects, *rest.objects)]
    return _known(found == [case.key, case.second] and rest.cursor is None)


async def _copy(case: Case) -> Check:
    stat = await case.store.copy(case.key, case.second)
    return lambda: _holds(case, case.second, case.body, stat)


async def _holds(case: Case, key: str, body: bytes, told: ObjectStat) -> bool:
    return told.size_bytes == len(body) and await case.stored(key) == body


async def _stat(case: Case) -> Check:
    found = await case.store.stat(case.key)
    return _known((found.size_bytes, found.sha256) == (len(case.body), case.sha256))


async def _verify(case: Case) -> Check:
    await case.store.verify(case.key, sha256=case.sha256, size_bytes=len(case.body))
    return _known(True)


async def _read(case: Case) -> Check:
    async with case.store.read(case.key) as blocks:
        return _known(b"".join([block async for block in blocks]) == case.body)


async def _read_range(case: Case) -> Check:
    async with case.store.read(case.key, RANGE) as blocks:
        found = b"".join([block async for block in blocks])
    return _known(found == case.body[RANGE.start : RANGE.stop])


async def _download(case: Case) -> Check:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "object")
        ranges = Ranges(each_bytes=SMALL_BYTES // 4)
        await download(case.store, case.key, path, sha256=case.sha256, ranges=ranges)
        return _known(await asyncio.to_thread(path.read_bytes) == case.body)


async def _download_at_once(case: Case) -> Check:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "object")
        size_bytes = len(case.body)
        await download(case.store, case.key, path, sha256=case.sha256, size_bytes=size_bytes)
        return _known(await asyncio.to_thread(path.read_bytes) == case.body)


async def _list(case: Case) -> Check:
    found = [each.key async for each in case.store.list(case.key)]
    return _known(found == [case.key, case.second])


async def _delete(case: Case) -> Check:
    await case.store.delete(case.key)
    return lambda: case.is_gone(case.key)


async def _delete_many(case: Case) -> Check:
    await case.store.delete_many([case.key, case.second])

    async def check() -> bool:
        return await case.is_gone(case.key) and await case.is_gone(case.second)

    return check


async def _delete_unchanged(case: Case) -> Check:
    """The second was written anew since it was found. That a first one stays whose ETag was not
    understood is told, too, and nobody's loss.
    """
    found = [await case.direct.stat(each) for each in (case.key, case.second)]
    other = case.body[::-1]
    await case.replace_directly(case.second, other)
    changed = await case.store.delete_unchanged(found)

    async def check() -> bool:
        kept = case.second in changed and await case.stored(case.second) == other
        return kept and await case.is_gone(case.key) == (case.key not in changed)

    return check


async def _versions(case: Case) -> Check:
    found = [each.version_id for each in await case.store.versions(case.key)]

    async def check() -> bool:
        return found == [each.version_id for each in await case.direct.versions(case.key)]

    return check


async def _oldest(case: Case) -> str:
    return (await case.direct.versions(case.key))[-1].version_id


async def _read_version(case: Case) -> Check:
    async with case.store.read_version(case.key, await _oldest(case)) as blocks:
        return _known(b"".join([block async for block in blocks]) == case.body)


async def _restore_version(case: Case) -> Check:
    stat = await case.store.restore_version(case.key, await _oldest(case))
    return lambda: _holds(case, case.key, case.body, stat)


async def _delete_version(case: Case) -> Check:
    oldest = await _oldest(case)
    await case.store.delete_version(case.key, oldest)

    async def check() -> bool:
        left = [each.version_id for each in await case.direct.versions(case.key)]
        return len(left) == 1 and oldest not in left

    return check


async def _probe(case: Case) -> Check:
    await case.store.probe()
    return _known(True)


def _asking(times: int) -> Callable[[S3Timing], float]:
    return lambda timing: times * timing.metadata_s


def _carrying(bodies: int, asking: int, size_bytes: int) -> Callable[[S3Timing], float]:
    return lambda timing: bodies * timing.body_deadline_s(size_bytes) + asking * timing.metadata_s


OPERATIONS: Final = {
    "put": Operation(_nothing, _put, lambda t: t.put_deadline_s(SMALL_BYTES), 2),
    "put again": Operation(_one, _put, lambda t: t.put_deadline_s(SMALL_BYTES), 2),
    "put in parts": Operation(
        _nothing, _put, lambda t: t.put_deadline_s(LARGE_BYTES), 5, LARGE_BYTES
    ),
    "replace": Operation(_one, _replace, lambda t: t.put_deadline_s(SMALL_BYTES), 2),
    "replace what was read": Operation(
        _one, _replace_what_was_read, lambda t: t.put_deadline_s(SMALL_BYTES) + t.metadata_s, 2
    ),
    "set metadata": Operation(_one, _set_metadata, _carrying(1, 4, SMALL_BYTES), 3),
    "stat": Operation(_one, _stat, _asking(2), 1),
    "verify": Operation(_one, _verify, _carrying(1, 3, SMALL_BYTES), 1),
    "read": Operation(_one, _read, _carrying(1, 2, SMALL_BYTES), 1),
    "read a range": Operation(_one, _read_range, _carrying(1, 2, SMALL_BYTES), 1),
    "download": Operation(_one, _download, _carrying(1, 4, SMALL_BYTES), 5),
    "download at once": Operation(_one, _download_at_once, _carrying(1, 2, SMALL_BYTES), 1),
    "list": Operation(_two, _list, _asking(1), 1),
    "page": Operation(_two, _page, _asking(2), 2),
    "delete": Operation(_one, _delete, _asking(1), 1),
    "delete many": Operation(_two, _delete_many, _asking(1), 1),
    "delete unchanged": Operation(_two, _delete_unchanged, _asking(3), 1),
    "copy": Operation(_one, _copy, _carrying(1, 4, SMALL_BYTES), 4),
    "move": Operation(_one, _move, _carrying(1, 5, SMALL_BYTES), 5),
    "versions": Operation(_two_states, _versions, _asking(1), 1, versioned=True),
    "read a version": Operation(
        _two_states, _read_version, _carrying(1, 3, SMALL_BYTES), 1, versioned=True
    ),
    "restore a version": Operation(
        _two_states, _restore_version, _carrying(1, 4, SMALL_BYTES), 3, versioned=True
    ),
    "delete a version": Operation(_two_states, _delete_version, _asking(3), 2, versioned=True),
    "probe": Operation(_nothing, _probe, _asking(2), 1),
}

# A range comes with no hash. Where its bytes matter, ``download`` takes the whole and checks it.
UNDETECTABLE: Final = {("flipped byte", "read a range")}


def body_of(operation: Operation, chance: Random) -> bytes:
    """Bytes that no other case has."""
    return chance.randbytes(operation.size_bytes)

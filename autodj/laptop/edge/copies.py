"""The edge's copies of the origin's objects: found, fetched block by block, renewed, forgotten."""

from __future__ import annotations

import asyncio
import json
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from hashlib import sha256
from typing import Final

import structlog

from autodj.errors import IntegrityFault, StoreError
from autodj.laptop.edge.cache import DiskCache
from autodj.laptop.edge.flights import Flights
from autodj.laptop.edge.head import BLOCK_BYTES, CacheRules, Found, Head
from autodj.laptop.edge.origin import Origin, OriginAnswer
from autodj.storage.base import ByteRange

log = structlog.get_logger("autodj.edge")


MAX_REMEMBERED_ERRORS: Final = 1000

_HEAD: Final = "head"
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})")
# What is said of a connection or of one answer, not of the object.
_NOT_KEPT: Final = {
    "accept-ranges",
    "age",
    "connection",
    "content-length",
    "content-range",
    "date",
    "keep-alive",
    "transfer-encoding",
    "x-amz-id-2",
    "x-amz-request-id",
}


class Copies:
    """Copies in ``cache`` of what ``origin`` has; ``now`` gives POSIX seconds."""

    def __init__(
        self, origin: Origin, cache: DiskCache, rules: CacheRules, now: Callable[[], float]
    ) -> None:
        self._origin = origin
        self._cache = cache
        self._rules = rules
        self._now = now
        self._looks: Flights[Found | OriginAnswer] = Flights()
        self._fetches: Flights[bytes] = Flights()
        self._errors: OrderedDict[str, tuple[float, str, OriginAnswer]] = OrderedDict()

    async def find(self, path: str, *, cache_key: str, near: int = 0) -> Found | OriginAnswer:
        """The object, or the origin's refusal. ``near`` is a byte that is wanted of it.

        An answer of status 502, 503 or 504 without headers is our own: the origin gave none.
        """
        owner = sha256(cache_key.encode()).hexdigest()[:40]
        head = await self._known(owner)
        if head is not None and self._now() < head.fresh_until:
            return Found(owner, head, "Hit")
        if (remembered := self._remembered(owner)) is not None:
            return remembered
        look = partial(self._look, owner, path, near // BLOCK_BYTES, head)
        return await self._looks.share(owner, look)

    def covers(self, found: Found, wanted: ByteRange) -> bool:
        """Whether every byte wanted is here already."""
        return all(
            self._cache.holds(found.owner, found.head.part(index)) for index in blocks_of(wanted)
        )

    async def read(self, found: Found, wanted: ByteRange) -> AsyncGenerator[bytes]:
        """The bytes, block after block, the next one being fetched while one is used.

        StoreError when the origin fails, IntegrityFault when it has other bytes by now.
        """
        indexes = blocks_of(wanted)
        coming: asyncio.Task[bytes] | None = None
        try:
            for index in indexes:
                block = await (coming or self._block(found, index))
                coming = None
                if index + 1 in indexes:
                    coming = asyncio.create_task(self._block(found, index + 1))
                first = index * BLOCK_BYTES
                yield block[max(0, wanted.start - first) : wanted.stop - first]
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.wait([coming])

    async def forget(self, pattern: str) -> int:
        """Drop what lies under the path, or under all paths that begin with it when it ends
        in ``*``; how many objects there were.
        """
        forgotten = 0
        for owner in await asyncio.to_thread(self._cache.owners_of, _HEAD):
            head = await self._known(owner)
            if head is not None and _falls_under(head.path, pattern):
                await asyncio.to_thread(self._cache.forget, owner)
                forgotten += 1
        for owner, (_, path, _) in [*self._errors.items()]:
            if _falls_under(path, pattern):
                del self._errors[owner]
        return forgotten

    async def _known(self, owner: str) -> Head | None:
        if not self._cache.holds(owner, _HEAD):
            return None
        data = await asyncio.to_thread(self._cache.find, owner, _HEAD)
        return None if data is None else Head(**json.loads(data))

    def _remembered(self, owner: str) -> OriginAnswer | None:
        until, _, answer = self._errors.get(owner, (0.0, "", None))
        return answer if self._now() < until else None

    async def _look(
        self, owner: str, path: str, index: int, stale: Head | None
    ) -> Found | OriginAnswer:
        condition = {} if stale is None else {"If-None-Match": stale.etag}
        try:
            answer = await self._ask(path, index, condition)
            if answer.status in {200, 206}:
                return await self._first_seen(owner, path, answer)
        except StoreError as error:
            log.warning("edge_origin_failed", code=error.code, detail=error.detail)
            answer = OriginAnswer(error.status, {}, b"")
        if answer.status == 304 and stale is not None:
            return await self._renewed(owner, stale)
        if answer.status >= 500 and stale is not None:
            # An object that was good is better than none.
            return Found(owner, stale, "Hit")
        self._remember(owner, path, answer)
        return answer

    async def _ask(self, path: str, index: int, condition: Mapping[str, str]) -> OriginAnswer:
        """The block of that index, or the first where there is no such, or nothing of nothing."""
        for first in dict.fromkeys((index, 0)):
            start = first * BLOCK_BYTES
            ranged = {"Range": f"bytes={start}-{start + BLOCK_BYTES - 1}"}
            answer = await self._origin.get(path, {**ranged, **condition})
            if answer.status != 416:
                return answer
        return await self._origin.get(path, condition)

    async def _first_seen(self, owner: str, path: str, answer: OriginAnswer) -> Found:
        part, size_bytes = _sent(answer)
        head = self._head(path, size_bytes, answer)
        await asyncio.to_thread(self._cache.forget, owner)
        first = part.start // BLOCK_BYTES
        for index in blocks_of(part):
            start = (index - first) * BLOCK_BYTES
            block = answer.body[start : start + BLOCK_BYTES]
            await asyncio.to_thread(self._cache.keep, owner, head.part(index), block)
        await self._keep(owner, head)
        return Found(owner, head, "Miss")

    async def _renewed(self, owner: str, stale: Head) -> Found:
        now = self._now()
        fresh_s = self._rules.fresh_s(stale.headers.get("cache-control"))
        head = replace(stale, fetched_at=now, fresh_until=now + fresh_s)
        await self._keep(owner, head)
        return Found(owner, head, "RefreshHit")

    def _head(self, path: str, size_bytes: int, answer: OriginAnswer) -> Head:
        now = self._now()
        kept = {name: value for name, value in answer.headers.items() if name not in _NOT_KEPT}
        fresh_s = self._rules.fresh_s(kept.get("cache-control"))
        return Head(path, size_bytes, kept.pop("etag", ""), kept, now, now + fresh_s)

    async def _keep(self, owner: str, head: Head) -> None:
        data = json.dumps(asdict(head)).encode()
        await asyncio.to_thread(self._cache.keep, owner, _HEAD, data)

    async def _block(self, found: Found, index: int) -> bytes:
        part = found.head.part(index)
        if self._cache.holds(found.owner, part):
            block = await asyncio.to_thread(self._cache.find, found.owner, part)
            if block is not None:
                return block
        return await self._fetches.share(
            (found.owner, part), partial(self._fetch, found.owner, found.head, index)
        )

    async def _fetch(self, owner: str, head: Head, index: int) -> bytes:
        start = index * BLOCK_BYTES
        wanted = ByteRange(start, min(start + BLOCK_BYTES, head.size_bytes))
        # Without If-Match, whose 412 would tell less than the other object's own head does.
        answer = await self._origin.get(
            head.path, {"Range": f"bytes={wanted.start}-{wanted.stop - 1}"}
        )
        if answer.status not in {200, 206}:
            raise StoreError(f"The origin answered {answer.status} for a part of {head.path}.")
        part, size_bytes = _sent(answer)
        if self._head(head.path, size_bytes, answer).version != head.version or part != wanted:
            await asyncio.to_thread(self._cache.forget, owner)
            raise IntegrityFault(f"{head.path} is not what it was when it was first read.")
        await asyncio.to_thread(self._cache.keep, owner, head.part(index), answer.body)
        return answer.body

    def _remember(self, owner: str, path: str, answer: OriginAnswer) -> None:
        self._errors[owner] = (self._now() + self._rules.error_ttl_s, path, answer)
        self._errors.move_to_end(owner)
        while len(self._errors) > MAX_REMEMBERED_ERRORS:
            self._errors.popitem(last=False)


def blocks_of(wanted: ByteRange) -> range:
    """The blocks that the bytes lie in."""
    if wanted.length == 0:
        return range(0)
    return range(wanted.start // BLOCK_BYTES, (wanted.stop - 1) // BLOCK_BYTES + 1)


def _sent(answer: OriginAnswer) -> tuple[ByteRange, int]:
    """Which bytes an answer brings, and of how many; IntegrityFault when it contradicts itself."""
    length = len(answer.body)
    if answer.status == 200:
        return ByteRange(0, length), length
    told = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    if told is None:
        raise IntegrityFault("The origin does not say which part it sends.")
    part = ByteRange(int(told[1]), int(told[2]) + 1)
    if part.length != length or part.start % BLOCK_BYTES:
        raise IntegrityFault("The origin sends another part than it says.")
    return part, int(told[3])


def _falls_under(path: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern.removesuffix("*"))
    return path == pattern

"""The product's stores, with a numbered step around everything they do, and a bad bucket."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from autodj.errors import StoreTimeout
from autodj.storage.base import (
    MAX_PAGE_OBJECTS,
    ByteRange,
    Described,
    ObjectStat,
    Page,
    Progress,
    Storage,
)
from autodj.storage.local import LocalStorage
from bench.crash.fates import Step

FAULTS = 0.03
"""The share of puts that meet each of the four faults."""


class SteppedLocal(LocalStorage):
    """The local store; its own durable steps are numbered by its ``step`` hook."""

    def __init__(self, root: Path, step: Step) -> None:
        super().__init__(root, step=lambda name: step(f"local.{name}"))
        self._around = step

    async def delete(self, key: str) -> None:
        self._around("local.delete")
        await super().delete(key)
        self._around("local.deleted")


class BadBucket(Storage):
    """A bucket that now and then does not answer, or says that it stored what it did not."""

    def __init__(self, inner: Storage, step: Step, faults: Random | None) -> None:
        self._inner = inner
        self._step = step
        self._faults = faults

    async def put(
        self,
        key: str,
        source: Path | bytes,
        *,
        sha256: str,
        content_type: str,
        described: Described | None = None,
        progress: Progress | None = None,
    ) -> ObjectStat:
        del described, progress
        self._step("s3.put")
        body = source if isinstance(source, bytes) else await asyncio.to_thread(source.read_bytes)
        fault = int(self._faults.random() / FAULTS) if self._faults else -1
        if fault == 0:
            raise StoreTimeout("no answer")
        if fault == 1:
            return ObjectStat(key, len(body), datetime.now(UTC))
        if fault == 2:
            body = body[:-1] + bytes([body[-1] ^ 1])
            sha256 = hashlib.sha256(body).hexdigest()
        stored = await self._inner.put(key, body, sha256=sha256, content_type=content_type)
        self._step("s3.stored")
        if fault == 3:
            raise StoreTimeout("stored, and the answer is lost")
        return stored

    async def stat(self, key: str) -> ObjectStat:
        return await self._inner.stat(key)

    async def verify(self, key: str, *, sha256: str, size_bytes: int) -> ObjectStat:
        self._step("s3.verify")
        found = await self._inner.verify(key, sha256=sha256, size_bytes=size_bytes)
        self._step("s3.verified")
        return found

    def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        self._step("s3.read")
        return self._inner.read(key, byte_range)

    async def copy(self, source: str, target: str) -> ObjectStat:
        self._step("s3.copy")
        made = await self._inner.copy(source, target)
        self._step("s3.copied")
        return made

    async def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:
            await self.delete(key)

    async def page(
        self,
        prefix: str = "",
        *,
        limit: int = MAX_PAGE_OBJECTS,
        cursor: str | None = None,
        directories: bool = False,
    ) -> Page:
        return await self._inner.page(prefix, limit=limit, cursor=cursor, directories=directories)

    async def delete(self, key: str) -> None:
        self._step("s3.delete")
        await self._inner.delete(key)
        self._step("s3.deleted")

    def list(self, prefix: str = "") -> AsyncIterator[ObjectStat]:
        return self._inner.list(prefix)

    async def probe(self) -> None:
        await self._inner.probe()

"""Objects as files, created once and never changed: the port in a directory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractContextManager, aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from autodj.errors import RangeNotSatisfiable
from autodj.storage.base import (
    MAX_PAGE_OBJECTS,
    ByteRange,
    Described,
    ObjectStat,
    Page,
    Progress,
)
from autodj.storage.disk import blocks, disk_errors
from autodj.storage.keys import check_key, check_keys
from autodj.storage.local_disk import INCOMING
from autodj.storage.local_facts import Facts
from autodj.storage.local_files import LocalFiles, opened_file
from autodj.storage.local_listing import Listing
from autodj.storage.metadata import in_header
from autodj.storage.operations import Operation, operation
from autodj.storage.pouring import seen_through

LOGGER: Final = "autodj.storage.local"


class LocalObjects(LocalFiles):
    """The port. An acknowledged object is durable: bytes written and hashed, fsync of the file,
    a hard link to the final name (atomic and create-only, also between processes), fsync of
    every directory from that name up to the root. Whoever is cancelled goes on when the change
    is over, and may undo it.
    """

    basket = "local"

    def __init__(self, root: Path, *, step: Callable[[str], None] | None = None) -> None:
        super().__init__(root, step=step)
        self._listing = Listing(root)

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
        in_header(content_type)
        # A file alone has neither; the row of the object remembers its content type.
        facts = None if described is None else Facts(sha256, content_type, described)
        with self._told("put", key) as doing:
            stored = await seen_through(partial(self._put, key, source, sha256, facts))
            doing.bytes = stored.size_bytes
            if progress is not None:
                progress(stored.size_bytes)
            return stored

    async def adopt(
        self, key: str, source: Path, *, sha256: str, size_bytes: int, facts: Facts | None = None
    ) -> ObjectStat:
        """Publish a file that already lies in ``incoming()``, without copying it.

        The file is read once to prove its hash and size (IntegrityFault). It belongs to the
        store from here on: whatever happens, its temporary name is gone afterwards.
        """
        check_key(key)
        if source.parent != self.root / INCOMING:
            raise ValueError(f"{source} does not lie in the store's incoming directory")
        with self._told("put", key) as doing:
            doing.bytes = size_bytes
            return await seen_through(partial(self._adopt, key, source, sha256, size_bytes, facts))

    async def stat(self, key: str) -> ObjectStat:
        with self._told("stat", key):
            return await asyncio.to_thread(self._stat, key)

    async def verify(self, key: str, *, sha256: str, size_bytes: int) -> ObjectStat:
        with self._told("verify", key):
            return await asyncio.to_thread(self._verify, key, sha256, size_bytes)

    @asynccontextmanager
    async def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        async with self._reading(key, self.path(key), byte_range) as stream:
            yield stream

    async def delete(self, key: str) -> None:
        with self._told("delete", key):
            await seen_through(partial(self._delete, key))

    async def delete_many(self, keys: Sequence[str]) -> None:
        check_keys(keys)
        with self._told("delete_many") as doing:
            doing.more["objects"] = len(keys)
            await seen_through(partial(self._delete_many, keys))

    async def delete_unchanged(self, found: Sequence[ObjectStat]) -> Collection[str]:
        check_keys(each.key for each in found)
        with self._told("delete_unchanged") as doing:
            doing.more["objects"] = len(found)
            return await seen_through(partial(self._delete_unchanged, found))

    async def copy(self, source: str, target: str) -> ObjectStat:
        check_key(source)
        with self._told("copy", target) as doing:
            doing.more["source"] = source
            return await seen_through(partial(self._copy, source, target))

    async def list(self, prefix: str = "") -> AsyncGenerator[ObjectStat, None]:
        keys = self._listing.keys(prefix)
        while page := await asyncio.to_thread(self._page, keys):
            for found in page:
                yield found

    async def page(
        self,
        prefix: str = "",
        *,
        limit: int = MAX_PAGE_OBJECTS,
        cursor: str | None = None,
        directories: bool = False,
    ) -> Page:
        with self._told("page") as doing, disk_errors("the list of objects"):
            doing.more["prefix"] = prefix
            asked = partial(
                self._listing.page, prefix, limit=limit, cursor=cursor, directories=directories
            )
            keys, below, onwards = await asyncio.to_thread(asked)
            return Page(await asyncio.to_thread(self._page, iter(keys)), below, onwards)

    async def probe(self) -> None:
        await asyncio.to_thread(self._probe)

    async def sweep_incoming(self, older_than_s: float) -> int:
        """Remove temporary files that nobody wrote to for so long; how many there were."""
        return await asyncio.to_thread(self._sweep_incoming, older_than_s)

    def _told(self, op: str, key: str | None = None) -> AbstractContextManager[Operation]:
        if key is not None:
            check_key(key)
        return operation(LOGGER, op, basket=self.basket, key=key or "")

    @asynccontextmanager
    async def _reading(
        self, key: str, path: Path, byte_range: ByteRange | None
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        if byte_range and not 0 <= byte_range.start < byte_range.stop:
            raise RangeNotSatisfiable(f"{byte_range} names no bytes.")
        with (
            operation(LOGGER, "read", basket=self.basket, key=key, streamed=True) as doing,
            await _opened_meanwhile(path, key) as file,
        ):
            size_bytes = os.fstat(file.fileno()).st_size
            wanted = byte_range or ByteRange(0, size_bytes)
            if wanted.stop > size_bytes:
                raise RangeNotSatisfiable(f"{key} has {size_bytes} bytes.")
            doing.bytes = wanted.length
            async with aclosing(blocks(file, wanted, key)) as stream:
                yield stream


async def _opened_meanwhile(path: Path, key: str) -> BinaryIO:
    """Open it in a thread; nobody holds it any more when this is cancelled, so then it closes."""
    opening = asyncio.get_running_loop().run_in_executor(None, opened_file, path, key)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unless_failed)
        raise


def _close_unless_failed(opening: asyncio.Future[BinaryIO]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()

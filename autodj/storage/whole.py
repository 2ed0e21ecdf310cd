"""What is done with whole objects on any store, made of what the port offers."""

from __future__ import annotations

import asyncio
import hashlib
import io
import secrets
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from autodj.errors import ObjectNotFound
from autodj.storage.base import Bounded, Described, ObjectStat, Storage
from autodj.storage.disk import disk_errors, new_file_errors, opened, sha256_of
from autodj.storage.limits import check_size, stricter
from autodj.storage.pouring import seen_through

Source = Path | bytes | AsyncIterable[bytes]


async def save(
    store: Storage,
    key: str,
    source: Source,
    *,
    content_type: str,
    scratch: Path,
    described: Described | None = None,
    max_bytes: int | None = None,
) -> ObjectStat:
    """Put a file, bytes or a stream whose length and hash nobody knows yet.

    A stream is received into a file in ``scratch`` first, which is gone afterwards: what it
    is, is known before the store hears of it. TooLarge above ``max_bytes`` or what the store
    takes, as soon as it shows.
    """
    if isinstance(store, Bounded):
        max_bytes = stricter(max_bytes, store.max_object_bytes)
    if isinstance(source, AsyncIterable):
        async with received(source, scratch, max_bytes) as (file, sha256):
            return await store.put(
                key, file, sha256=sha256, content_type=content_type, described=described
            )
    sha256, size_bytes = await asyncio.to_thread(_hashed, source, key)
    check_size(size_bytes, max_bytes)
    return await store.put(
        key, source, sha256=sha256, content_type=content_type, described=described
    )


async def load(store: Storage, key: str, *, max_bytes: int) -> bytes:
    """The whole object in memory; TooLarge when it is more than ``max_bytes``."""
    body = io.BytesIO()
    async with store.read(key) as blocks:
        async for block in blocks:
            check_size(body.tell() + len(block), max_bytes)
            body.write(block)
    return body.getvalue()


async def exists(store: Storage, key: str) -> bool:
    try:
        await store.stat(key)
    except ObjectNotFound:
        return False
    return True


async def move(store: Storage, source: str, target: str) -> ObjectStat:
    """Copy, and delete the source when the copy is known to be good."""
    made = await store.copy(source, target)
    if source != target:
        await store.delete(source)
    return made


@asynccontextmanager
async def received(
    source: AsyncIterable[bytes], scratch: Path, max_bytes: int | None
) -> AsyncIterator[tuple[Path, str]]:
    """The stream as a file in ``scratch`` that is gone afterwards, and its SHA-256 (hex)."""
    path = scratch / f"{secrets.token_hex(16)}.part"
    digest = hashlib.sha256()
    try:
        # Without a buffer, whose rest would be refused when it is closed.
        with new_file_errors(path):
            file = path.open("xb", buffering=0)
        with file:
            async for block in source:
                check_size(file.tell() + len(block), max_bytes)
                digest.update(block)
                await seen_through(partial(_append, file, block))
        yield path, digest.hexdigest()
    finally:
        path.unlink(missing_ok=True)


def _append(file: io.FileIO, block: bytes) -> None:
    rest = memoryview(block)
    with disk_errors("the file received"):
        while rest:
            rest = rest[file.write(rest) :]


def _hashed(source: Path | bytes, key: str) -> tuple[str, int]:
    with disk_errors(f"what goes to {key}"), opened(source, key) as file:
        return sha256_of(file), file.tell()

"""Bytes, hashes and whole reads in one word each."""

from __future__ import annotations

import hashlib
from pathlib import Path

from autodj.storage.base import ByteRange, Described, ObjectStat, Storage

KEY = "tracks/0b0e7a52-1111-4222-8333-444455556666/1-aa.mp3"


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def patterned(size_bytes: int) -> bytes:
    """The same bytes each time, of which no two stretches are alike: for ranges."""
    return hashlib.shake_128(b"patterned").digest(size_bytes)


async def put(
    store: Storage,
    key: str,
    body: bytes,
    source: Path | None = None,
    *,
    described: Described | None = None,
) -> ObjectStat:
    return await store.put(
        key,
        source or body,
        sha256=sha256(body),
        content_type="audio/mpeg",
        described=described,
    )


async def read(store: Storage, key: str, byte_range: ByteRange | None = None) -> bytes:
    async with store.read(key, byte_range) as blocks:
        return b"".join([block async for block in blocks])


async def keys(store: Storage, prefix: str = "") -> list[str]:
    return [found.key async for found in store.list(prefix)]

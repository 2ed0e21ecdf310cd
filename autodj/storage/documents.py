"""JSON documents: small objects that change, compressed when that pays."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from autodj.errors import IntegrityFault, StoreThrottled, TooLarge
from autodj.settings.baskets import COMPRESS_ABOVE_BYTES
from autodj.storage.base import Described, ObjectStat, Storage
from autodj.storage.powers import Replaceable
from autodj.storage.whole import load

MAX_DOCUMENT_BYTES: Final = 10 * 1024**2
READ_ATTEMPTS: Final = 5

_GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Document:
    """``content`` as it was saved; its state is named by ``stat.etag``."""

    content: dict[str, Any]
    stat: ObjectStat


async def save_document(
    store: Replaceable,
    key: str,
    content: Mapping[str, object],
    *,
    if_match: str | None = None,
    metadata: Mapping[str, str] | None = None,
    compress_above_bytes: int = COMPRESS_ABOVE_BYTES,
) -> ObjectStat:
    """Store it over what is there; with ``if_match`` only over that state of it.

    TooLarge above 10 MiB. The same content always becomes the same bytes.
    """
    body, encoding = packed(content, compress_above_bytes=compress_above_bytes)
    return await store.replace(
        key,
        body,
        sha256=hashlib.sha256(body).hexdigest(),
        content_type="application/json",
        if_match=if_match,
        described=Described(metadata or {}, content_encoding=encoding),
    )


async def load_document(store: Storage, key: str) -> Document:
    """The content together with the ETag that belongs to it, whoever is writing meanwhile."""
    for _ in range(READ_ATTEMPTS):
        stat = await store.stat(key)
        body = await load(store, key, max_bytes=MAX_DOCUMENT_BYTES)
        told = stat.sha256
        if told == hashlib.sha256(body).hexdigest() or (
            told is None and (await store.stat(key)).etag == stat.etag
        ):
            return Document(unpacked(body), stat)
    raise StoreThrottled(f"{key} changes all the time.")


def packed(
    content: Mapping[str, object], *, compress_above_bytes: int = COMPRESS_ABOVE_BYTES
) -> tuple[bytes, str | None]:
    """The bytes to store and their Content-Encoding."""
    plain = json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    if len(plain) > MAX_DOCUMENT_BYTES:
        raise TooLarge(f"A document holds at most {MAX_DOCUMENT_BYTES} bytes.")
    if len(plain) > compress_above_bytes:
        shorter = gzip.compress(plain, mtime=0)
        if len(shorter) < len(plain):
            return shorter, "gzip"
    return plain, None


def unpacked(body: bytes) -> dict[str, Any]:
    """Read back, compressed or not: no JSON begins like gzip. IntegrityFault for anything else."""
    try:
        plain = _inflated(body) if body.startswith(_GZIP) else body
        content = json.loads(plain)
    except (ValueError, zlib.error, RecursionError) as error:
        raise IntegrityFault("The document is not what was saved.") from error
    if not isinstance(content, dict):
        raise IntegrityFault("The document is not an object.")
    return content


def _inflated(body: bytes) -> bytes:
    inflating = zlib.decompressobj(_GZIP_WINDOW)
    plain = inflating.decompress(body, MAX_DOCUMENT_BYTES + 1)
    if len(plain) > MAX_DOCUMENT_BYTES:
        raise TooLarge(f"A document holds at most {MAX_DOCUMENT_BYTES} bytes.")
    if not inflating.eof or inflating.unused_data:
        raise zlib.error("it does not end where it should")
    return plain

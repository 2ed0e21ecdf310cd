"""Small objects that are put into a store to see whether they come back."""

from __future__ import annotations

import gzip
import hashlib
import io
import secrets
import wave
from typing import TYPE_CHECKING
from uuid import uuid4

from autodj.errors import IntegrityFault
from autodj.storage.base import Described, ObjectStat, Storage
from autodj.storage.keys import analysis_key, track_key

if TYPE_CHECKING:
    from autodj.storage.s3 import S3Storage

PROBE_BYTES = 4096


async def round_trip(store: Storage) -> None:
    """Put, describe, read and delete one small object; the store raises what it cannot do."""
    stat = await put_probe(store)
    try:
        async with store.read(stat.key) as blocks:
            body = b"".join([block async for block in blocks])
        if hashlib.sha256(body).hexdigest() not in stat.key:
            raise IntegrityFault("The store gives back other bytes than it took")
    finally:
        await store.delete(stat.key)


async def put_probe(store: Storage) -> ObjectStat:
    """An object of no track; should we die before deleting it, the sweep of orphans does."""
    body = secrets.token_bytes(PROBE_BYTES)
    digest = hashlib.sha256(body).hexdigest()
    key = track_key(uuid4(), 0, digest, "bin")
    await store.put(key, body, sha256=digest, content_type="application/octet-stream")
    return await store.stat(key)


async def parts_round_trip(store: S3Storage) -> str:
    """Do the same in parts; how objects travel, and what to know of it."""
    body = secrets.token_bytes(PROBE_BYTES)
    digest = hashlib.sha256(body).hexdigest()
    key = track_key(uuid4(), 0, digest, "bin")
    try:
        rehearsed = await store.rehearse_parts(key, body)
        if not rehearsed.taken:
            return "all in one piece, for it takes no parts"
        await store.verify(key, sha256=digest, size_bytes=len(body))
    finally:
        await store.delete(key)
    if rehearsed.unlisted is None:
        return "in parts too"
    return (
        "in parts too; what a broken upload leaves is not found again "
        f"({rehearsed.unlisted.detail.rstrip('.')}): let a rule of the bucket end it"
    )


async def put_document(store: Storage) -> ObjectStat:
    """The same, stored as an analysis is."""
    body = gzip.compress(secrets.token_bytes(PROBE_BYTES), mtime=0)
    digest = hashlib.sha256(body).hexdigest()
    key = analysis_key(uuid4(), digest)
    coded = Described(content_encoding="gzip")
    await store.put(key, body, sha256=digest, content_type="application/json", described=coded)
    return await store.stat(key)


def second_of_silence() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(44100)
        sound.writeframes(bytes(2 * 44100))
    return file.getvalue()

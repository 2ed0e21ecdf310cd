"""The analysis document of a track: packed once, kept beside the audio, read from wherever it is.

Under one key there is only ever one document, which whoever likes may keep; it has the same key
in both stores. It is always written to the local store first, and follows the track to S3. No
key is used for a second try at anything, so a worker that wakes late can harm nothing.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog

from autodj.audio.facts import ANALYSIS_VERSION, Analysis, Tags
from autodj.db import Database, FileSource, Track, Visibility
from autodj.db import documents as document_rows
from autodj.db import tracks as track_rows
from autodj.db.playables import Playable
from autodj.errors import Conflict, IntegrityFault, NotFound, ObjectExists, ObjectNotFound
from autodj.storage.base import Described, Storage
from autodj.storage.keys import analysis_key, parse_key
from autodj.storage.local import LocalStorage
from autodj.storage.whole import load
from autodj.tracks.deliver import link_for, way_of
from autodj.tracks.links import Links
from autodj.tracks.steps import is_document_astray
from autodj.tracks.unwanted import deleted_if_unwanted

log = structlog.get_logger(__name__)

CONTENT_TYPE: Final = "application/json"
MAX_PACKED_BYTES: Final = 16 * 1024**2
TAGS: Final = (
    "bpm",
    "key",
    "replaygain_track_gain",
    "replaygain_track_peak",
)
"""What a file may say of itself that is measured too."""

# A document is asked for long after its audio went into an archive.
_READABLE = Described(content_encoding="gzip", storage_class="STANDARD")


def pack(analysis: Analysis, tags: Tags) -> bytes:
    """The document as it is stored: gzipped JSON, the same bytes for the same facts."""
    document = {
        **analysis.to_document(),
        "tags": {name: getattr(tags, name) for name in TAGS},
    }
    text = json.dumps(document, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def unpack(packed: bytes) -> dict[str, Any]:
    """The document that was packed, by this version or an older one; IntegrityFault otherwise."""
    try:
        document = json.loads(gzip.decompress(packed))
    except (ValueError, OSError, EOFError) as error:
        raise IntegrityFault("The analysis document is not what was stored.") from error
    if not isinstance(document, dict):
        raise IntegrityFault("The analysis document is not an object.")
    return document


async def store_document(
    local: LocalStorage, track_id: UUID, packed: bytes, version: int = ANALYSIS_VERSION
) -> str:
    """Keep it in the local store; the key that it has from now on."""
    digest = hashlib.sha256(packed).hexdigest()
    key = analysis_key(track_id, digest, version, secrets.token_hex(4))
    await local.put(key, packed, sha256=digest, content_type=CONTENT_TYPE)
    return key


async def publish_document(db: Database, local: LocalStorage, s3: Storage, track_id: UUID) -> None:
    """Put the document of a track on S3 beside it, prove it, send readers there, and only then
    delete the local copy. What dying in between leaves behind is swept. Conflict when another
    has been quicker.
    """
    async with db.read_session() as session:
        track = await track_rows.get(session, track_id)
    if not is_document_astray(track) or track.analysis_key is None:
        return
    key, sha256 = track.analysis_key, sha256_of(track.analysis_key)
    packed = await _packed_here(db, local, track)
    try:
        await s3.put(key, packed, sha256=sha256, content_type=CONTENT_TYPE, described=_READABLE)
        await s3.verify(key, sha256=sha256, size_bytes=len(packed))
    except (ObjectExists, IntegrityFault):  # other bytes under a key stay there for ever
        await _rename(db, local, track, packed)
        raise
    now = await db.now()
    async with (
        deleted_if_unwanted(db, s3, key, lambda session: track_rows.lives(session, track_id)),
        db.transaction() as session,
    ):
        await document_rows.follow(session, track, now=now)
    await local.delete(key)
    log.info("document_published", track_id=str(track_id), key=key)


async def _packed_here(db: Database, local: LocalStorage, track: Track) -> bytes:
    assert track.analysis_key is not None
    try:
        return await load(local, track.analysis_key, max_bytes=MAX_PACKED_BYTES)
    except ObjectNotFound as error:
        async with db.read_session() as session:
            by_now = await track_rows.get(session, track.id)
        if is_document_astray(by_now) and by_now.analysis_key == track.analysis_key:
            raise
        raise Conflict from error


async def _rename(db: Database, local: LocalStorage, track: Track, packed: bytes) -> None:
    """Give the document a key that nobody has used; the local copy goes with the old one."""
    assert track.analysis_key is not None
    parts = parse_key(track.analysis_key)
    version = (parts and parts.version) or track.analysis_version or ANALYSIS_VERSION
    key = await store_document(local, track.id, packed, version)
    async with db.transaction() as session:
        await document_rows.rename(session, track, key=key)
    await local.delete(track.analysis_key)


async def delete_document(local: LocalStorage, s3: Storage | None, track: Track) -> None:
    """Remove the document wherever it may be: a worker that died may have left it in both."""
    if track.analysis_key is None:
        return
    await local.delete(track.analysis_key)
    if s3 is not None:
        await s3.delete(track.analysis_key)


async def read_document(local: LocalStorage, s3: Storage | None, track: Track) -> bytes:
    """The packed document from where the row says, or from where it has gone since; NotFound
    for a track that has none, ObjectNotFound when it is in neither store.
    """
    if track.analysis_key is None:
        raise NotFound("The track has no analysis.")
    if track.analysis_source is FileSource.S3 and s3 is not None:
        return await load(s3, track.analysis_key, max_bytes=MAX_PACKED_BYTES)
    try:
        return await load(local, track.analysis_key, max_bytes=MAX_PACKED_BYTES)
    except ObjectNotFound:
        if s3 is None:
            raise
        return await load(s3, track.analysis_key, max_bytes=MAX_PACKED_BYTES)


async def read_unpacked(local: LocalStorage, s3: Storage | None, track: Track) -> Mapping[str, Any]:
    """As ``read_document``, as it was packed."""
    packed = await read_document(local, s3, track)
    return await asyncio.to_thread(unpack, packed)


async def link_to_document(track: Track, links: Links, now: datetime) -> str | None:
    """Where to fetch the document from; None when this server has to send it.

    The link is signed like that of a private track, whoever may hear the track.
    """
    if track.analysis_key is None or track.analysis_source is not FileSource.S3:
        return None
    links = replace(links, storage_class="STANDARD")
    document = _as_playable(track, track.analysis_key)
    if way_of(document, links).ours:
        return None
    return (await link_for(document, links, now)).url


def sha256_of(key: str) -> str:
    """The hash that the key of a document holds, in hex."""
    parts = parse_key(key)
    assert parts is not None
    return parts.sha256


def _as_playable(track: Track, key: str) -> Playable:
    return Playable(
        id=track.id,
        owner_id=track.owner_id,
        visibility=Visibility.PRIVATE,
        file_source=FileSource.S3,
        file_path=None,
        s3_object_key=key,
        generation=track.generation,
        title=track.title,
        extension="json",
        content_type=CONTENT_TYPE,
        sha256=sha256_of(key),
        size_bytes=0,
        duration_s=0.0,
    )

"""What S3 knows of multipart uploads that are not finished."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog

from autodj.errors import UploadGone
from autodj.storage.s3.bucket import S3Bucket
from autodj.storage.s3.faults import required
from autodj.storage.s3.paging import onwards

log = structlog.get_logger(__name__)

_UPLOADS: Final = {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"}
_PARTS: Final = {"PartNumberMarker": "NextPartNumberMarker"}


@dataclass(frozen=True, slots=True)
class KnownPart:
    """A part that arrived; ``crc32`` (base64) where the store tells it."""

    etag: str
    size_bytes: int
    crc32: str | None


@dataclass(frozen=True, slots=True)
class StartedUpload:
    """An upload, and what has arrived of it by part number."""

    upload_id: str
    parts: Mapping[int, KnownPart] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload that S3 still keeps parts of; ``name`` is that in the bucket."""

    name: str
    upload_id: str
    begun_at: datetime


async def unfinished(bucket: S3Bucket, prefix: str) -> AsyncGenerator[Unfinished, None]:
    """Every one whose name in the bucket starts with ``prefix``, also where a server tells more."""
    doing = f"ListMultipartUploads {prefix}"
    place: Mapping[str, Any] = {}
    while True:
        async with bucket.asking(doing):
            page = await bucket.client.list_multipart_uploads(
                **bucket.config.addressing, Prefix=prefix, **place
            )
        for each in page.get("Uploads", ()):
            name, upload_id, begun_at = (
                required(each, told, doing) for told in ("Key", "UploadId", "Initiated")
            )
            if name.startswith(prefix):
                yield Unfinished(name, upload_id, begun_at)
        if not (place := onwards(page, _UPLOADS, place, doing)):
            return


async def latest_of(bucket: S3Bucket, key: str) -> StartedUpload | None:
    """The latest unfinished upload of this very object, with its parts."""
    name = bucket.config.object_name(key)
    found = [each async for each in unfinished(bucket, name) if each.name == name]
    if not found:
        return None
    latest = max(found, key=lambda each: (each.begun_at, each.upload_id))
    with suppress(UploadGone):
        return StartedUpload(latest.upload_id, await _parts_of(bucket, key, latest.upload_id))
    return None


async def sweep_uploads(bucket: S3Bucket, *, before: datetime) -> int:
    """Abort the uploads of this bucket and prefix that began before that time, by the store's
    clock; how many there were.
    """
    swept = 0
    async for upload in unfinished(bucket, bucket.config.key_prefix):
        if upload.begun_at >= before:
            continue
        with suppress(UploadGone):
            async with bucket.asking(f"AbortMultipartUpload {upload.name}"):
                await bucket.client.abort_multipart_upload(
                    **bucket.config.addressing, Key=upload.name, UploadId=upload.upload_id
                )
            swept += 1
    if swept:
        log.info("dead_uploads_aborted", count=swept)
    return swept


async def _parts_of(bucket: S3Bucket, key: str, upload_id: str) -> Mapping[int, KnownPart]:
    doing = f"ListParts {key}"
    known: dict[int, KnownPart] = {}
    place: Mapping[str, Any] = {}
    while True:
        async with bucket.asking(doing):
            page = await bucket.client.list_parts(**bucket.named(key), UploadId=upload_id, **place)
        for each in page.get("Parts", ()):
            number, etag, size_bytes = (
                required(each, told, doing) for told in ("PartNumber", "ETag", "Size")
            )
            known[number] = KnownPart(etag, size_bytes, each.get("ChecksumCRC32"))
        if not (place := onwards(page, _PARTS, place, doing)):
            return known

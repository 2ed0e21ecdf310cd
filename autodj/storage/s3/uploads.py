"""Multipart uploads that are not finished: begun, found again, given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog

from autodj.errors import AutodjError, UploadGone
from autodj.storage.s3.bucket import S3Bucket
from autodj.storage.s3.faults import required
from autodj.storage.s3.paging import onwards

log = structlog.get_logger(__name__)

# How an upload is begun whose parts and whole S3 compares with their CRC-32.
CHECKED: Final[Mapping[str, Any]] = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}

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


async def begin(bucket: S3Bucket, key: str, how: Mapping[str, Any]) -> str:
    """Begin an upload of the object, which is made as ``how`` says; its id.

    Whoever is cancelled waits for the id, to abort what nobody else would know of.
    """
    beginning = asyncio.create_task(_begun(bucket, key, how))
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:
        with suppress(AutodjError):
            await abort(bucket, key, await beginning)
        raise


async def abort(bucket: S3Bucket, key: str, upload_id: str) -> None:
    """Give up an upload and its parts; the sweep of dead uploads takes what even this leaves."""
    try:
        async with bucket.asking(f"AbortMultipartUpload {key}"):
            await bucket.client.abort_multipart_upload(**bucket.named(key), UploadId=upload_id)
    except AutodjError as error:
        log.info("upload_not_aborted", key=key, code=error.code)


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


async def _begun(bucket: S3Bucket, key: str, how: Mapping[str, Any]) -> str:
    doing = f"CreateMultipartUpload {key}"
    async with bucket.asking(doing):
        answer = await bucket.client.create_multipart_upload(**bucket.named(key), **how)
    upload_id: str = required(answer, "UploadId", doing)
    return upload_id


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

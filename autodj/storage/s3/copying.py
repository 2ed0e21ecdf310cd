"""Copies that S3 makes by itself, without the bytes coming here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from autodj.errors import AutodjError, IntegrityFault, ObjectExists, ObjectNotFound
from autodj.storage.base import ByteRange, ObjectStat
from autodj.storage.metadata import NOTES, encoded
from autodj.storage.s3.bucket import S3Bucket, stat_of
from autodj.storage.s3.faults import required, store_errors
from autodj.storage.s3.groups import side_by_side
from autodj.storage.s3.vouching import with_note

# What one CopyObject may take, and the parts of anything larger.
MAX_SINGLE_BYTES: Final = 5 * 1024**3
PART_BYTES: Final = 512 * 1024**2
PARTS_AT_ONCE: Final = 4

_KEPT: Final = ("ContentType", "CacheControl", "ContentEncoding", "ContentDisposition", "Metadata")


async def copy_object(
    bucket: S3Bucket, source: str, target: str, *, max_single_bytes: int = MAX_SINGLE_BYTES
) -> ObjectStat:
    """``source`` under a second key; ObjectExists when other bytes are there."""
    found = await bucket.head(source)
    with suppress(ObjectNotFound):
        return _require_same(stat_of(source, found), stat_of(target, await bucket.head(target)))
    how = {"IfNoneMatch": "*"}
    if required(found, "ContentLength", source) <= max_single_bytes:
        await copied(bucket, source, target, found, how)
    else:
        await _copied_in_parts(
            bucket, source, target, found, how, min(PART_BYTES, max_single_bytes)
        )
    made = stat_of(target, await bucket.head(target))
    wanted = stat_of(source, found)
    if made.size_bytes != wanted.size_bytes or _differ(made.sha256, wanted.sha256):
        raise IntegrityFault(f"The copy {target} is not what {source} is.")
    return made


async def describe_again(
    bucket: S3Bucket,
    key: str,
    metadata: Mapping[str, str],
    *,
    max_single_bytes: int = MAX_SINGLE_BYTES,
) -> ObjectStat:
    """Other metadata for the same bytes: a copy onto itself, unless it changed meanwhile."""
    stored = encoded(metadata)
    found = dict(await bucket.head(key))
    notes = {name: value for name, value in found.get("Metadata", {}).items() if name in NOTES}
    found["Metadata"] = with_note(stored, notes)
    if required(found, "ContentLength", key) <= max_single_bytes:
        kept = {name: found[name] for name in _KEPT if found.get(name)}
        await copied(bucket, key, key, found, {"MetadataDirective": "REPLACE", **kept})
    else:
        await _copied_in_parts(bucket, key, key, found, {}, min(PART_BYTES, max_single_bytes))
    return stat_of(key, await bucket.head(key))


async def copied(
    bucket: S3Bucket, source: str, target: str, found: Mapping[str, Any], how: Mapping[str, Any]
) -> None:
    """One CopyObject of the ``source`` that the HEAD ``found``, and of no other."""
    deadline_s = bucket.config.timing.body_deadline_s(found["ContentLength"])
    async with store_errors(f"CopyObject {target}", deadline_s):
        await bucket.client.copy_object(
            **bucket.named(target),
            **_from(bucket, source, found),
            **bucket.config.protection,
            **_class_of(bucket, found),
            ChecksumAlgorithm="SHA256",
            **how,
        )


async def _copied_in_parts(
    bucket: S3Bucket,
    source: str,
    target: str,
    found: Mapping[str, Any],
    how: Mapping[str, Any],
    part_bytes: int,
) -> None:
    kept = {name: found[name] for name in _KEPT if found.get(name)}
    doing = f"CreateMultipartUpload {target}"
    async with bucket.asking(doing):
        begun = await bucket.client.create_multipart_upload(
            **bucket.named(target), **kept, **bucket.config.protection, **_class_of(bucket, found)
        )
    upload = {**bucket.readable(target), "UploadId": required(begun, "UploadId", doing)}
    try:
        parts = await _copied_parts(bucket, upload, _from(bucket, source, found), found, part_bytes)
        async with bucket.asking(f"CompleteMultipartUpload {target}"):
            await bucket.client.complete_multipart_upload(
                **upload, MultipartUpload={"Parts": parts}, **how
            )
    except BaseException:
        # Whatever happened, the parts must not stay; the sweep takes what even this leaves.
        with suppress(AutodjError):
            async with bucket.asking(f"AbortMultipartUpload {target}"):
                await bucket.client.abort_multipart_upload(
                    **bucket.named(target), UploadId=upload["UploadId"]
                )
        raise


async def _copied_parts(
    bucket: S3Bucket,
    upload: Mapping[str, Any],
    origin: Mapping[str, Any],
    found: Mapping[str, Any],
    part_bytes: int,
) -> list[Any]:
    size_bytes = found["ContentLength"]
    ranges = [
        ByteRange(start, min(start + part_bytes, size_bytes))
        for start in range(0, size_bytes, part_bytes)
    ]
    gate = asyncio.Semaphore(PARTS_AT_ONCE)

    async def one(number: int, part: ByteRange) -> dict[str, Any]:
        doing = f"UploadPartCopy {upload['Key']} {number}"
        async with gate, store_errors(doing, bucket.config.timing.body_deadline_s(part.length)):
            answer = await bucket.client.upload_part_copy(
                **upload,
                **origin,
                PartNumber=number,
                CopySourceRange=f"bytes={part.start}-{part.stop - 1}",
            )
        return {"PartNumber": number, "ETag": required(answer["CopyPartResult"], "ETag", doing)}

    async with side_by_side() as group:
        tasks = [group.create_task(one(n, part)) for n, part in enumerate(ranges, start=1)]
    return [task.result() for task in tasks]


def _from(bucket: S3Bucket, source: str, found: Mapping[str, Any]) -> dict[str, Any]:
    config = bucket.config
    return {
        "CopySource": {"Bucket": config.bucket, "Key": config.object_name(source)},
        "CopySourceIfMatch": required(found, "ETag", f"HeadObject {source}"),
        **bucket.source_addressing,
    }


def _class_of(bucket: S3Bucket, found: Mapping[str, Any]) -> dict[str, Any]:
    named = found.get("StorageClass") or bucket.config.storage_class
    return {} if named == "STANDARD" else {"StorageClass": named}


def _require_same(source: ObjectStat, target: ObjectStat) -> ObjectStat:
    same = source.sha256 == target.sha256 if source.sha256 else source.etag == target.etag
    if source.size_bytes == target.size_bytes and same:
        return target
    raise ObjectExists(f"{target.key} already holds other bytes.")


def _differ(made: str | None, wanted: str | None) -> bool:
    return made is not None and wanted is not None and made != wanted

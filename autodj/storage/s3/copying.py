"""Copies that S3 makes by itself, without the bytes coming here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final

from autodj.errors import (
    AutodjError,
    Conflict,
    IntegrityFault,
    ObjectExists,
    ObjectNotFound,
    PreconditionFailed,
    UploadGone,
)
from autodj.storage.base import ByteRange, ObjectStat
from autodj.storage.metadata import NOTES, encoded
from autodj.storage.s3.bucket import S3Bucket, stat_of
from autodj.storage.s3.faults import required, store_errors
from autodj.storage.s3.groups import side_by_side
from autodj.storage.s3.objects import read_back, verify
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
    wanted = stat_of(source, found)
    with suppress(ObjectNotFound):
        return await _require_same(bucket, wanted, target)
    how = {"IfNoneMatch": "*"}
    try:
        await _copied(bucket, _from(bucket, source, found), target, found, how, max_single_bytes)
    except (PreconditionFailed, Conflict) as refused:
        # Somebody made it meanwhile, or we did and the answer was lost; else the source changed.
        with suppress(ObjectNotFound):
            return await _require_same(bucket, wanted, target)
        raise refused from refused.__cause__
    made = stat_of(target, await bucket.head(target))
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
    origin = _from(bucket, key, found)
    anew = {"MetadataDirective": "REPLACE", **_kept(found)}
    await _copied(bucket, origin, key, found, {}, max_single_bytes, at_once=anew)
    return stat_of(key, await bucket.head(key))


async def copy_version(
    bucket: S3Bucket,
    key: str,
    version_id: str,
    found: Mapping[str, Any],
    *,
    max_single_bytes: int = MAX_SINGLE_BYTES,
) -> None:
    """That version, which the HEAD ``found``, onto its own key."""
    origin = _from(bucket, key, found, version_id)
    await _copied(bucket, origin, key, found, {}, max_single_bytes)


async def _copied(
    bucket: S3Bucket,
    origin: Mapping[str, Any],
    target: str,
    found: Mapping[str, Any],
    how: Mapping[str, Any],
    max_single_bytes: int,
    *,
    at_once: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Copy the ``origin`` that the HEAD ``found``, and no other; ``at_once`` goes with a single
    request, for parts are always described by what was found.
    """
    if required(found, "ContentLength", target) <= max_single_bytes:
        await _copied_at_once(bucket, origin, target, found, {**how, **at_once})
    else:
        part_bytes = min(PART_BYTES, max_single_bytes)
        await _copied_in_parts(bucket, origin, target, found, how, part_bytes)


async def _copied_at_once(
    bucket: S3Bucket,
    origin: Mapping[str, Any],
    target: str,
    found: Mapping[str, Any],
    how: Mapping[str, Any],
) -> None:
    deadline_s = bucket.config.timing.body_deadline_s(found["ContentLength"])
    async with store_errors(f"CopyObject {target}", deadline_s):
        await bucket.client.copy_object(
            **bucket.named(target),
            **origin,
            **bucket.config.protection,
            **_class_of(bucket, found),
            ChecksumAlgorithm="SHA256",
            **how,
        )


async def _copied_in_parts(
    bucket: S3Bucket,
    origin: Mapping[str, Any],
    target: str,
    found: Mapping[str, Any],
    how: Mapping[str, Any],
    part_bytes: int,
) -> None:
    doing = f"CreateMultipartUpload {target}"
    async with bucket.asking(doing):
        begun = await bucket.client.create_multipart_upload(
            **bucket.named(target),
            **_kept(found),
            **bucket.config.protection,
            **_class_of(bucket, found),
        )
    upload = {**bucket.readable(target), "UploadId": required(begun, "UploadId", doing)}
    try:
        parts = await _copied_parts(bucket, upload, origin, found, part_bytes)
        async with bucket.asking(f"CompleteMultipartUpload {target}"):
            await bucket.client.complete_multipart_upload(
                **upload, MultipartUpload={"Parts": parts}, **how
            )
    except UploadGone as gone:
        # Also what a repetition meets whose first answer was lost: then the copy is there.
        raise PreconditionFailed(f"{doing}: {gone.detail}") from gone
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


def _from(
    bucket: S3Bucket, source: str, found: Mapping[str, Any], version_id: str | None = None
) -> dict[str, Any]:
    name = {"Bucket": bucket.config.bucket, "Key": bucket.config.object_name(source)}
    return {
        "CopySource": name | ({"VersionId": version_id} if version_id else {}),
        "CopySourceIfMatch": required(found, "ETag", f"HeadObject {source}"),
        **bucket.source_addressing,
    }


def _kept(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in _KEPT if found.get(name)}


def _class_of(bucket: S3Bucket, found: Mapping[str, Any]) -> dict[str, Any]:
    named = found.get("StorageClass") or bucket.config.storage_class
    return {} if named == "STANDARD" else {"StorageClass": named}


async def _require_same(bucket: S3Bucket, source: ObjectStat, target: str) -> ObjectStat:
    """What is there, when it is the same; ObjectNotFound when nothing is. What was sent in other
    parts has another ETag, so where the store knows no hash the bytes have to be looked at.
    """
    there = stat_of(target, await bucket.head(target))
    if there.size_bytes == source.size_bytes:
        same = there.sha256 == source.sha256 if source.sha256 else there.etag == source.etag
        if same:
            return there
        if source.sha256 is None or there.sha256 is None:
            sha256 = source.sha256 or await read_back(bucket, source.key)
            with suppress(IntegrityFault):
                return await verify(bucket, target, sha256=sha256, size_bytes=source.size_bytes)
    raise ObjectExists(f"{target} already holds other bytes.")


def _differ(made: str | None, wanted: str | None) -> bool:
    return made is not None and wanted is not None and made != wanted

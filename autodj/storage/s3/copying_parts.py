"""Copies of what is too large for one request, made by S3 in parts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from autodj.errors import PreconditionFailed, UploadGone
from autodj.storage.base import ByteRange
from autodj.storage.s3 import parts, uploads
from autodj.storage.s3.bucket import S3Bucket
from autodj.storage.s3.faults import required, store_errors
from autodj.storage.s3.groups import side_by_side

PART_BYTES: Final = 512 * 1024**2
PARTS_AT_ONCE: Final = 4

_KEPT: Final = ("ContentType", "CacheControl", "ContentEncoding", "ContentDisposition", "Metadata")

_CHECKSUM: Final = "ChecksumCRC32"


def described_as(found: Mapping[str, Any]) -> dict[str, Any]:
    """What describes an object, as a HEAD tells it and as a new one is told."""
    return {name: found[name] for name in _KEPT if found.get(name)}


async def copied_in_parts(
    bucket: S3Bucket,
    origin: Mapping[str, Any],
    target: str,
    found: Mapping[str, Any],
    condition: Mapping[str, Any],
    *,
    max_part_bytes: int,
) -> None:
    """The ``origin`` that the HEAD ``found``, described like that, as ``target``.

    Where S3 keeps a CRC-32 of the whole, the copy is made only when it has the same.
    PreconditionFailed when the condition does not hold, or no longer.
    """
    whole = found.get(_CHECKSUM) if found.get("ChecksumType") == "FULL_OBJECT" else None
    checked = uploads.CHECKED if whole else {}
    how = {**described_as(found), **bucket.protected_as(found), **checked}
    upload_id = await uploads.begin(bucket, target, how)
    upload = {**bucket.readable(target), "UploadId": upload_id}
    size_bytes = found["ContentLength"]
    cut = parts.ranges(size_bytes, min(PART_BYTES, max_part_bytes))
    # S3 itself looks at all of it before it answers.
    patience_s = bucket.config.timing.body_deadline_s(size_bytes)
    try:
        made = await _copied(bucket, upload, origin, cut)
        proof: Mapping[str, Any] = {}
        if whole and all(_CHECKSUM in each for each in made):
            proof = {_CHECKSUM: whole, "ChecksumType": "FULL_OBJECT"}
        async with store_errors(f"CompleteMultipartUpload {target}", patience_s):
            await bucket.client.complete_multipart_upload(
                **upload, MultipartUpload={"Parts": made}, **proof, **condition
            )
    except UploadGone as gone:
        # Also what a repetition meets whose first answer was lost: then the copy is there.
        raise PreconditionFailed(gone.detail) from gone
    except BaseException:
        # Whatever happened, the parts must not stay.
        await uploads.abort(bucket, target, upload_id)
        raise


async def _copied(
    bucket: S3Bucket,
    upload: Mapping[str, Any],
    origin: Mapping[str, Any],
    cut: Sequence[ByteRange],
) -> list[Any]:
    """Every part, as it is named when they are put together."""
    gate = asyncio.Semaphore(PARTS_AT_ONCE)

    async def one(number: int, piece: ByteRange) -> dict[str, Any]:
        doing = f"UploadPartCopy {upload['Key']} {number}"
        async with gate, store_errors(doing, bucket.config.timing.body_deadline_s(piece.length)):
            answer = await bucket.client.upload_part_copy(
                **upload,
                **origin,
                PartNumber=number,
                CopySourceRange=f"bytes={piece.start}-{piece.stop - 1}",
            )
        made = required(answer, "CopyPartResult", doing)
        told = {_CHECKSUM: made[_CHECKSUM]} if made.get(_CHECKSUM) else {}
        return {"PartNumber": number, "ETag": required(made, "ETag", doing), **told}

    async with side_by_side() as group:
        tasks = [group.create_task(one(n, piece)) for n, piece in enumerate(cut, start=1)]
    return [task.result() for task in tasks]

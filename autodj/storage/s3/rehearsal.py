"""Uploads in parts, tried with a small object: what a small put does not show."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autodj.errors import StoreError
from autodj.storage.s3.bucket import IMMUTABLE, S3Bucket, error_code
from autodj.storage.s3.faults import NOT_IMPLEMENTED
from autodj.storage.s3.multipart import Content, Order, Uploader
from autodj.storage.s3.retrying import passes
from autodj.storage.s3.sections import reading_at
from autodj.storage.s3.uploads import begin, latest_of


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """``taken``: objects in parts arrive, else all goes in one piece. ``unlisted`` is why what a
    broken upload leaves cannot be found again, neither to go on with it nor to sweep it.
    """

    taken: bool = True
    unlisted: StoreError | None = None


async def rehearse(bucket: S3Bucket, key: str, body: bytes) -> Rehearsed:
    """Store the body in a part, then begin an upload of the same key, look for it and abort it.

    Raises what would keep a large object from being stored, or parts from being given up.
    """
    written = bucket.written("application/octet-stream", None, cache_control=IMMUTABLE)
    order = Order(key, written, {"IfNoneMatch": "*"})
    content = Content(reading_at(io.BytesIO(body)), len(body), hashlib.sha256(body).hexdigest())
    try:
        await Uploader(bucket).upload(order, content)
    except StoreError as refused:
        if error_code(refused) not in NOT_IMPLEMENTED:
            raise
        return Rehearsed(taken=False)
    return Rehearsed(unlisted=await _found_and_aborted(bucket, key, written))


async def _found_and_aborted(
    bucket: S3Bucket, key: str, written: Mapping[str, Any]
) -> StoreError | None:
    upload_id = await begin(bucket, key, written)
    unlisted = None
    try:
        await latest_of(bucket, key)
    except StoreError as refused:
        if passes(type(refused)):
            raise
        unlisted = refused
    finally:
        async with bucket.asking(f"AbortMultipartUpload {key}"):
            await bucket.client.abort_multipart_upload(**bucket.named(key), UploadId=upload_id)
    return unlisted

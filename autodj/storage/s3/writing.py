"""Objects put into a bucket: once, or over what is there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace as with_changes
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, Final

from autodj.errors import (
    Conflict,
    IntegrityFault,
    ObjectExists,
    ObjectNotFound,
    PreconditionFailed,
    StoreThrottled,
)
from autodj.storage.base import Described, ObjectStat, Progress
from autodj.storage.metadata import is_header
from autodj.storage.s3.bucket import IMMUTABLE, MUTABLE, S3Bucket, stat_of
from autodj.storage.s3.faults import required, store_errors
from autodj.storage.s3.listing import refuse_folder
from autodj.storage.s3.marking import done_before, new_mark
from autodj.storage.s3.objects import verify
from autodj.storage.s3.sending import send
from autodj.storage.s3.vouching import full_sha256

CREATE_ATTEMPTS: Final = 3
CONFLICT_PAUSE_S: Final = 0.2


def deadline(bucket: S3Bucket, key: str, body: BinaryIO) -> AbstractAsyncContextManager[None]:
    """For the whole of it, however many requests it takes."""
    size_bytes = body.seek(0, os.SEEK_END)
    return store_errors(f"put {key}", bucket.config.timing.put_deadline_s(size_bytes))


async def create(
    bucket: S3Bucket,
    key: str,
    body: BinaryIO,
    sha256: str,
    content_type: str,
    described: Described | None,
    progress: Progress | None = None,
) -> ObjectStat:
    """PUT unless the key is taken; then the bytes there must be the same."""
    written = bucket.written(content_type, described, cache_control=IMMUTABLE)
    size_bytes = body.seek(0, os.SEEK_END)
    for attempt in range(CREATE_ATTEMPTS):
        await asyncio.sleep(attempt * CONFLICT_PAUSE_S)
        try:
            how = {**written, "IfNoneMatch": "*"}
            answer = await send(bucket, key, body, sha256, how, progress)
        except Conflict:
            continue
        except PreconditionFailed:
            with suppress(ObjectNotFound):
                return await _require_same(bucket, key, sha256, size_bytes)
            continue
        stored = _vouched_stat(key, written, answer, sha256, size_bytes)
        return stored or await verify(bucket, key, sha256=sha256, size_bytes=size_bytes)
    await refuse_folder(bucket, key)
    raise StoreThrottled(f"{key} is written and removed by others all the time.")


async def replace(
    bucket: S3Bucket,
    key: str,
    body: BinaryIO,
    sha256: str,
    content_type: str,
    described: Described | None,
    if_match: str | None,
) -> ObjectStat:
    """PUT over what is there; only over ``if_match`` when it is given."""
    if if_match is not None and (not if_match.strip(" *") or not is_header(if_match)):
        # Sent, it would be no condition, one that every state meets, or no header.
        raise PreconditionFailed(f"{key} is not what it was.")
    written = bucket.written(content_type, described, cache_control=MUTABLE)
    condition = {} if if_match is None else {"IfMatch": if_match}
    mark = new_mark()
    if condition:
        written["Metadata"] = {**written.get("Metadata", {}), **mark}
    for attempt in range(CREATE_ATTEMPTS):
        await asyncio.sleep(attempt * CONFLICT_PAUSE_S)
        try:
            answer = await send(bucket, key, body, sha256, {**written, **condition})
        except Conflict:
            continue
        except (PreconditionFailed, ObjectNotFound) as refused:
            if if_match is None and isinstance(refused, PreconditionFailed):
                continue  # nobody asked for a condition: an upload in parts is gone, or done
            if if_match is None:
                raise
            return await done_before(bucket, key, mark, refused)
        size_bytes = body.seek(0, os.SEEK_END)
        stored = _vouched_stat(key, written, answer, sha256, size_bytes)
        return stored or await _replaced(bucket, key, sha256, size_bytes, answer)
    raise StoreThrottled(f"{key} is written by others all the time.")


def _vouched_stat(
    key: str, written: Mapping[str, Any], answer: Mapping[str, Any], sha256: str, size_bytes: int
) -> ObjectStat | None:
    """What is stored, where the answer to the PUT names the SHA-256 that S3 keeps: a HEAD would
    only repeat it. None where it does not, or where S3 may have chosen another class.
    """
    stored_at = _answered_at(answer)
    if full_sha256(answer) != sha256 or not answer.get("ETag") or stored_at is None:
        return None
    if "StorageClass" in written:
        return None
    told = {"ContentLength": size_bytes, "LastModified": stored_at}
    return stat_of(key, {**written, **answer, **told})


def _answered_at(answer: Mapping[str, Any]) -> datetime | None:
    """By the clock of the store, as the times of its objects are."""
    with suppress(KeyError, ValueError, OverflowError):
        told = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        return told if told.tzinfo else None
    return None


async def _require_same(bucket: S3Bucket, key: str, sha256: str, size_bytes: int) -> ObjectStat:
    try:
        return await verify(bucket, key, sha256=sha256, size_bytes=size_bytes)
    except IntegrityFault as fault:
        raise ObjectExists(f"{key} already holds other bytes.") from fault


async def _replaced(
    bucket: S3Bucket, key: str, sha256: str, size_bytes: int, answer: Mapping[str, Any]
) -> ObjectStat:
    """What was stored, as S3 described it, though others may have gone over it since."""
    etag = required(answer, "ETag", f"PutObject {key}")
    found = stat_of(key, await bucket.head(key))
    if found.etag == etag:
        if (found.size_bytes, found.sha256 or sha256) == (size_bytes, sha256):
            return found
        raise IntegrityFault(f"The object {key} is not what was sent.")
    return with_changes(
        found,
        size_bytes=size_bytes,
        modified_at=datetime.now(UTC),
        etag=etag,
        sha256=sha256,
        version_id=answer.get("VersionId"),
    )

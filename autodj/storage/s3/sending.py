"""The bytes of an object on their way into a bucket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import structlog

from autodj.errors import StoreError
from autodj.storage.base import ByteRange, Progress
from autodj.storage.s3.bucket import ARCHIVE_CLASSES, S3Bucket, error_code
from autodj.storage.s3.faults import NOT_IMPLEMENTED, store_errors
from autodj.storage.s3.multipart import Content, Uploader, order_of
from autodj.storage.s3.sections import body_of, crc32_of, reading_at
from autodj.storage.s3.vouching import crc32_note, sha256_as_header, with_note

log = structlog.get_logger(__name__)

# Bodies of so many bytes are read once more before they are sent, for the note of their CRC-32.
NOTED_BYTES: Final = 8 * 1024**2
LARGEST_PIECE_BYTES: Final = 5 * 1024**3


async def send(
    bucket: S3Bucket,
    key: str,
    body: BinaryIO,
    sha256: str,
    how: Mapping[str, Any],
    progress: Progress | None = None,
) -> Mapping[str, Any]:
    """In parts or in one piece, as ``how`` says; S3's answer. What a server refuses in parts, as it
    does not know ours, goes in one piece too. InvalidRequest for a hash that is none.
    """
    checksum = sha256_as_header(sha256)
    size_bytes = body.seek(0, os.SEEK_END)
    if size_bytes >= bucket.config.transfers.multipart_bytes:
        content = Content(reading_at(body), size_bytes, sha256)
        try:
            return await Uploader(bucket).upload(order_of(key, how), content, progress)
        except StoreError as refused:
            if error_code(refused) not in NOT_IMPLEMENTED or size_bytes > LARGEST_PIECE_BYTES:
                raise
            log.info("upload_in_one_piece", key=key, refused=refused.detail)
    checked = {**how, "ChecksumSHA256": checksum}
    return await _in_one_piece(bucket, key, body, sha256, checked, progress)


async def _in_one_piece(
    bucket: S3Bucket,
    key: str,
    body: BinaryIO,
    sha256: str,
    how: Mapping[str, Any],
    progress: Progress | None,
) -> Mapping[str, Any]:
    size_bytes = body.seek(0, os.SEEK_END)
    deadline_s = bucket.config.timing.body_deadline_s(size_bytes)
    if how.get("StorageClass") in ARCHIVE_CLASSES:
        # It cannot be read back: servers that keep a hash only when told to must keep this one.
        how = {**how, "ChecksumAlgorithm": "SHA256"}
    fill_at, whole = reading_at(body), ByteRange(0, size_bytes)
    async with store_errors(f"PutObject {key}", deadline_s):
        crc32 = None
        if size_bytes <= NOTED_BYTES:
            crc32 = await asyncio.to_thread(crc32_of, fill_at, whole)
            note = crc32_note(crc32, sha256)
            how = {**how, "Metadata": with_note(how.get("Metadata", {}), note)}
        answer: Mapping[str, Any] = await bucket.client.put_object(
            **bucket.named(key),
            Body=body_of(fill_at, whole, crc32=crc32),
            ContentLength=size_bytes,
            **how,
        )
    if progress is not None:
        progress(size_bytes)
    return answer

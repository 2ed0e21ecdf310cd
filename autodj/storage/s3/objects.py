"""Looking at objects in a bucket: what they are, and that they are what was recorded."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final

from autodj.errors import (
    AutodjError,
    IntegrityFault,
    ObjectArchived,
    ObjectNotFound,
    StoreDenied,
    StoreError,
)
from autodj.storage.base import ByteRange, ObjectStat
from autodj.storage.checks import Sealed
from autodj.storage.keys import check_key
from autodj.storage.operations import Operation, attributed, operation
from autodj.storage.pouring import Sink
from autodj.storage.s3.archive import archive_state, refusal
from autodj.storage.s3.bucket import S3Bucket, stat_of
from autodj.storage.s3.probing import ask_why, look
from autodj.storage.s3.reading import ObjectReader

LOGGER: Final = "autodj.storage.s3"


async def stat(bucket: S3Bucket, key: str) -> ObjectStat:
    try:
        return stat_of(key, await bucket.head(key))
    except ObjectNotFound:
        # A bare 404 also means that there is no bucket; one that may not be looked at is there.
        with suppress(StoreDenied):
            await look(bucket)
        raise
    except StoreError as refused:
        await ask_why(bucket, refused)
        raise


async def verify(bucket: S3Bucket, key: str, *, sha256: str, size_bytes: int) -> ObjectStat:
    found = await stat(bucket, key)
    if found.size_bytes == size_bytes:
        stored = found.sha256 or await read_back(bucket, key)
        if stored == sha256:
            return found
    raise IntegrityFault(f"The object {key} is not what was recorded.")


@asynccontextmanager
async def reading(
    bucket: S3Bucket,
    key: str,
    byte_range: ByteRange | None = None,
    *,
    version_id: str | None = None,
) -> AsyncGenerator[AsyncIterator[bytes], None]:
    """The bytes of the object, or of one of its versions, the whole of it checked on the way."""
    named = bucket.readable(check_key(key)) | ({"VersionId": version_id} if version_id else {})
    reader = ObjectReader(bucket.client, named, byte_range, bucket.config.timing)
    async with (
        _opened(bucket, key, reader) as doing,
        aclosing(_counted(reader.blocks(), doing)) as blocks,
    ):
        yield blocks


@asynccontextmanager
async def reading_sealed(
    bucket: S3Bucket, key: str, byte_range: ByteRange | None = None
) -> AsyncGenerator[Sealed, None]:
    """The bytes of the object as they come, and what the whole can be compared with."""
    named = bucket.readable(check_key(key))
    reader = ObjectReader(bucket.client, named, byte_range, bucket.config.timing, checked=False)
    async with _opened(bucket, key, reader) as doing:

        async def pour(sink: Sink) -> None:
            try:
                await reader.pour(sink)
            finally:
                doing.bytes = reader.read_bytes

        known = reader.vouched
        yield Sealed(reader.size_bytes, known.sha256, known.crc32, pour)


@asynccontextmanager
async def _opened(
    bucket: S3Bucket, key: str, reader: ObjectReader
) -> AsyncGenerator[Operation, None]:
    basket = bucket.config.basket
    with operation(LOGGER, "read", basket=basket, key=key, streamed=True) as doing:
        try:
            with attributed(doing):
                await _open(bucket, key, reader)
            yield doing
        finally:
            reader.close()


async def _open(bucket: S3Bucket, key: str, reader: ObjectReader) -> None:
    try:
        await reader.open()
    except ObjectArchived as error:
        try:
            state = await archive_state(bucket, key)
        except AutodjError:
            raise error from None
        raise refusal(key, state) from error


async def _counted(
    blocks: AsyncGenerator[bytes, None], doing: Operation
) -> AsyncGenerator[bytes, None]:
    doing.bytes = 0
    async with aclosing(blocks):
        async for block in blocks:
            doing.bytes += len(block)
            yield block


async def read_back(bucket: S3Bucket, key: str) -> str:
    """The SHA-256 (hex) of what is there, by reading all of it."""
    digest = hashlib.sha256()
    async with reading(bucket, key) as blocks:
        async for block in blocks:
            digest.update(block)
    return digest.hexdigest()

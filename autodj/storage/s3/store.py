"""Objects in one S3 bucket, created once and never overwritten."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from autodj.errors import (
    BucketMissing,
    Conflict,
    IntegrityFault,
    InvalidRequest,
    ObjectExists,
    ObjectNotFound,
    PreconditionFailed,
    StoreFaulty,
    StoreThrottled,
)
from autodj.storage.base import ByteRange, ObjectStat
from autodj.storage.disk import opened
from autodj.storage.keys import check_key, is_key
from autodj.storage.s3.config import S3Config
from autodj.storage.s3.faults import required, store_errors
from autodj.storage.s3.reading import ObjectReader, full_sha256

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

CACHE_CONTROL: Final = "public, max-age=31536000, immutable"
CREATE_ATTEMPTS: Final = 3
CONFLICT_PAUSE_S: Final = 0.2
MAX_PRESIGN_S: Final = 7 * 86400


class S3Storage:
    """The port on a bucket, and links that S3 itself signs.

    A body is sent with its SHA-256, which S3 checks, and on the condition that the key is
    free; then size and hash are read back from S3. When that last look finds other bytes, the
    object is left where it is: another writer of the same key may already rely on it, and what
    belongs to no row is swept later.
    """

    def __init__(self, client: S3Client, config: S3Config) -> None:
        self._client = client
        self._config = config
        self._bucket: Mapping[str, Any] = {"Bucket": config.bucket} | (
            {"ExpectedBucketOwner": config.expected_bucket_owner}
            if config.expected_bucket_owner
            else {}
        )

    async def put(
        self, key: str, source: Path | bytes, *, sha256: str, content_type: str
    ) -> ObjectStat:
        check_key(key)
        with opened(source) as body:
            size_bytes = body.seek(0, os.SEEK_END)
            for attempt in range(CREATE_ATTEMPTS):
                await asyncio.sleep(attempt * CONFLICT_PAUSE_S)
                try:
                    await self._create(key, body, size_bytes, sha256, content_type)
                except Conflict:
                    continue
                except PreconditionFailed:
                    with suppress(ObjectNotFound):
                        return await self._require_same(key, sha256, size_bytes)
                    continue
                return await self.verify(key, sha256=sha256, size_bytes=size_bytes)
        raise StoreThrottled(f"{key} is written and removed by others all the time.")

    async def stat(self, key: str) -> ObjectStat:
        check_key(key)
        doing = f"HeadObject {key}"
        try:
            async with self._metadata(doing):
                found = await self._client.head_object(**self._object(key), ChecksumMode="ENABLED")
        except ObjectNotFound:
            await self.probe()  # a bare 404 also means that there is no bucket
            raise
        return ObjectStat(
            key=key,
            size_bytes=required(found, "ContentLength", doing),
            modified_at=required(found, "LastModified", doing),
            content_type=found.get("ContentType"),
            etag=found.get("ETag"),
            sha256=full_sha256(found),
        )

    async def verify(self, key: str, *, sha256: str, size_bytes: int) -> ObjectStat:
        found = await self.stat(key)
        if found.size_bytes == size_bytes:
            stored = found.sha256 or await self._read_back(key)
            if stored == sha256:
                return found
        raise IntegrityFault(f"The object {key} is not what was recorded.")

    @asynccontextmanager
    async def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        check_key(key)
        reader = ObjectReader(self._client, self._object(key), byte_range, self._config.timing)
        try:
            await reader.open()
            async with aclosing(reader.blocks()) as blocks:
                yield blocks
        finally:
            reader.close()

    async def delete(self, key: str) -> None:
        check_key(key)
        with suppress(ObjectNotFound):
            async with self._metadata(f"DeleteObject {key}"):
                await self._client.delete_object(**self._object(key))

    async def list(self, prefix: str = "") -> AsyncGenerator[ObjectStat, None]:
        doing = f"ListObjectsV2 {prefix}"
        onwards: dict[str, Any] = {}
        while True:
            async with self._metadata(doing):
                page = await self._client.list_objects_v2(
                    **self._bucket, Prefix=self._config.object_name(prefix), **onwards
                )
            for item in page.get("Contents", ()):
                key = item["Key"].removeprefix(self._config.key_prefix)
                if is_key(key):
                    yield ObjectStat(key, item["Size"], item["LastModified"], etag=item["ETag"])
            if not required(page, "IsTruncated", doing):
                return
            token = required(page, "NextContinuationToken", doing)
            if token == onwards.get("ContinuationToken"):
                raise StoreFaulty(f"{doing}: the same page would come again and again.")
            onwards = {"ContinuationToken": token}

    async def probe(self) -> None:
        try:
            async with self._metadata(f"HeadBucket {self._config.bucket}"):
                await self._client.head_bucket(**self._bucket)
        except ObjectNotFound as error:
            raise BucketMissing(f"There is no bucket {self._config.bucket}.") from error

    async def presign(self, key: str, *, ttl_s: int) -> str:
        """A GET link signed by these credentials: 1 second to 7 days, else InvalidRequest."""
        check_key(key)
        if not 1 <= ttl_s <= MAX_PRESIGN_S:
            raise InvalidRequest(f"S3 signs links for 1 to {MAX_PRESIGN_S} seconds.")
        # Without the owner: it would be a header that whoever follows the link must send.
        named = {"Bucket": self._config.bucket, "Key": self._config.object_name(key)}
        async with self._metadata(f"presign {key}"):
            return await self._client.generate_presigned_url("get_object", named, ttl_s)

    async def ensure_bucket(self) -> None:
        """Create the bucket when there is none: for servers that are ours alone."""
        region = self._config.region
        placed: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            await self.probe()
        except BucketMissing:
            async with self._metadata(f"CreateBucket {self._config.bucket}"):
                with suppress(self._client.exceptions.BucketAlreadyOwnedByYou):
                    await self._client.create_bucket(
                        Bucket=self._config.bucket, **({} if region == "us-east-1" else placed)
                    )

    async def _create(
        self, key: str, body: BinaryIO, size_bytes: int, sha256: str, content_type: str
    ) -> None:
        """PUT unless the key is taken (PreconditionFailed) or being written (Conflict)."""
        body.seek(0)
        protected: Any = {"ServerSideEncryption": self._config.sse} if self._config.sse else {}
        deadline_s = self._config.timing.body_deadline_s(size_bytes)
        async with store_errors(f"PutObject {key}", deadline_s):
            await self._client.put_object(
                **self._object(key),
                Body=body,
                ContentLength=size_bytes,
                ContentType=content_type,
                CacheControl=CACHE_CONTROL,
                ChecksumSHA256=base64.b64encode(bytes.fromhex(sha256)).decode(),
                IfNoneMatch="*",
                **protected,
            )

    async def _require_same(self, key: str, sha256: str, size_bytes: int) -> ObjectStat:
        try:
            return await self.verify(key, sha256=sha256, size_bytes=size_bytes)
        except IntegrityFault as fault:
            raise ObjectExists(f"{key} already holds other bytes.") from fault

    async def _read_back(self, key: str) -> str:
        digest = hashlib.sha256()
        async with self.read(key) as blocks:
            async for block in blocks:
                digest.update(block)
        return digest.hexdigest()

    def _object(self, key: str) -> dict[str, Any]:
        return {**self._bucket, "Key": self._config.object_name(key)}

    def _metadata(self, doing: str) -> AbstractAsyncContextManager[None]:
        return store_errors(doing, self._config.timing.metadata_s)

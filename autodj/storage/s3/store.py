"""Objects in one S3 bucket."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autodj.errors import BucketMissing, ObjectNotFound
from autodj.storage.base import (
    MAX_PAGE_OBJECTS,
    ByteRange,
    Described,
    ObjectStat,
    Page,
    Progress,
)
from autodj.storage.checks import Sealed
from autodj.storage.disk import opened
from autodj.storage.health import Health
from autodj.storage.keys import check_key, check_keys
from autodj.storage.limits import check_size
from autodj.storage.operations import Operation, operation
from autodj.storage.powers import ArchiveState, ObjectVersion, SignedForm, SignedRequest, Tier
from autodj.storage.s3 import (
    archive,
    copying,
    deleting,
    listing,
    objects,
    presigning,
    probing,
    uploads,
    versions,
    writing,
)
from autodj.storage.s3.bucket import S3Bucket, note_requests
from autodj.storage.s3.budget import ByteBudget
from autodj.storage.s3.config import S3Config
from autodj.storage.s3.credentials import Keys, end_of
from autodj.storage.s3.listed import read_lists_quickly
from autodj.storage.s3.rehearsal import Rehearsed, rehearse

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client


class S3Storage:
    """The port on a bucket, with every power in ``autodj.storage.powers``.

    A body is sent with its SHA-256, which S3 checks, and on the condition that the key is
    free; then size and hash are read back from S3. When that last look finds other bytes, the
    object is left where it is: another writer of the same key may already rely on it, and what
    belongs to no row is swept later.
    """

    def __init__(
        self,
        client: S3Client,
        config: S3Config,
        health: Health | None = None,
        keys: Keys | None = None,
    ) -> None:
        """``keys``: those that the client signs with, where their end is to be known."""
        self._client = client
        self._config = config
        self._keys = keys
        self._bucket = S3Bucket(client, config, ByteBudget(config.transfers.in_flight_bytes))
        self.health = health or Health()
        note_requests(client)
        read_lists_quickly(client)
        deleting.name_md5_of_lists(client)

    @property
    def max_object_bytes(self) -> int | None:
        return self._config.max_object_bytes

    async def put(
        self,
        key: str,
        source: Path | bytes,
        *,
        sha256: str,
        content_type: str,
        described: Described | None = None,
        progress: Progress | None = None,
    ) -> ObjectStat:
        with self._told("put", key) as doing, opened(source, key) as body:
            check_size(body.seek(0, os.SEEK_END), self.max_object_bytes)
            async with writing.deadline(self._bucket, key, body):
                stored = await writing.create(
                    self._bucket, key, body, sha256, content_type, described, progress
                )
            doing.bytes = stored.size_bytes
            return stored

    async def replace(
        self,
        key: str,
        source: Path | bytes,
        *,
        sha256: str,
        content_type: str,
        if_match: str | None = None,
        described: Described | None = None,
    ) -> ObjectStat:
        with self._told("replace", key) as doing, opened(source, key) as body:
            check_size(body.seek(0, os.SEEK_END), self.max_object_bytes)
            async with writing.deadline(self._bucket, key, body):
                stored = await writing.replace(
                    self._bucket, key, body, sha256, content_type, described, if_match
                )
            doing.bytes = stored.size_bytes
            return stored

    async def stat(self, key: str) -> ObjectStat:
        with self._told("stat", key):
            return await objects.stat(self._bucket, key)

    async def verify(self, key: str, *, sha256: str, size_bytes: int) -> ObjectStat:
        with self._told("verify", key):
            return await objects.verify(self._bucket, key, sha256=sha256, size_bytes=size_bytes)

    def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return objects.reading(self._bucket, key, byte_range)

    def read_sealed(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AbstractAsyncContextManager[Sealed]:
        return objects.reading_sealed(self._bucket, key, byte_range)

    async def delete(self, key: str) -> None:
        with self._told("delete", key), suppress(ObjectNotFound):
            async with self._bucket.asking(f"DeleteObject {key}"):
                await self._client.delete_object(**self._bucket.named(key))

    async def delete_many(self, keys: Sequence[str]) -> None:
        check_keys(keys)
        with self._told("delete_many") as doing:
            doing.more["objects"] = len(keys)
            await deleting.delete_many(self._bucket, keys)

    async def delete_unchanged(self, found: Sequence[ObjectStat]) -> Collection[str]:
        check_keys(each.key for each in found)
        with self._told("delete_unchanged") as doing:
            doing.more["objects"] = len(found)
            return await deleting.delete_unchanged(self._bucket, found)

    async def copy(self, source: str, target: str) -> ObjectStat:
        check_key(source)
        with self._told("copy", target) as doing:
            doing.more["source"] = source
            made = await copying.copy_object(self._bucket, source, target)
            doing.bytes = made.size_bytes
            return made

    def list(self, prefix: str = "") -> AsyncGenerator[ObjectStat, None]:
        return listing.objects(self._bucket, prefix)

    async def page(
        self,
        prefix: str = "",
        *,
        limit: int = MAX_PAGE_OBJECTS,
        cursor: str | None = None,
        directories: bool = False,
    ) -> Page:
        with self._told("page") as doing:
            doing.more["prefix"] = prefix
            return await listing.page(
                self._bucket, prefix, limit=limit, cursor=cursor, directories=directories
            )

    async def probe(self) -> None:
        await probing.probe(self._bucket)

    async def rehearse_parts(self, key: str, body: bytes) -> Rehearsed:
        """Store a small body in parts, and try all else that large ones need."""
        with self._told("put", key):
            return await rehearse(self._bucket, key, body)

    async def set_metadata(self, key: str, metadata: Mapping[str, str]) -> ObjectStat:
        with self._told("set_metadata", key):
            return await copying.describe_again(self._bucket, key, metadata)

    async def versions(self, key: str) -> Sequence[ObjectVersion]:
        with self._told("versions", key):
            return await versions.versions_of(self._bucket, key)

    def read_version(
        self, key: str, version_id: str, byte_range: ByteRange | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return versions.reading_version(self._bucket, key, version_id, byte_range)

    async def restore_version(self, key: str, version_id: str) -> ObjectStat:
        with self._told("restore_version", key):
            return await versions.restored(self._bucket, key, version_id)

    async def delete_version(self, key: str, version_id: str) -> None:
        with self._told("delete_version", key):
            await versions.removed(self._bucket, key, version_id)

    async def archive_state(self, key: str) -> ArchiveState:
        with self._told("stat", key):
            return await archive.archive_state(self._bucket, key)

    async def restore(self, key: str, *, days: int, tier: Tier = "Standard") -> ArchiveState:
        with self._told("restore", key):
            return await archive.restore(self._bucket, key, days=days, tier=tier)

    async def presign(self, key: str, *, ttl_s: int) -> str:
        """A GET link signed by these credentials: 1 second to 7 days, else InvalidRequest."""
        check_key(key)
        return await presigning.get_link(self._bucket, key, ttl_s=ttl_s)

    async def signs_until(self) -> datetime | None:
        async with self._bucket.asking("signs_until"):
            return await end_of(self._keys)

    async def presign_download(
        self, key: str, *, ttl_s: int, name: str, content_type: str | None = None
    ) -> str:
        check_key(key)
        return await presigning.get_link(
            self._bucket, key, ttl_s=ttl_s, name=name, content_type=content_type
        )

    async def presign_put(
        self, key: str, *, ttl_s: int, sha256: str, size_bytes: int, content_type: str
    ) -> SignedRequest:
        check_key(key)
        return await presigning.put_link(
            self._bucket,
            key,
            ttl_s=ttl_s,
            sha256=sha256,
            size_bytes=size_bytes,
            content_type=content_type,
        )

    async def presign_post(
        self, key: str, *, ttl_s: int, max_bytes: int, content_type: str, sha256: str | None = None
    ) -> SignedForm:
        check_key(key)
        return await presigning.post_form(
            self._bucket,
            key,
            ttl_s=ttl_s,
            max_bytes=max_bytes,
            content_type=content_type,
            sha256=sha256,
        )

    async def sweep_uploads(self, *, before: datetime) -> int:
        """Abort the unfinished uploads that began before that time; how many there were."""
        with self._told("sweep_uploads"):
            return await uploads.sweep_uploads(self._bucket, before=before)

    async def ensure_bucket(self) -> None:
        """Create the bucket when there is none: for servers that are ours alone."""
        region = self._config.region
        placed: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            await self.probe()
        except BucketMissing:
            async with self._bucket.asking(f"CreateBucket {self._config.bucket}"):
                with suppress(self._client.exceptions.BucketAlreadyOwnedByYou):
                    await self._client.create_bucket(
                        Bucket=self._config.bucket, **({} if region == "us-east-1" else placed)
                    )

    def _told(self, op: str, key: str | None = None) -> AbstractContextManager[Operation]:
        if key is not None:
            check_key(key)
        return operation(objects.LOGGER, op, basket=self._config.basket, key=key or "")

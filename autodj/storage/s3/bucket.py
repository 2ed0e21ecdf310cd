"""One bucket as its requests need it: names, the owner, protection, errors."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from autodj.errors import ObjectNotFound
from autodj.storage.base import Described, ObjectStat
from autodj.storage.metadata import decoded, encoded, in_header
from autodj.storage.operations import note_answer
from autodj.storage.s3.budget import ByteBudget
from autodj.storage.s3.config import S3Config
from autodj.storage.s3.faults import required, store_errors
from autodj.storage.s3.vouching import full_sha256

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

ARCHIVE_CLASSES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})
IMMUTABLE: Final = "public, max-age=31536000, immutable"
MUTABLE: Final = "private, no-cache"


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """The parameters that requests about this bucket and its objects share."""

    client: S3Client
    config: S3Config
    in_flight: ByteBudget

    def named(self, key: str) -> dict[str, Any]:
        """The object, in requests that do not touch its bytes."""
        return {**self.config.addressing, "Key": self.config.object_name(key)}

    def readable(self, key: str) -> dict[str, Any]:
        """The object, in requests that need its bytes decrypted."""
        return {**self.named(key), **self.config.customer_key}

    @property
    def source_addressing(self) -> Mapping[str, Any]:
        """What goes with every request that copies from this bucket."""
        owner = self.config.expected_bucket_owner
        decrypted = {f"CopySource{name}": key for name, key in self.config.customer_key.items()}
        return decrypted | ({"ExpectedSourceBucketOwner": owner} if owner else {})

    def written(
        self, content_type: str, described: Described | None, *, cache_control: str
    ) -> dict[str, Any]:
        """How an object is stored, in every request that makes one."""
        described = described or Described()
        stored: dict[str, Any] = {
            "ContentType": in_header(content_type),
            "CacheControl": cache_control,
            **self.config.protection,
        }
        if metadata := encoded(described.metadata):
            stored["Metadata"] = metadata
        if described.content_encoding:
            stored["ContentEncoding"] = in_header(described.content_encoding)
        storage_class = described.storage_class or self.config.storage_class
        if storage_class != "STANDARD":
            stored["StorageClass"] = storage_class
        return stored

    def protected_as(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """How a copy of what the HEAD ``found`` is protected, and its class."""
        named = found.get("StorageClass") or self.config.storage_class
        classed = {} if named == "STANDARD" else {"StorageClass": named}
        return {**self.config.protection, **classed}

    def asking(self, doing: str) -> AbstractAsyncContextManager[None]:
        """For requests without a body worth a deadline of its own."""
        return store_errors(doing, self.config.timing.metadata_s)

    async def head(self, key: str, **more: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as S3 types it
        async with self.asking(f"HeadObject {key}"):
            found: Mapping[str, Any] = await self.client.head_object(
                **self.readable(key), ChecksumMode="ENABLED", **more
            )
            return found


def stat_of(key: str, found: Mapping[str, Any]) -> ObjectStat:
    """The answer to a HEAD, in our words."""
    doing = f"HeadObject {key}"
    return ObjectStat(
        key=key,
        size_bytes=required(found, "ContentLength", doing),
        modified_at=required(found, "LastModified", doing),
        content_type=found.get("ContentType"),
        etag=found.get("ETag"),
        sha256=full_sha256(found),
        described=Described(
            metadata=decoded(found.get("Metadata", {})),
            content_encoding=_content_encoding(found),
            storage_class=_storage_class(found),
        ),
        version_id=found.get("VersionId"),
    )


def require_version(answer: Mapping[str, Any], version_id: str, key: str) -> None:
    """ObjectNotFound when the answer is about another one: servers that keep no versions of an
    object may give the object itself, whatever the id. It is told of none that is called null.
    """
    required(answer, "ETag", key)
    if version_id not in {"null", answer.get("VersionId")}:
        raise ObjectNotFound(f"{key} has no such version.")


def error_code(error: BaseException) -> str:
    """S3's own word for what went wrong, or nothing."""
    cause = error.__cause__
    return (
        str(cause.response.get("Error", {}).get("Code", ""))
        if isinstance(cause, ClientError)
        else ""
    )


def note_requests(client: S3Client) -> None:
    """From now on each answer is counted to the operation that asked for it."""
    client.meta.events.register("after-call.s3", _noted, unique_id="autodj-operations")


def _noted(parsed: Mapping[str, Any], **_more: object) -> None:
    note_answer(parsed.get("ResponseMetadata", {}))


def _content_encoding(found: Mapping[str, Any]) -> str | None:
    # Servers keep the framing of a chunked upload here, which is none of the object's.
    parts = [
        part
        for each in found.get("ContentEncoding", "").split(",")
        if (part := each.strip()) and part != "aws-chunked"
    ]
    return ", ".join(parts) or None


def _storage_class(found: Mapping[str, Any]) -> str | None:
    named = found.get("StorageClass")
    return None if named in {None, "", "STANDARD"} else str(named)

"""Former states of an object, where the bucket keeps them."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from autodj.errors import AutodjError, ObjectNotFound, StoreError
from autodj.storage.base import ByteRange, ObjectStat
from autodj.storage.keys import check_key
from autodj.storage.powers import ObjectVersion
from autodj.storage.s3.bucket import S3Bucket, error_code, require_version, stat_of
from autodj.storage.s3.copying import copy_version
from autodj.storage.s3.faults import required
from autodj.storage.s3.objects import reading
from autodj.storage.s3.paging import named, onwards

_VERSIONS: Final = {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}
_NO_VERSION: Final = frozenset(
    {"InvalidArgument", "400", "NoSuchVersion", "MethodNotAllowed", "405"}
)
_VERSION_ID: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,1024}")


async def versions_of(bucket: S3Bucket, key: str) -> Sequence[ObjectVersion]:
    """The newest first; delete markers are not states and are left out."""
    doing = f"ListObjectVersions {key}"
    name = bucket.config.object_name(key)
    found: list[ObjectVersion] = []
    place: Mapping[str, Any] = {}
    while True:
        async with bucket.asking(doing):
            page = await bucket.client.list_object_versions(
                **bucket.config.addressing, Prefix=name, **place
            )
        items = page.get("Versions", ())
        names = [named(each, "Key", name, doing) for each in items]
        ours = (each for each, told in zip(items, names, strict=True) if told == name)
        found += [_version(key, each, doing) for each in ours]
        # Keys come in order, so that the first longer one ends what is ours.
        place = onwards(page, _VERSIONS, place, doing)
        if not place or any(each > name for each in names):
            return found


@asynccontextmanager
async def reading_version(
    bucket: S3Bucket, key: str, version_id: str, byte_range: ByteRange | None
) -> AsyncGenerator[AsyncIterator[bytes], None]:
    """Like a read of the object, of that version."""
    _check(key, version_id)
    async with AsyncExitStack() as stack:
        try:
            blocks = await stack.enter_async_context(
                reading(bucket, check_key(key), byte_range, version_id=version_id)
            )
        except StoreError as error:
            raise _unknown_version(key, error) from error
        yield blocks


async def restored(bucket: S3Bucket, key: str, version_id: str) -> ObjectStat:
    """A copy of the version onto its own key, which makes it the newest."""
    _check(key, version_id)
    try:
        found = await bucket.head(key, VersionId=version_id)
    except StoreError as error:
        raise _unknown_version(key, error) from error
    require_version(found, version_id, key)
    if "VersionId" not in found:
        return stat_of(key, found)  # no others are kept, so it is the newest already
    return await copy_version(bucket, key, version_id, found)


async def removed(bucket: S3Bucket, key: str, version_id: str) -> None:
    """What is listed and nothing else: servers that keep no versions of an object may delete the
    object itself, whatever the id.
    """
    if all(each.version_id != version_id for each in await versions_of(bucket, key)):
        return
    try:
        async with bucket.asking(f"DeleteObject {key}"):
            await bucket.client.delete_object(**bucket.named(key), VersionId=version_id)
    except (StoreError, ObjectNotFound) as error:
        if not isinstance(_unknown_version(key, error), ObjectNotFound):
            raise


def _check(key: str, version_id: str) -> None:
    if not _VERSION_ID.fullmatch(version_id) or ".." in version_id:
        raise ObjectNotFound(f"{key} has no such version.")


def _unknown_version(key: str, error: AutodjError) -> AutodjError:
    """ObjectNotFound for an id that S3 never gave, which it calls malformed, and for that of the
    mark of a delete, which it does not give out.
    """
    if error_code(error) in _NO_VERSION:
        return ObjectNotFound(f"{key} has no such version.")
    return error


def _version(key: str, item: Any, doing: str) -> ObjectVersion:  # noqa: ANN401 - as S3 types it
    version_id, size_bytes, modified_at, current = (
        required(item, name, doing) for name in ("VersionId", "Size", "LastModified", "IsLatest")
    )
    return ObjectVersion(key, version_id, size_bytes, modified_at, current=current)

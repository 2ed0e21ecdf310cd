"""Lists of a bucket, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from autodj.errors import AutodjError, InvalidRequest, ObjectExists, StoreError, StoreFaulty
from autodj.storage.base import MAX_PAGE_OBJECTS, ObjectStat, Page
from autodj.storage.cursors import check_limit, cursor_after, position_of
from autodj.storage.keys import is_key, may_start_a_key
from autodj.storage.s3.bucket import S3Bucket, error_code
from autodj.storage.s3.groups import ended
from autodj.storage.s3.paging import named, onwards

_DOING: Final = "ListObjectsV2"
_OBJECTS: Final = {"ContinuationToken": "NextContinuationToken"}


async def objects(bucket: S3Bucket, prefix: str) -> AsyncGenerator[ObjectStat, None]:
    """All of them; names in the bucket that are no keys are passed over.

    The next page is on its way while the objects of this one are told.
    """
    if not may_start_a_key(prefix):
        return
    answer = await _asked(bucket, prefix, {})
    place = _onwards(prefix, answer, {})
    while place:
        coming = asyncio.create_task(_asked(bucket, prefix, place))
        try:
            for each in _objects(bucket, prefix, answer):
                yield each
            answer = await coming
        finally:
            await ended(coming)
        place = _onwards(prefix, answer, place)
    for each in _objects(bucket, prefix, answer):
        yield each


async def page(
    bucket: S3Bucket, prefix: str, *, limit: int, cursor: str | None = None, directories: bool
) -> Page:
    more: dict[str, Any] = {"MaxKeys": check_limit(limit)}
    if directories:
        more["Delimiter"] = "/"
    if cursor is not None:
        more["ContinuationToken"] = position_of(cursor, prefix=prefix, directories=directories)
    if not may_start_a_key(prefix):
        return Page([], [], None)
    try:
        answer = await _asked(bucket, prefix, more)
    except StoreError as error:
        if cursor is not None and error_code(error) == "InvalidArgument":
            raise InvalidRequest("The cursor belongs to another list.") from error
        raise
    token = _onwards(prefix, answer, more).get("ContinuationToken")
    told = [each for each in answer.get("CommonPrefixes", ()) if each.get("Prefix")]
    asked, own = bucket.config.object_name(prefix), bucket.config.key_prefix
    found = (named(each, "Prefix", asked, _DOING).removeprefix(own) for each in told)
    return Page(
        objects=_objects(bucket, prefix, answer),
        directories=[each for each in found if is_key(each.rstrip("/"))],
        cursor=token and cursor_after(token, prefix=prefix, directories=directories),
    )


async def refuse_folder(bucket: S3Bucket, key: str) -> None:
    """ObjectExists for a key that is neither there nor free: to servers that keep objects as
    files it is the folder of others, and stays one when these are gone. Where nothing can be
    listed the caller says what it knows.
    """
    try:
        found = await page(bucket, key, limit=MAX_PAGE_OBJECTS, directories=True)
    except AutodjError:
        return
    if f"{key}/" in found.directories:
        raise ObjectExists(f"Other objects lie inside {key}, or did.")


async def _asked(bucket: S3Bucket, prefix: str, more: Mapping[str, Any]) -> Mapping[str, Any]:
    async with bucket.asking(f"{_DOING} {prefix}"):
        answer: Mapping[str, Any] = await bucket.client.list_objects_v2(
            **bucket.config.addressing, Prefix=bucket.config.object_name(prefix), **more
        )
        return answer


def _objects(bucket: S3Bucket, prefix: str, answer: Mapping[str, Any]) -> list[ObjectStat]:
    asked, own = bucket.config.object_name(prefix), bucket.config.key_prefix
    try:
        return [
            ObjectStat(key, each["Size"], each["LastModified"], etag=each.get("ETag"))
            for each in answer.get("Contents", ())
            if is_key(key := named(each, "Key", asked, _DOING).removeprefix(own))
        ]
    except KeyError as missing:
        raise StoreFaulty(f"{_DOING}: an object is told without {missing}.") from missing


def _onwards(
    prefix: str, answer: Mapping[str, Any], before: Mapping[str, Any]
) -> Mapping[str, Any]:
    return onwards(answer, _OBJECTS, before, f"{_DOING} {prefix}")

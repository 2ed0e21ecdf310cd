"""Lists of a bucket, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from autodj.errors import StoreFaulty
from autodj.storage.base import ObjectStat, Page
from autodj.storage.cursors import check_limit, cursor_after, position_of
from autodj.storage.keys import is_key
from autodj.storage.s3.bucket import S3Bucket
from autodj.storage.s3.faults import required
from autodj.storage.s3.groups import ended


async def objects(bucket: S3Bucket, prefix: str) -> AsyncGenerator[ObjectStat, None]:
    """All of them; names in the bucket that are no keys are passed over.

    The next page is on its way while the objects of this one are told.
    """
    answer = await _asked(bucket, prefix, {})
    token = _next_token(prefix, answer)
    while token is not None:
        coming = asyncio.create_task(_asked(bucket, prefix, {"ContinuationToken": token}))
        try:
            for each in _objects(bucket, answer):
                yield each
            answer = await coming
        finally:
            await ended(coming)
        before, token = token, _next_token(prefix, answer)
        if token == before:
            raise StoreFaulty(f"ListObjectsV2 {prefix}: the same page would come again and again.")
    for each in _objects(bucket, answer):
        yield each


async def page(
    bucket: S3Bucket, prefix: str, *, limit: int, cursor: str | None, directories: bool
) -> Page:
    more: dict[str, Any] = {"MaxKeys": check_limit(limit)}
    if directories:
        more["Delimiter"] = "/"
    if cursor is not None:
        more["ContinuationToken"] = position_of(cursor, prefix=prefix, directories=directories)
    answer = await _asked(bucket, prefix, more)
    token = _next_token(prefix, answer)
    own = bucket.config.key_prefix
    found = [each["Prefix"].removeprefix(own) for each in answer.get("CommonPrefixes", ())]
    return Page(
        objects=_objects(bucket, answer),
        directories=[each for each in found if is_key(each.rstrip("/"))],
        cursor=token and cursor_after(token, prefix=prefix, directories=directories),
    )


async def _asked(bucket: S3Bucket, prefix: str, more: Mapping[str, Any]) -> Mapping[str, Any]:
    async with bucket.asking(f"ListObjectsV2 {prefix}"):
        answer: Mapping[str, Any] = await bucket.client.list_objects_v2(
            **bucket.config.addressing, Prefix=bucket.config.object_name(prefix), **more
        )
        return answer


def _objects(bucket: S3Bucket, answer: Mapping[str, Any]) -> list[ObjectStat]:
    named = ((each["Key"].removeprefix(bucket.config.key_prefix), each) for each in _items(answer))
    return [
        ObjectStat(key, each["Size"], each["LastModified"], etag=each["ETag"])
        for key, each in named
        if is_key(key)
    ]


def _items(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(answer.get("Contents", ()))


def _next_token(prefix: str, answer: Mapping[str, Any]) -> str | None:
    doing = f"ListObjectsV2 {prefix}"
    if not required(answer, "IsTruncated", doing):
        return None
    return str(required(answer, "NextContinuationToken", doing))

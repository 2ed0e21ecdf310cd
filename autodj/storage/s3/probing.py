"""Whether a bucket can be used, and if not, why."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from autodj.errors import BucketMissing, ObjectNotFound, StoreDenied, StoreError
from autodj.storage.s3.bucket import S3Bucket, error_code

_UNSAID: Final = frozenset({"400", "403"})


async def probe(bucket: S3Bucket) -> None:
    try:
        await look(bucket)
    except StoreError as refused:
        await ask_why(bucket, refused)
        raise


async def look(bucket: S3Bucket) -> None:
    name = bucket.config.bucket
    try:
        async with bucket.asking(f"HeadBucket {name}"):
            await bucket.client.head_bucket(**bucket.config.addressing)
    except ObjectNotFound as error:
        raise BucketMissing(f"There is no bucket {name}.") from error


async def ask_why(bucket: S3Bucket, refused: StoreError) -> None:
    """The answer to a HEAD has no body that says whether the rights are missing, the keys are
    wrong or the clock is; a list is refused for the same reason, and says it.
    """
    if error_code(refused) not in _UNSAID:
        return
    with suppress(StoreDenied):
        async with bucket.asking(f"ListObjectsV2 {bucket.config.key_prefix}"):
            await bucket.client.list_objects_v2(
                **bucket.config.addressing, Prefix=bucket.config.key_prefix, MaxKeys=1
            )

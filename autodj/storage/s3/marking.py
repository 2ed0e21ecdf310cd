"""The mark of a conditional write, by which it knows its own work again.

A request whose answer is lost is sent once more, and meets a condition that its own first success
has made untrue. So it leaves a mark beside the object that no other write has.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress

from autodj.errors import AutodjError, ObjectNotFound, PreconditionFailed
from autodj.storage.base import ObjectStat
from autodj.storage.metadata import WRITE_ID
from autodj.storage.s3.bucket import S3Bucket, stat_of


def new_mark() -> Mapping[str, str]:
    """The metadata that marks one write."""
    return {WRITE_ID: secrets.token_hex(16)}


async def done_before(
    bucket: S3Bucket, key: str, mark: Mapping[str, str], refused: AutodjError
) -> ObjectStat:
    """What is there, when this write made it; PreconditionFailed when it did not."""
    with suppress(ObjectNotFound):
        found = await bucket.head(key)
        if mark.items() <= found.get("Metadata", {}).items():
            return stat_of(key, found)
    raise PreconditionFailed(f"{key} is not what it was.") from refused

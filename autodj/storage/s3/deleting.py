"""Many objects removed at once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from autodj.errors import AutodjError, DeleteIncomplete, StoreError
from autodj.storage.s3.bucket import S3Bucket
from autodj.storage.s3.faults import fault_of
from autodj.storage.s3.retrying import RetryPolicy, passes

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

MOST_KEYS: Final = 1000


def name_md5_of_lists(client: S3Client) -> None:
    """Servers that know no other checksums refuse to delete by a list without this one."""
    client.meta.events.register(
        "before-call.s3.DeleteObjects", _with_md5, unique_id="autodj-content-md5"
    )


def _with_md5(*, params: dict[str, Any], **_: object) -> None:
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()


async def delete_many(bucket: S3Bucket, keys: Sequence[str]) -> None:
    """A thousand a request; what one request leaves does not keep the next from being sent."""
    names = {bucket.config.object_name(key): key for key in keys}
    wanted = list(names)
    left: dict[str, AutodjError] = {}
    for start in range(0, len(wanted), MOST_KEYS):
        left |= await _removed(bucket, wanted[start : start + MOST_KEYS])
    if left:
        raise DeleteIncomplete({names[name]: error for name, error in left.items()})


async def _removed(bucket: S3Bucket, names: Sequence[str]) -> dict[str, AutodjError]:
    """Those that are still there, after what may pass was tried again."""
    retries = RetryPolicy.of(bucket.config.timing)
    left: dict[str, AutodjError] = {}
    again: dict[str, AutodjError] = {}
    for failed in range(1, retries.attempts + 1):
        try:
            refused = await _refused(bucket, names)
        except AutodjError as error:  # the request as a whole was repeated already
            return left | dict.fromkeys(names, error)
        again = {name: error for name, error in refused.items() if passes(type(error))}
        left |= {name: error for name, error in refused.items() if name not in again}
        names = list(again)
        if not names or failed == retries.attempts:
            break
        await asyncio.sleep(retries.spread_pause_s(failed))
    return left | again


async def _refused(bucket: S3Bucket, names: Sequence[str]) -> dict[str, AutodjError]:
    doing = f"DeleteObjects ({len(names)})"
    async with bucket.asking(doing):
        answer = await bucket.client.delete_objects(
            **bucket.config.addressing,
            # Not quiet: what is not named in the answer may not be taken for removed.
            Delete={"Objects": [{"Key": name} for name in names], "Quiet": False},
        )
    removed = {each.get("Key", "") for each in answer.get("Deleted", ())}
    codes = {each.get("Key", ""): each.get("Code", "") for each in answer.get("Errors", ())}
    told = {name: codes.get(name, "not answered") for name in names}
    return {
        name: _error(doing, code)
        for name, code in told.items()
        if code != "NoSuchKey" and (name in codes or name not in removed)
    }


def _error(doing: str, code: str) -> AutodjError:
    found = fault_of(ClientError({"Error": {"Code": code}}, "DeleteObjects")) or StoreError
    return found(f"{doing}: {code}.")

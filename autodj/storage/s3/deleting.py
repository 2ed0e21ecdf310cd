"""Many objects removed at once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from autodj.errors import AutodjError, Conflict, DeleteIncomplete, PreconditionFailed, StoreError
from autodj.storage.base import ObjectStat
from autodj.storage.s3.bucket import S3Bucket
from autodj.storage.s3.faults import fault_of
from autodj.storage.s3.retrying import RetryPolicy, passes

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client
    from types_aiobotocore_s3.type_defs import ObjectIdentifierTypeDef

MOST_KEYS: Final = 1000

# What S3 says of an object that is not, or is just ceasing to be, the one that was found.
_CHANGED: Final = (PreconditionFailed, Conflict)


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
    if left := await _left(bucket, dict.fromkeys(keys)):
        raise DeleteIncomplete(left)


async def delete_unchanged(bucket: S3Bucket, found: Sequence[ObjectStat]) -> Collection[str]:
    """The same on condition of their ETags, where the server knows such a condition."""
    left = await _left(bucket, {each.key: each.etag for each in found})
    changed = {key for key, error in left.items() if isinstance(error, _CHANGED)}
    if changed != left.keys():
        raise DeleteIncomplete({key: error for key, error in left.items() if key not in changed})
    return changed


async def _left(bucket: S3Bucket, etags: Mapping[str, str | None]) -> Mapping[str, AutodjError]:
    """Those that are still there and why, by key."""
    keys = {bucket.config.object_name(key): key for key in etags}
    wanted = [_wanted(name, etags[key]) for name, key in keys.items()]
    left: dict[str, AutodjError] = {}
    for start in range(0, len(wanted), MOST_KEYS):
        left |= await _removed(bucket, wanted[start : start + MOST_KEYS])
    return {keys[name]: error for name, error in left.items()}


def _wanted(name: str, etag: str | None) -> ObjectIdentifierTypeDef:
    return {"Key": name} if etag is None else {"Key": name, "ETag": etag}


async def _removed(
    bucket: S3Bucket, wanted: Sequence[ObjectIdentifierTypeDef]
) -> dict[str, AutodjError]:
    """Those that are still there, after what may pass was tried again."""
    retries = RetryPolicy.of(bucket.config.timing)
    left: dict[str, AutodjError] = {}
    again: dict[str, AutodjError] = {}
    for failed in range(1, retries.attempts + 1):
        try:
            refused = await _refused(bucket, wanted)
        except AutodjError as error:  # the request as a whole was repeated already
            return left | {each["Key"]: error for each in wanted}
        again = {name: error for name, error in refused.items() if passes(type(error))}
        left |= {name: error for name, error in refused.items() if name not in again}
        wanted = [each for each in wanted if each["Key"] in again]
        if not wanted or failed == retries.attempts:
            break
        await asyncio.sleep(retries.spread_pause_s(failed))
    return left | again


async def _refused(
    bucket: S3Bucket, wanted: Sequence[ObjectIdentifierTypeDef]
) -> dict[str, AutodjError]:
    doing = f"DeleteObjects ({len(wanted)})"
    async with bucket.asking(doing):
        answer = await bucket.client.delete_objects(
            **bucket.config.addressing,
            # Not quiet: what is not named in the answer may not be taken for removed.
            Delete={"Objects": wanted, "Quiet": False},
        )
    removed = {each.get("Key", "") for each in answer.get("Deleted", ())}
    codes = {each.get("Key", ""): each.get("Code", "") for each in answer.get("Errors", ())}
    told = {each["Key"]: codes.get(each["Key"], "not answered") for each in wanted}
    return {
        name: _error(doing, code)
        for name, code in told.items()
        if code != "NoSuchKey" and (name in codes or name not in removed)
    }


def _error(doing: str, code: str) -> AutodjError:
    found = fault_of(ClientError({"Error": {"Code": code}}, "DeleteObjects")) or StoreError
    return found(f"{doing}: {code}.")

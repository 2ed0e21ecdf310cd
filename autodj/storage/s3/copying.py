"""Copies that S3 makes by itself, without the bytes coming here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final

from autodj.errors import (
    Conflict,
    IntegrityFault,
    ObjectArchived,
    ObjectExists,
    ObjectNotFound,
    PreconditionFailed,
)
from autodj.storage.base import ObjectStat
from autodj.storage.metadata import NOTES, encoded
from autodj.storage.s3.archive import refusal, state_of
from autodj.storage.s3.bucket import S3Bucket, stat_of
from autodj.storage.s3.copying_parts import copied_in_parts, described_as
from autodj.storage.s3.faults import required, store_errors
from autodj.storage.s3.listing import refuse_folder
from autodj.storage.s3.marking import done_before, new_mark
from autodj.storage.s3.objects import read_back, verify
from autodj.storage.s3.vouching import with_note

# What one CopyObject may take.
MAX_SINGLE_BYTES: Final = 5 * 1024**3


async def copy_object(
    bucket: S3Bucket, source: str, target: str, *, max_single_bytes: int = MAX_SINGLE_BYTES
) -> ObjectStat:
    """``source`` under a second key; ObjectExists when other bytes are there."""
    found = await bucket.head(source)
    wanted = stat_of(source, found)
    with suppress(ObjectNotFound):
        return await _require_same(bucket, wanted, target)
    how = {"IfNoneMatch": "*"}
    try:
        await _copied(bucket, _from(bucket, source, found), target, found, how, max_single_bytes)
    except (PreconditionFailed, Conflict) as refused:
        # Somebody made it meanwhile, or we did and the answer was lost; else the source changed.
        with suppress(ObjectNotFound):
            return await _require_same(bucket, wanted, target)
        await refuse_folder(bucket, target)
        raise refused from refused.__cause__
    made = stat_of(target, await bucket.head(target))
    if made.size_bytes != wanted.size_bytes or _differ(made.sha256, wanted.sha256):
        raise IntegrityFault(f"The copy {target} is not what {source} is.")
    return made


async def describe_again(
    bucket: S3Bucket,
    key: str,
    metadata: Mapping[str, str],
    *,
    max_single_bytes: int = MAX_SINGLE_BYTES,
) -> ObjectStat:
    """Other metadata for the same bytes: a copy onto itself, and over nothing else."""
    stored = encoded(metadata)
    found = dict(await bucket.head(key))
    notes = {name: value for name, value in found.get("Metadata", {}).items() if name in NOTES}
    mark = new_mark()
    found["Metadata"] = with_note({**stored, **mark}, notes)
    origin = _from(bucket, key, found)
    how = {"IfMatch": found["ETag"]}
    anew = {
        "MetadataDirective": "REPLACE",
        **described_as(found),
    }
    try:
        await _copied(bucket, origin, key, found, how, max_single_bytes, at_once=anew)
    except (PreconditionFailed, ObjectNotFound) as refused:
        return await done_before(bucket, key, mark, refused)
    return stat_of(key, await bucket.head(key))


async def copy_version(
    bucket: S3Bucket,
    key: str,
    version_id: str,
    found: Mapping[str, Any],
    *,
    max_single_bytes: int = MAX_SINGLE_BYTES,
) -> ObjectStat:
    """That version, which the HEAD ``found``, onto its own key."""
    origin = _from(bucket, key, found, version_id)
    mark = new_mark()
    # What goes at once is described by S3 itself, and may be done twice.
    found = {**found, "Metadata": with_note(found.get("Metadata", {}), mark)}
    try:
        await _copied(bucket, origin, key, found, {}, max_single_bytes)
    except PreconditionFailed as refused:
        return await done_before(bucket, key, mark, refused)
    return stat_of(key, await bucket.head(key))


async def _copied(
    bucket: S3Bucket,
    origin: Mapping[str, Any],
    target: str,
    found: Mapping[str, Any],
    how: Mapping[str, Any],
    max_single_bytes: int,
    *,
    at_once: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Copy the ``origin`` that the HEAD ``found``, and no other; ``at_once`` goes with a single
    request, for parts are always described by what was found.
    """
    size_bytes = required(found, "ContentLength", target)
    within_s = bucket.config.timing.body_deadline_s(size_bytes)
    try:
        if size_bytes > max_single_bytes:
            await copied_in_parts(
                bucket, origin, target, found, how, max_part_bytes=max_single_bytes
            )
            return
        async with store_errors(f"CopyObject {target}", within_s):
            await bucket.client.copy_object(
                **bucket.named(target),
                **origin,
                **bucket.protected_as(found),
                ChecksumAlgorithm="SHA256",
                **how,
                **at_once,
            )
    except ObjectArchived as error:
        source = origin["CopySource"]["Key"].removeprefix(bucket.config.key_prefix)
        raise refusal(source, state_of(found)) from error.__cause__


def _from(
    bucket: S3Bucket, source: str, found: Mapping[str, Any], version_id: str | None = None
) -> dict[str, Any]:
    name = {"Bucket": bucket.config.bucket, "Key": bucket.config.object_name(source)}
    return {
        "CopySource": name | ({"VersionId": version_id} if version_id else {}),
        "CopySourceIfMatch": required(found, "ETag", f"HeadObject {source}"),
        **bucket.source_addressing,
    }


async def _require_same(bucket: S3Bucket, source: ObjectStat, target: str) -> ObjectStat:
    """What is there, when it is the same; ObjectNotFound when nothing is. What was sent in other
    parts has another ETag, so where the store knows no hash the bytes have to be looked at.
    """
    there = stat_of(target, await bucket.head(target))
    if there.size_bytes == source.size_bytes:
        same = there.sha256 == source.sha256 if source.sha256 else there.etag == source.etag
        if same:
            return there
        if source.sha256 is None or there.sha256 is None:
            sha256 = source.sha256 or await read_back(bucket, source.key)
            with suppress(IntegrityFault):
                return await verify(bucket, target, sha256=sha256, size_bytes=source.size_bytes)
    raise ObjectExists(f"{target} already holds other bytes.")


def _differ(made: str | None, wanted: str | None) -> bool:
    return made is not None and wanted is not None and made != wanted

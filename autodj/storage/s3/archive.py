"""Objects in archive classes: whether they can be read now, and how to get them back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from autodj.errors import InvalidRequest, ObjectArchived, StoreError
from autodj.storage.powers import ArchiveState, Tier
from autodj.storage.s3.bucket import ARCHIVE_CLASSES, S3Bucket, error_code

MAX_RESTORE_DAYS: Final = 365

_READABLE_UNTIL: Final = re.compile(r'expiry-date="([^"]+)"')
_ON_ITS_WAY: Final = frozenset({"RestoreAlreadyInProgress"})
_NOTHING_TO_DO: Final = frozenset({"InvalidObjectState", "ObjectAlreadyInActiveTierError"})


async def archive_state(bucket: S3Bucket, key: str) -> ArchiveState:
    return state_of(await bucket.head(key))


async def restore(bucket: S3Bucket, key: str, *, days: int, tier: Tier) -> ArchiveState:
    if not 1 <= days <= MAX_RESTORE_DAYS:
        raise InvalidRequest(f"A restored copy is kept for 1 to {MAX_RESTORE_DAYS} days.")
    state = await archive_state(bucket, key)
    if not state.archived or state.restoring:
        return state
    # There is no copy of what comes back to stay, and so no time that it is kept for.
    kept = {} if state.storage_class == "INTELLIGENT_TIERING" else {"Days": days}
    wanted: Any = {**kept, "GlacierJobParameters": {"Tier": tier}}
    try:
        async with bucket.asking(f"RestoreObject {key}"):
            await bucket.client.restore_object(**bucket.named(key), RestoreRequest=wanted)
    except (StoreError, ObjectArchived) as error:
        if error_code(error) not in _ON_ITS_WAY | _NOTHING_TO_DO:
            raise
    return await archive_state(bucket, key)


def state_of(found: Mapping[str, Any]) -> ArchiveState:
    """What a HEAD says: ``x-amz-storage-class`` and ``x-amz-restore``."""
    storage_class = found.get("StorageClass") or "STANDARD"
    restore_header = found.get("Restore") or ""
    until = _readable_until(restore_header)
    asleep = storage_class in ARCHIVE_CLASSES or bool(found.get("ArchiveStatus"))
    return ArchiveState(
        storage_class=storage_class,
        archived=asleep and until is None,
        restoring='ongoing-request="true"' in restore_header,
        readable_until=until,
    )


def _readable_until(restore_header: str) -> datetime | None:
    told = _READABLE_UNTIL.search(restore_header)
    with suppress(ValueError):
        return parsedate_to_datetime(told[1]) if told else None
    return None


def refusal(key: str, state: ArchiveState) -> ObjectArchived:
    """What somebody is told who wants to read it now."""
    now = "is being restored" if state.restoring else "must be restored before it can be read"
    return ObjectArchived(
        f"{key} is in {state.storage_class} and {now}.",
        storage_class=state.storage_class,
        restoring=state.restoring,
    )

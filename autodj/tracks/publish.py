"""A file from local disk to S3, so that every reader always has one good copy: a track's own,
and what of it a rendition does as well.

Each move is one compare-and-set on the row, and every effect may be repeated: a worker that
dies between two of them is followed by another that goes on from the row.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final
from uuid import UUID

import structlog

from autodj.db import Database, FileSource, FileState, Track, moves
from autodj.db import tracks as track_rows
from autodj.db.moves import FileRow
from autodj.errors import NotFound, SourceUnreadable, StoreError
from autodj.storage.base import Storage
from autodj.storage.disk import disk_errors
from autodj.storage.keys import track_key
from autodj.storage.local import LocalStorage
from autodj.tracks.documents import delete_document
from autodj.tracks.policy import Policy
from autodj.tracks.progress import finish, report, watched
from autodj.tracks.rendition_removal import NO_S3, remove_renditions
from autodj.tracks.sharing import Invalidator, remove_public_copy
from autodj.tracks.unwanted import deleted_if_unwanted

log = structlog.get_logger(__name__)

# The shares of a track's job at which its upload begins and ends.
UPLOAD_FROM: Final = 0.8
UPLOAD_TO: Final = 0.98


async def publish_track(
    db: Database, local: LocalStorage, s3: Storage, policy: Policy, track_id: UUID
) -> None:
    """Reserve a fresh key, upload, verify, and only then flip the readers to S3."""
    async with db.read_session() as session:
        track = await track_rows.get(session, track_id)
    if track.file_state is FileState.STABLE and track.file_source is FileSource.LOCAL:
        track = await reserve(db, track)
    if track.file_state is not FileState.COPYING:
        return
    await report(db, track_id, "publish", UPLOAD_FROM)

    async def tell(share: float) -> None:
        await report(db, track_id, "publish", UPLOAD_FROM + share * (UPLOAD_TO - UPLOAD_FROM))

    await watched(lambda hear: upload(local, s3, track, hear), tell)
    assert track.s3_object_key is not None
    async with deleted_if_unwanted(
        db, s3, track.s3_object_key, lambda session: moves.leads_to_target(session, track)
    ):
        await flip(db, track, policy)
    log.info("published", track_id=str(track_id), key=track.s3_object_key)


async def reserve(db: Database, track: Track) -> Track:
    """STABLE to COPYING under the next generation, whose key nobody has used."""
    key = track_key(track.id, track.generation + 1, track.sha256, track.extension)
    now = await db.now()
    async with db.transaction() as session:
        await track_rows.reserve(session, track, s3_object_key=key, now=now)
        return await track_rows.get(session, track.id)


async def upload(
    local: LocalStorage,
    s3: Storage,
    row: FileRow,
    hear: Callable[[float], None] = lambda _share: None,
) -> None:
    """Put the bytes of a row that is COPYING and prove that they arrived; ``hear`` is told the
    share of 0 to 1 that has.
    """
    assert row.file_path is not None
    assert row.s3_object_key is not None
    sha256, size_bytes, content_type = row.sha256, row.size_bytes, row.content_type
    assert sha256 is not None
    assert size_bytes is not None
    assert content_type is not None
    with disk_errors(row.file_path):  # another worker may have cleaned it by now
        await s3.put(
            row.s3_object_key,
            local.path(row.file_path),
            sha256=sha256,
            content_type=content_type,
            progress=lambda arrived_bytes: hear(arrived_bytes / size_bytes),
        )
    await s3.verify(row.s3_object_key, sha256=sha256, size_bytes=size_bytes)


async def flip(db: Database, track: Track, policy: Policy) -> None:
    """COPYING to CLEANING: from this commit on readers are sent to S3."""
    now = await db.now()
    async with db.transaction() as session:
        await track_rows.flip(session, track, clean_after=policy.clean_after(now), now=now)


async def give_up(db: Database, s3: Storage, track_id: UUID, failure: str) -> None:
    """COPYING back to STABLE/LOCAL after too many failures."""
    async with db.read_session() as session:
        track = await track_rows.get(session, track_id)
    await give_up_file(db, s3, track, failure)


async def give_up_file(db: Database, s3: Storage, row: FileRow, failure: str) -> None:
    """COPYING back to STABLE/LOCAL after too many failures; Conflict when the row has moved on.

    The row moves first: a late worker can then no longer flip readers to the object that is
    deleted here. Dying in between leaves an orphan, which the sweep finds; so does a store
    that fails.
    """
    if row.file_state is not FileState.COPYING or row.s3_object_key is None:
        return
    now = await db.now()
    async with db.transaction() as session:
        await moves.abandon(session, row, failure=failure, now=now)
    with suppress(StoreError):
        await s3.delete(row.s3_object_key)


async def clean(db: Database, local: LocalStorage, row: FileRow) -> None:
    """Delete the local copy of a row that asks for it (``steps.move_step``), then forget its
    path. Conflict when another was quicker.
    """
    assert row.file_state is FileState.CLEANING
    assert row.file_path is not None
    await local.delete(row.file_path)
    now = await db.now()
    async with db.transaction() as session:
        await moves.cleaned(session, row, now=now)


async def delete_track(
    db: Database,
    local: LocalStorage,
    s3: Storage | None,
    track_id: UUID,
    caches: Invalidator | None = None,
) -> None:
    """Remove every object of a condemned track, then its row; its job has nothing to watch.

    SourceUnreadable when one is on S3, and no store is: what is here goes, and the row stays.
    """
    now = await db.now()
    async with db.transaction() as session:
        track = await track_rows.get(session, track_id)
        if track.file_state is not FileState.DELETING:
            return
        gone = NotFound("The track was deleted.").problem()
        await finish(session, track, now=now, problem=gone)
    all_gone = await remove_renditions(db, local, s3, track_id)
    await delete_document(local, s3, track)
    for key in (track.file_path, track.cover_key):
        if key is not None:
            await local.delete(key)
    if s3 is not None:
        await _delete_from_s3(s3, caches, track)
    elif not all_gone or _is_on_s3(track):
        raise SourceUnreadable(NO_S3)
    async with db.transaction() as session:
        await track_rows.erase(session, track_id)


async def _delete_from_s3(s3: Storage, caches: Invalidator | None, track: Track) -> None:
    if track.public_object_key is not None:
        await remove_public_copy(s3, caches, track)
    if track.s3_object_key is not None:
        await s3.delete(track.s3_object_key)


def _is_on_s3(track: Track) -> bool:
    """Whether S3 may hold anything of it; a document is there only beside the audio."""
    return (track.s3_object_key or track.public_object_key) is not None

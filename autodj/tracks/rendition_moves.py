"""One rendition from local disk to S3 and away: the moves of a track's own file, on its row."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from autodj.db import Database, FileState, Rendition, moves
from autodj.db import renditions as rendition_rows
from autodj.errors import SourceUnreadable, StoreError
from autodj.storage.base import Storage
from autodj.storage.keys import rendition_key
from autodj.storage.local import LocalStorage
from autodj.tracks.policy import Policy
from autodj.tracks.publish import upload
from autodj.tracks.unwanted import deleted_if_unwanted


async def publish_rendition(
    db: Database, local: LocalStorage, s3: Storage, policy: Policy, rendition_id: UUID
) -> None:
    """Reserve a fresh key, upload, verify, and only then flip the readers to S3."""
    rendition = await _read(db, rendition_id)
    if rendition.file_state is FileState.STABLE:
        rendition = await _reserve(db, rendition)
    if rendition.file_state is not FileState.COPYING:
        return
    await upload(local, s3, rendition)
    now = await db.now()
    assert rendition.s3_object_key is not None
    async with (
        deleted_if_unwanted(
            db,
            s3,
            rendition.s3_object_key,
            lambda session: moves.leads_to_target(session, rendition),
        ),
        db.transaction() as session,
    ):
        await moves.flip(session, rendition, clean_after=policy.clean_after(now), now=now)
        await rendition_rows.touch_track(session, rendition.track_id, now=now)


async def give_up_rendition(db: Database, s3: Storage, rendition_id: UUID, failure: str) -> None:
    """COPYING back to STABLE/LOCAL; the row moves first, as a track's does."""
    rendition = await _read(db, rendition_id)
    if rendition.file_state is not FileState.COPYING or rendition.s3_object_key is None:
        return
    now = await db.now()
    async with db.transaction() as session:
        await moves.abandon(session, rendition, failure=failure, now=now)
    with suppress(StoreError):
        await s3.delete(rendition.s3_object_key)


async def clean_rendition(db: Database, local: LocalStorage, rendition_id: UUID) -> None:
    """Delete the local copy whose grace is over, then forget its path."""
    rendition = await _read(db, rendition_id)
    now = await db.now()
    if rendition.file_state is not FileState.CLEANING or rendition.file_path is None:
        return
    if rendition.clean_after is None or now < rendition.clean_after:
        return
    await local.delete(rendition.file_path)
    async with db.transaction() as session:
        await moves.cleaned(session, rendition, now=now)


async def _read(db: Database, rendition_id: UUID) -> Rendition:
    async with db.transaction() as session:
        return await rendition_rows.get(session, rendition_id)


async def _reserve(db: Database, rendition: Rendition) -> Rendition:
    if rendition.sha256 is None or rendition.extension is None:
        raise SourceUnreadable("The rendition has no bytes")
    key = rendition_key(
        rendition.track_id,
        rendition.name,
        rendition.generation + 1,
        rendition.sha256,
        rendition.extension,
    )
    now = await db.now()
    async with db.transaction() as session:
        await moves.reserve(session, rendition, s3_object_key=key, now=now)
        return await rendition_rows.get(session, rendition.id)

"""One rendition from local disk to S3, as a track's own file goes."""

from __future__ import annotations

from autodj.db import Database, FileState, Rendition, moves
from autodj.db import renditions as rendition_rows
from autodj.storage.base import Storage
from autodj.storage.keys import rendition_key
from autodj.storage.local import LocalStorage
from autodj.tracks.policy import Policy
from autodj.tracks.publish import upload
from autodj.tracks.unwanted import deleted_if_unwanted


async def publish_rendition(
    db: Database, local: LocalStorage, s3: Storage, policy: Policy, rendition: Rendition
) -> None:
    """Reserve a fresh key, upload, verify, and only then flip the readers to S3. Conflict when
    the row has moved on.
    """
    if rendition.file_state is FileState.STABLE:
        rendition = await _reserve(db, rendition)
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


async def _reserve(db: Database, rendition: Rendition) -> Rendition:
    assert rendition.sha256 is not None
    assert rendition.extension is not None
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

"""Renditions going with their track."""

from __future__ import annotations

from uuid import UUID

from autodj.db import Database, Rendition
from autodj.db import renditions as rendition_rows
from autodj.storage.base import Storage
from autodj.storage.local import LocalStorage


async def remove_renditions(
    db: Database, local: LocalStorage, s3: Storage | None, track_id: UUID
) -> None:
    """Condemn every rendition, delete its objects, then its row.

    After the first commit no worker can settle one any more; who was making it deletes what he
    had made.
    """
    now = await db.now()
    async with db.transaction() as session:
        await rendition_rows.condemn_all(session, track_id, now=now)
        condemned = await rendition_rows.of_track(session, track_id)
    for rendition in condemned:
        await remove_rendition(db, local, s3, rendition)


async def remove_rendition(
    db: Database, local: LocalStorage, s3: Storage | None, rendition: Rendition
) -> None:
    """Delete the objects of a condemned rendition, then its row."""
    if rendition.file_path is not None:
        await local.delete(rendition.file_path)
    if rendition.s3_object_key is not None and s3 is not None:
        await s3.delete(rendition.s3_object_key)
    async with db.transaction() as session:
        await rendition_rows.erase(session, rendition)

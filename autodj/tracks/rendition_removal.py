"""Renditions going with their track."""

from __future__ import annotations

from uuid import UUID

from autodj.db import Database, Rendition
from autodj.db import renditions as rendition_rows
from autodj.errors import SourceUnreadable
from autodj.storage.base import Storage
from autodj.storage.local import LocalStorage

NO_S3 = "What is to be deleted is on S3, and no S3 store is configured"


async def remove_renditions(
    db: Database, local: LocalStorage, s3: Storage | None, track_id: UUID
) -> bool:
    """Condemn every rendition, delete its objects, then its row; whether all are gone.

    After the first commit no worker can settle one any more; who was making it deletes what he
    had made.
    """
    now = await db.now()
    async with db.transaction() as session:
        await rendition_rows.condemn_all(session, track_id, now=now)
        condemned = await rendition_rows.of_track(session, track_id)
    gone = True
    for rendition in condemned:
        try:
            await remove_rendition(db, local, s3, rendition)
        except SourceUnreadable:
            if s3 is not None:
                raise
            gone = False
    return gone


async def remove_rendition(
    db: Database, local: LocalStorage, s3: Storage | None, rendition: Rendition
) -> None:
    """Delete the objects of a condemned rendition, then its row. SourceUnreadable when one is on
    S3, and no store is: the row stays, for nothing else knows of the object.
    """
    if rendition.file_path is not None:
        await local.delete(rendition.file_path)
    if rendition.s3_object_key is not None:
        if s3 is None:
            raise SourceUnreadable(NO_S3)
        await s3.delete(rendition.s3_object_key)
    async with db.transaction() as session:
        await rendition_rows.erase(session, rendition)

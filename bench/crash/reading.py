"""One listener: find the track's source, open it, and hash what comes, by the API's own rule."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final
from uuid import UUID

from autodj.db import Database, FileSource, PublicState, Visibility
from autodj.db.playables import Playable, playable
from autodj.errors import AutodjError, NotFound, ObjectNotFound
from autodj.storage.base import Storage

MAX_MOVES: Final = 2


class Heard(StrEnum):
    """What came of it. GONE: there is no such track, or it is not, or no longer, to be read."""

    WHOLE = "whole"
    GONE = "gone"
    WRONG = "wrong bytes"
    UNREADABLE = "unreadable"


async def listen(db: Database, local: Storage, s3: Storage, track_id: UUID) -> Heard:
    """Read the track to its end.

    Bytes that are not there are looked for again when the row has moved; when it still names
    them, the promise is broken.
    """
    try:
        track = await _row(db, track_id)
        for _ in range(MAX_MOVES + 1):
            try:
                digest = await _digest(track, local, s3)
            except ObjectNotFound:
                before, track = track, await _row(db, track_id)
                if _place(before) == _place(track):
                    return Heard.UNREADABLE
                continue
            return Heard.WHOLE if digest == track.sha256 else Heard.WRONG
    except NotFound:
        return Heard.GONE
    except AutodjError:
        return Heard.UNREADABLE
    return Heard.UNREADABLE


async def _row(db: Database, track_id: UUID) -> Playable:
    async with db.reading() as connection:
        return await playable(connection, track_id)


def _place(track: Playable) -> tuple[str, FileSource | None, int]:
    return _key(track), track.file_source, track.generation


def _key(track: Playable) -> str:
    """Where the link of this moment leads."""
    public = track.visibility is Visibility.PUBLIC and track.public_state is PublicState.OPEN
    s3_key = track.public_object_key if public else track.s3_object_key
    key = track.file_path if track.file_source is FileSource.LOCAL else s3_key
    assert key is not None
    return key


async def _digest(track: Playable, local: Storage, s3: Storage) -> str:
    here = track.file_source is FileSource.LOCAL
    digest = hashlib.sha256()
    async with (local if here else s3).read(_key(track)) as blocks:
        async for block in blocks:
            digest.update(block)
    return digest.hexdigest()

"""A public track's second object, where the CDN asks for no signature.

The first object stays where it is, under a path that only signed links open. So a change of
visibility moves nothing that a listener holds a link to: it shows or hides a copy.
"""

from __future__ import annotations

import secrets
from typing import Protocol
from uuid import UUID

import structlog

from autodj.db import Database, PublicState, Track
from autodj.db import public as public_rows
from autodj.db import tracks as track_rows
from autodj.errors import ObjectExists
from autodj.storage.base import Storage
from autodj.storage.keys import public_key
from autodj.tracks.policy import Policy
from autodj.tracks.steps import is_to_be_public
from autodj.tracks.unwanted import deleted_if_unwanted

log = structlog.get_logger(__name__)


class Invalidator(Protocol):
    """Whoever can make the CDN's caches forget objects."""

    async def invalidate(self, key: str) -> None:
        """Ask for it; asking twice is asking once. StoreError when it was refused."""
        ...


async def share_track(
    db: Database,
    s3: Storage,
    caches: Invalidator | None,
    policy: Policy,
    track_id: UUID,
) -> None:
    """Make the public copy that the track should have, or take back the one it should not."""
    async with db.read_session() as session:
        track = await track_rows.get(session, track_id)
    wanted = is_to_be_public(track, policy)
    if not wanted and track.public_state in {PublicState.MAKING, PublicState.OPEN}:
        track = await _close(db, track)
    if track.public_state is PublicState.CLOSING:
        await _take_back(db, s3, caches, track)
    elif wanted and track.public_state is not PublicState.OPEN:
        await _make(db, s3, track)


async def _make(db: Database, s3: Storage, track: Track) -> None:
    now = await db.now()
    if track.public_state is None:
        # Not to be guessed: a copy that nobody was sent to is as good as none.
        key = public_key(track.id, secrets.token_hex(16), track.sha256, track.extension)
        async with db.transaction() as session:
            await public_rows.begin(session, track, key=key, now=now)
            track = await track_rows.get(session, track.id)
    assert track.s3_object_key is not None
    assert track.public_object_key is not None
    try:
        await s3.copy(track.s3_object_key, track.public_object_key)
    except ObjectExists:
        await _close(db, track)
        raise
    await s3.verify(track.public_object_key, sha256=track.sha256, size_bytes=track.size_bytes)
    now = await db.now()
    async with (
        deleted_if_unwanted(
            db, s3, track.public_object_key, lambda session: public_rows.is_kept(session, track)
        ),
        db.transaction() as session,
    ):
        await public_rows.open_to_all(session, track, now=now)
    log.info("public_copy_opened", track_id=str(track.id), key=track.public_object_key)


async def _close(db: Database, track: Track) -> Track:
    now = await db.now()
    async with db.transaction() as session:
        await public_rows.close(session, track, now=now)
        return await track_rows.get(session, track.id)


async def _take_back(db: Database, s3: Storage, caches: Invalidator | None, track: Track) -> None:
    await remove_public_copy(s3, caches, track)
    now = await db.now()
    async with db.transaction() as session:
        await public_rows.forget(session, track, now=now)
    log.info("public_copy_removed", track_id=str(track.id), key=track.public_object_key)


async def remove_public_copy(s3: Storage, caches: Invalidator | None, track: Track) -> None:
    """Delete the copy, then have the CDN forget it: the other way round it could be fetched
    once more in between.
    """
    assert track.public_object_key is not None
    await s3.delete(track.public_object_key)
    if caches is not None:
        await caches.invalidate(track.public_object_key)

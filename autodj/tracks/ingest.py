"""Bytes to a playable track: acknowledged only when they are safe on disk."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import structlog

from autodj.audio.facts import DecodeLimits, Probe
from autodj.audio.identify import Container, identify
from autodj.audio.sandbox import Sandbox
from autodj.db import (
    AnalysisState,
    Database,
    FileState,
    Job,
    JobKind,
    Origin,
    Session,
    Track,
    Visibility,
)
from autodj.db import jobs as job_rows
from autodj.db import tracks as track_rows
from autodj.errors import AutodjError, Conflict, NotFound
from autodj.jobs import Jobs
from autodj.storage.keys import cover_key, track_key
from autodj.storage.local import LocalStorage

log = structlog.get_logger(__name__)

MAX_TEXT = 512

Along = Callable[[Session, Track], Awaitable[None]]
"""What is committed together with a new track, or what it raises leaves none."""


async def nothing_along(_session: Session, _track: Track) -> None:
    """The track comes alone."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A received file under the local store's incoming folder, and what its sender said.

    ``title``, ``artist`` and ``album`` win over the file's own tags.
    """

    path: Path
    sha256: str
    size_bytes: int
    name: str | None = None
    origin: Origin = Origin.UPLOAD
    origin_url: str | None = None
    visibility: Visibility = Visibility.PRIVATE
    title: str | None = None
    artist: str | None = None
    album: str | None = None


@dataclass(frozen=True, slots=True)
class Ingested:
    """The track these bytes are; ``job`` follows its processing when they were new."""

    track: Track
    job: Job | None

    @property
    def created(self) -> bool:
        return self.job is not None


async def ingest(
    db: Database,
    local: LocalStorage,
    sandbox: Sandbox,
    jobs: Jobs,
    limits: DecodeLimits,
    *,
    owner_id: UUID,
    incoming: Incoming,
    along: Along = nothing_along,
) -> Ingested:
    """Take the file in, or find that the owner has it already.

    It is identified and decoded to its end first, so bad audio raises AudioRejected or
    UnsupportedMedia and leaves nothing. The temporary file is gone afterwards either way.
    """
    try:
        known = await _known(db, owner_id, incoming.sha256)
        if known is not None:
            return Ingested(known, job=None)
        container = await asyncio.to_thread(identify, incoming.path)
        probe = await sandbox.probe(incoming.path, container, limits)
        picture = await _cover(sandbox, incoming.path, container, probe)
        track = _new_track(owner_id, incoming, container, probe, now=await db.now())
        return await _keep(db, local, jobs, track, incoming, picture, along)
    finally:
        await asyncio.to_thread(incoming.path.unlink, missing_ok=True)


async def _known(db: Database, owner_id: UUID, sha256: str) -> Track | None:
    async with db.transaction() as session:
        return await track_rows.find_by_bytes(session, owner_id, sha256)


async def _keep(
    db: Database,
    local: LocalStorage,
    jobs: Jobs,
    track: Track,
    incoming: Incoming,
    picture: bytes | None,
    along: Along,
) -> Ingested:
    assert track.file_path is not None
    if picture is not None:
        track.cover_key = cover_key(track.id, hashlib.sha256(picture).hexdigest())
    async with db.transaction() as session:
        session.add(track)
    try:
        await local.adopt(
            track.file_path,
            incoming.path,
            sha256=incoming.sha256,
            size_bytes=incoming.size_bytes,
        )
        if picture is not None and track.cover_key is not None:
            await _put_cover(local, track.cover_key, picture)
        ingested = await _settle(db, track, along)
    except (AutodjError, OSError) as error:
        await discard(db, local, track)
        if isinstance(error, Conflict):
            known = await _known(db, track.owner_id, incoming.sha256)
            if known is not None:
                return Ingested(known, job=None)
        raise
    await jobs.analyze(track.id, track.generation)
    log.info("ingested", track_id=str(track.id), size_bytes=track.size_bytes)
    return ingested


async def _settle(db: Database, track: Track, along: Along) -> Ingested:
    now = await db.now()
    async with db.transaction() as session:
        await track_rows.settle(session, track.id, now=now)
        job = job_rows.add(
            session,
            owner_id=track.owner_id,
            kind=JobKind.PROCESS,
            step="analyze",
            track_id=track.id,
            now=now,
        )
        settled = await track_rows.get(session, track.id)
        await along(session, settled)
        return Ingested(settled, job)


async def discard(db: Database, local: LocalStorage, track: Track) -> None:
    """Undo an ingest that is not settled; one that is, whoever it was told, stays.

    The row moves first, so that nobody settles it while its bytes go, and goes last, so that it
    always leads to what is left.
    """
    if await _is_settled(db, track):
        return
    for key in (track.file_path, track.cover_key):
        if key is not None:
            await local.delete(key)
    async with db.transaction() as session:
        await track_rows.erase(session, track.id)


async def _is_settled(db: Database, track: Track) -> bool:
    """Whether somebody may read the row; if not, it cannot be settled from here on."""
    now = await db.now()
    async with db.transaction() as session:
        with suppress(Conflict):
            await track_rows.give_up_pending(session, track.id, now=now)
            return False
        with suppress(NotFound):
            return (await track_rows.get(session, track.id)).file_source is not None
    return False


async def _cover(sandbox: Sandbox, path: Path, container: Container, probe: Probe) -> bytes | None:
    return await sandbox.cover(path, container) if probe.has_cover else None


async def _put_cover(local: LocalStorage, key: str, picture: bytes) -> None:
    digest = hashlib.sha256(picture).hexdigest()
    await local.put(key, picture, sha256=digest, content_type="image/jpeg")


def _new_track(
    owner_id: UUID, incoming: Incoming, container: Container, probe: Probe, *, now: datetime
) -> Track:
    track_id, tags = uuid4(), probe.tags
    title = incoming.title or tags.title or (Path(incoming.name).stem if incoming.name else "")
    return Track(
        id=track_id,
        owner_id=owner_id,
        created_at=now,
        updated_at=now,
        title=(title or "Untitled")[:MAX_TEXT],
        artist=incoming.artist or tags.artist,
        album=incoming.album or tags.album,
        original_name=incoming.name,
        origin=incoming.origin,
        origin_url=incoming.origin_url,
        visibility=incoming.visibility,
        content_type=container.content_type,
        extension=container.extension,
        codec=probe.codec,
        sample_rate_hz=probe.sample_rate_hz,
        channels=probe.channels,
        bit_rate_bps=probe.bit_rate_bps,
        duration_s=probe.duration_s,
        sha256=incoming.sha256,
        size_bytes=incoming.size_bytes,
        file_state=FileState.PENDING,
        file_path=track_key(track_id, 0, incoming.sha256, container.extension),
        analysis_state=AnalysisState.PENDING,
    )

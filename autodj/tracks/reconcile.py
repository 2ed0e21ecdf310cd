"""Healing what crashes left: due rows are sent again, leftovers of dead ingests removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from autodj.db import Database, Job, JobKind, Rendition, Track, moves
from autodj.db import documents as document_rows
from autodj.db import public as public_rows
from autodj.db import tracks as track_rows
from autodj.db.due import claim_due
from autodj.errors import AutodjError
from autodj.jobs import Jobs
from autodj.storage.local import LocalStorage
from autodj.tracks.ingest import discard
from autodj.tracks.policy import Policy
from autodj.tracks.steps import next_rendition_step, next_step, rendition_wakes_at
from autodj.tracks.work import enqueue, rest

log = structlog.get_logger(__name__)

BATCH = 100
PENDING_LIFE_S = 3600


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one pass did: rows sent to the workers again, and dead ingests dropped.

    ``more``: of one kind as many were due as it takes, so there may be others.
    """

    tracks_sent: int
    fetches_sent: int
    ingests_dropped: int
    renditions_sent: int = 0
    more: bool = False


async def reconcile(
    db: Database, local: LocalStorage, jobs: Jobs, policy: Policy, *, limit: int = BATCH
) -> Reconciled:
    """Claim what is due, up to ``limit`` of each kind, and enqueue it. Safe to run at any time,
    on any number of machines.
    """
    now = await db.now()
    jobs = jobs.reclaiming()
    until = now + timedelta(seconds=policy.lease_s)
    async with db.transaction() as session:
        tracks = await claim_due(session, Track, now=now, lease_until=until, limit=limit)
        watched = await claim_due(session, Job, now=now, lease_until=until, limit=limit)
        renditions = await claim_due(session, Rendition, now=now, lease_until=until, limit=limit)
    tracks_sent = await _send_tracks(db, jobs, policy, tracks, now)
    for job in watched:
        if job.kind is JobKind.REANALYSIS:
            await jobs.reanalyze(job.id, job.version)
        else:
            await jobs.fetch(job.id)
    renditions_sent = await _send_renditions(db, jobs, policy, renditions, now)
    dropped = await drop_dead_ingests(db, local, before=now - timedelta(seconds=PENDING_LIFE_S))
    more = limit > 0 and limit in map(len, (tracks, watched, renditions))
    return Reconciled(tracks_sent, len(watched), dropped, renditions_sent, more)


async def _send_tracks(
    db: Database, jobs: Jobs, policy: Policy, due: Sequence[Track], now: datetime
) -> int:
    """Enqueue those that want a step, let the others rest; how many were sent."""
    sent = 0
    for track in due:
        step = next_step(track, policy, now)
        if step is None:
            async with db.transaction() as session:
                await rest(session, track, policy, now=now)
        else:
            await enqueue(jobs, step, track)
            sent += 1
    return sent


async def _send_renditions(
    db: Database, jobs: Jobs, policy: Policy, due: Sequence[Rendition], now: datetime
) -> int:
    """As ``_send_tracks``."""
    sent = 0
    for rendition in due:
        if next_rendition_step(rendition, policy, now) is None:
            wakes_at = rendition_wakes_at(rendition, policy, now)
            async with db.transaction() as session:
                await moves.postpone(
                    session, rendition, until=wakes_at, attempts=0, failure=rendition.failure
                )
        else:
            await jobs.render(rendition.id, rendition.generation)
            sent += 1
    return sent


async def wake_misplaced(db: Database, policy: Policy) -> int:
    """Make tracks due whose public copy is not as the settings want it by now, or whose
    document is not where they are; how many.

    For the start of a worker: whatever else changes a copy makes its row due by itself.
    """
    now = await db.now()
    async with db.transaction() as session:
        woken = await public_rows.wake_misplaced(session, wanted=policy.public_links, now=now)
        return woken + await document_rows.wake(session, now=now)


async def drop_dead_ingests(db: Database, local: LocalStorage, *, before: datetime) -> int:
    """Remove rows and bytes of ingests that died before they were acknowledged; how many.

    One whose bytes stay is told of, and its row leads to them.
    """
    async with db.read_session() as session:
        stale = await track_rows.stale_pending(session, before=before)
    dropped = 0
    for track in stale:
        try:
            await discard(db, local, track)
        except AutodjError as error:
            log.warning("ingest_not_dropped", track_id=str(track.id), code=error.code)
        else:
            dropped += 1
    return dropped

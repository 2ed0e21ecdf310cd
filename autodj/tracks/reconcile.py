"""Healing what crashes left: due rows are sent again, leftovers of dead ingests removed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from autodj.db import Database, Job, Track
from autodj.db import tracks as track_rows
from autodj.db.due import claim_due
from autodj.jobs import Jobs
from autodj.storage.base import ObjectStat, Storage
from autodj.storage.local import LocalStorage
from autodj.tracks.ingest import discard
from autodj.tracks.steps import Policy, next_step
from autodj.tracks.work import enqueue, rest

log = structlog.get_logger(__name__)

BATCH = 100
PENDING_LIFE_S = 3600
ORPHAN_AGE_S = 86400
KEYS_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one pass did: rows sent to the workers again, and dead ingests dropped."""

    tracks_sent: int
    fetches_sent: int
    ingests_dropped: int


async def reconcile(db: Database, local: LocalStorage, jobs: Jobs, policy: Policy) -> Reconciled:
    """Claim what is due and enqueue it. Safe to run at any time, on any number of machines."""
    now = await db.now()
    lease_until = now + timedelta(seconds=policy.lease_s)
    async with db.transaction() as session:
        due = await claim_due(session, Track, now=now, lease_until=lease_until, limit=BATCH)
        fetches = await claim_due(session, Job, now=now, lease_until=lease_until, limit=BATCH)
    sent = 0
    for track in due:
        step = next_step(track, policy, now)
        if step is None:
            async with db.transaction() as session:
                await rest(session, track, policy, now=now)
        else:
            await enqueue(jobs, step, track)
            sent += 1
    for job in fetches:
        await jobs.fetch(job.id)
    dropped = await drop_dead_ingests(db, local, before=now - timedelta(seconds=PENDING_LIFE_S))
    return Reconciled(sent, len(fetches), dropped)


async def drop_dead_ingests(db: Database, local: LocalStorage, *, before: datetime) -> int:
    """Remove rows and bytes of ingests that died before they were acknowledged."""
    async with db.transaction() as session:
        stale = await track_rows.stale_pending(session, before=before)
    for track in stale:
        await discard(db, local, track)
    return len(stale)


async def sweep_orphans(db: Database, store: Storage, *, before: datetime) -> int:
    """Delete objects older than ``before`` that no row names; how many there were.

    The age is by the store's own clock, so an object whose row is about to be committed is
    never taken for an orphan.
    """
    removed = 0
    async for batch in _batches(store):
        old = [found.key for found in batch if found.modified_at < before]
        async with db.transaction() as session:
            known = await track_rows.known_keys(session, old)
        for key in old:
            if key not in known:
                await store.delete(key)
                removed += 1
    if removed:
        log.info("orphans_removed", count=removed)
    return removed


async def _batches(store: Storage) -> AsyncIterator[list[ObjectStat]]:
    batch: list[ObjectStat] = []
    async for found in store.list():
        batch.append(found)
        if len(batch) == KEYS_PER_QUERY:
            yield batch
            batch = []
    if batch:
        yield batch

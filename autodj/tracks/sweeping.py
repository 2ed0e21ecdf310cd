"""The nightly sweep: what crashes left in the stores, and what has been kept long enough."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog

from autodj.db import Database, FileSource
from autodj.db import tracks as track_rows
from autodj.errors import AutodjError
from autodj.storage.base import ObjectStat, Storage
from autodj.storage.baskets import Stores
from autodj.storage.keys import parse_key
from autodj.storage.local import LocalStorage
from autodj.storage.s3.store import S3Storage
from autodj.tracks.belonging import claim, installation_of
from autodj.tracks.retention import sweep_all

log = structlog.get_logger(__name__)

ORPHAN_AGE_S = 86400
KEYS_PER_QUERY = 500


async def sweep(
    db: Database,
    local: LocalStorage,
    s3: S3Storage | None,
    stores: Stores,
    *,
    document_prefix: str,
) -> None:
    """Delete files, objects and unfinished uploads that no row names, once they are a day old,
    and what baskets have kept long enough: in the stores that are ours. A store that fails, or
    is another installation's, is told of, and the others are swept.
    """
    before = await db.now() - timedelta(seconds=ORPHAN_AGE_S)
    sources: dict[LocalStorage | S3Storage, FileSource] = {local: FileSource.LOCAL}
    if s3 is not None:
        sources[s3] = FileSource.S3
    names = {store: name for name, store in stores.by_name.items()} | sources
    with _one_of_many("place", "every"):
        mine = await installation_of(db)
        for store, name in names.items():
            with _one_of_many("place", name):
                await claim(store, mine)
                await _sweep_store(db, store, name, sources.get(store), before)
        await sweep_all(db, stores, mine, document_prefix=document_prefix)


async def _sweep_store(
    db: Database,
    store: LocalStorage | S3Storage,
    name: str,
    source: FileSource | None,
    before: datetime,
) -> None:
    if source is not None:
        with _one_of_many("orphans", name):
            await sweep_orphans(db, store, before=before, source=source)
    with _one_of_many("uploads", name):
        if isinstance(store, LocalStorage):
            await store.sweep_incoming(ORPHAN_AGE_S)
        else:
            await store.sweep_uploads(before=before)


async def sweep_orphans(
    db: Database, store: Storage, *, before: datetime, source: FileSource | None = None
) -> int:
    """Delete objects of tracks older than ``before`` that no row names; how many there were.

    With ``source``, which store it is, also documents that rows name in another one. Pictures
    of events and whatever else shares the store are not ours to judge.

    The age is by the store's own clock, so an object whose row is about to be committed is
    never taken for an orphan.
    """
    removed = 0
    async for batch in _batches(store):
        old = [found.key for found in batch if found.modified_at < before and parse_key(found.key)]
        async with db.read_session() as session:
            known = await track_rows.known_keys(session, old, source=source)
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


@contextmanager
def _one_of_many(what: str, store: str) -> Iterator[None]:
    try:
        yield
    except AutodjError as error:
        log.warning("sweep_failed", what=what, store=store, code=error.code, detail=error.detail)

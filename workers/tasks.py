"""One short function for each job. They carry ids, may run twice, and raise nothing to retry:
what failed is on the row, with the time of the next try.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from autodj.db import FileSource
from autodj.errors import AutodjError
from autodj.runtime import Runtime
from autodj.storage.local import LocalStorage
from autodj.storage.s3.store import S3Storage
from autodj.tracks.fetching import run_fetch
from autodj.tracks.finished_jobs import forget_finished
from autodj.tracks.reanalysis import tend_reanalysis
from autodj.tracks.reconcile import BATCH, ORPHAN_AGE_S, reconcile, sweep_orphans
from autodj.tracks.rendition_work import tend
from autodj.tracks.retention import sweep_all
from autodj.tracks.steps import Step
from autodj.tracks.work import work

log = structlog.get_logger(__name__)

Context = dict[str, Any]


async def analyze_track(ctx: Context, track_id: str) -> None:
    await work(_runtime(ctx).workbench(), UUID(track_id), Step.ANALYZE)


async def publish_track(ctx: Context, track_id: str) -> None:
    await work(_runtime(ctx).workbench(), UUID(track_id), Step.PUBLISH)


async def clean_track(ctx: Context, track_id: str) -> None:
    await work(_runtime(ctx).workbench(), UUID(track_id), Step.CLEAN)


async def share_track(ctx: Context, track_id: str) -> None:
    await work(_runtime(ctx).workbench(), UUID(track_id), Step.SHARE)


async def delete_track(ctx: Context, track_id: str) -> None:
    await work(_runtime(ctx).workbench(), UUID(track_id), Step.DELETE)


async def render(ctx: Context, rendition_id: str) -> None:
    """Make a rendition, and move it on."""
    await tend(_runtime(ctx).workbench(), UUID(rendition_id))


async def fetch_url(ctx: Context, job_id: str) -> None:
    runtime = _runtime(ctx)
    await run_fetch(
        runtime.db,
        runtime.local,
        runtime.sandbox,
        runtime.jobs,
        runtime.decode_limits,
        runtime.fetch_limits,
        UUID(job_id),
        within_s=runtime.policy.step_timeout_s,
    )


async def reanalyze(ctx: Context, job_id: str) -> None:
    """Begin the next tracks of a library that is measured anew."""
    runtime = _runtime(ctx)
    await tend_reanalysis(runtime.db, runtime.jobs, runtime.policy, UUID(job_id))


async def reconcile_rows(ctx: Context, turn: str = "0") -> None:
    """Cron: what is due and was not sent, or whose worker died. Where more is due than one pass
    takes, another follows behind what this one has sent.
    """
    runtime = _runtime(ctx)
    limit = min(BATCH, await runtime.jobs.room())
    done = await reconcile(runtime.db, runtime.local, runtime.jobs, runtime.policy, limit=limit)
    if done.more:
        await runtime.jobs.reconcile(1 - int(turn))


async def forget_finished_jobs(ctx: Context) -> None:
    """Cron: jobs that nobody looks at any more."""
    await forget_finished(_runtime(ctx).db)


async def sweep_stores(ctx: Context) -> None:
    """Cron: files, objects and unfinished uploads that no row names, once they are a day old,
    and what baskets have kept long enough.
    """
    runtime = _runtime(ctx)
    before = await runtime.db.now() - timedelta(seconds=ORPHAN_AGE_S)
    for source, store in ((FileSource.LOCAL, runtime.local), (FileSource.S3, runtime.s3)):
        if store is not None:
            with _one_of_many("orphans", source):
                await sweep_orphans(runtime.db, store, before=before, source=source)
    names: dict[LocalStorage | S3Storage | None, str] = {
        runtime.local: FileSource.LOCAL,
        runtime.s3: FileSource.S3,
    }
    names |= {store: name for name, store in runtime.stores.by_name.items()}
    for store, name in names.items():
        with _one_of_many("uploads", name):
            if isinstance(store, LocalStorage):
                await store.sweep_incoming(ORPHAN_AGE_S)
            elif store is not None:
                await store.sweep_uploads(before=before)
    await sweep_all(
        runtime.db, runtime.stores, document_prefix=runtime.settings.limits.document_prefix
    )


@contextmanager
def _one_of_many(what: str, store: str) -> Iterator[None]:
    """A store that fails is told of, and the others are swept."""
    try:
        yield
    except AutodjError as error:
        log.warning("sweep_failed", what=what, store=store, code=error.code, detail=error.detail)


def _runtime(ctx: Context) -> Runtime:
    runtime: Runtime = ctx["runtime"]
    return runtime

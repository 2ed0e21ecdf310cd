"""One short function for each job. They carry ids, may run twice, and raise nothing to retry:
what failed is on the row, with the time of the next try.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from autodj.runtime import Runtime
from autodj.tracks.fetching import run_fetch
from autodj.tracks.finished_jobs import forget_finished
from autodj.tracks.reanalysis import tend_reanalysis
from autodj.tracks.reconcile import BATCH, reconcile
from autodj.tracks.rendition_work import tend
from autodj.tracks.steps import Step
from autodj.tracks.sweeping import sweep
from autodj.tracks.work import work

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
    """Cron: what nobody names any more, in the stores that are ours."""
    runtime = _runtime(ctx)
    await sweep(
        runtime.db,
        runtime.local,
        runtime.s3,
        runtime.stores,
        document_prefix=runtime.settings.limits.document_prefix,
    )


def _runtime(ctx: Context) -> Runtime:
    runtime: Runtime = ctx["runtime"]
    return runtime

"""What arq reads: ``arq workers.settings.WorkerSettings``."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, ClassVar

from arq import cron
from arq.worker import func

from autodj.jobs import decode, encode, redis_settings
from autodj.logs import set_up
from autodj.runtime import open_runtime
from autodj.settings import from_environment
from autodj.tracks.reconcile import wake_misplaced
from workers import tasks

SETTINGS = from_environment()
EVERY_MINUTE_AT_S = 5
SWEEP_TIMEOUT_S = 6 * 3600
# Work that is late ends by itself, and this is the time to write that down: what arq cuts off
# counts as no try.
WRAP_UP_S = 60
JOB_TIMEOUT_S = SETTINGS.worker.job_timeout_s + WRAP_UP_S
# A rendition is made, published and cleaned up in one job.
RENDER_JOB_TIMEOUT_S = SETTINGS.renditions.timeout_s + 3 * JOB_TIMEOUT_S


async def startup(ctx: tasks.Context) -> None:
    """Open the runtime, and look for what the last worker left behind."""
    set_up(level=SETTINGS.log_level, fmt=SETTINGS.log_format)
    stack = ctx["stack"] = AsyncExitStack()
    ctx["runtime"] = await stack.enter_async_context(open_runtime(SETTINGS))
    await wake_misplaced(ctx["runtime"].db, ctx["runtime"].policy)
    await tasks.reconcile_rows(ctx)


async def shutdown(ctx: tasks.Context) -> None:
    await ctx["stack"].aclose()


class WorkerSettings:
    """arq wants a class. Results are not kept: a kept one blocks the same job id."""

    functions: ClassVar[list[Any]] = [
        tasks.analyze_track,
        tasks.publish_track,
        tasks.clean_track,
        tasks.share_track,
        tasks.delete_track,
        tasks.fetch_url,
        tasks.reanalyze,
        tasks.reconcile_rows,
        # Coding a long mix takes its time; no other work on a track may.
        func(tasks.render, timeout=RENDER_JOB_TIMEOUT_S),
    ]
    cron_jobs: ClassVar[list[Any]] = [
        cron(tasks.reconcile_rows, second=EVERY_MINUTE_AT_S),
        cron(tasks.forget_finished_jobs, hour=4, minute=7),
        # To list millions of objects takes hours, and what is left would be left every night.
        cron(tasks.sweep_stores, hour=4, minute=17, timeout=SWEEP_TIMEOUT_S),
    ]
    on_startup = startup
    on_shutdown = shutdown
    redis_settings = redis_settings(SETTINGS.redis_url)
    queue_name = SETTINGS.queue_name
    job_serializer = encode
    job_deserializer = decode
    keep_result = 0
    max_jobs = SETTINGS.worker.jobs
    job_timeout = JOB_TIMEOUT_S
    # The row counts the attempts; arq's own count must never end a job.
    max_tries = 1000
    job_completion_wait = 30
    health_check_interval = 15
    poll_delay = 0.1

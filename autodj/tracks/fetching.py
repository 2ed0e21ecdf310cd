"""A URL to a track, as a job that its owner can watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from autodj.audio.facts import DecodeLimits
from autodj.audio.sandbox import Sandbox
from autodj.db import Database, Job, JobKind, JobState, Origin, Session, Track, Visibility
from autodj.db import jobs as job_rows
from autodj.errors import AutodjError, Cancelled, NotFound
from autodj.jobs import Jobs
from autodj.storage.local import LocalStorage
from autodj.tracks.addresses import check_addresses, check_url, is_literal
from autodj.tracks.deadline import in_time
from autodj.tracks.fetch_limits import Fetched, FetchLimits
from autodj.tracks.holding import beating, held
from autodj.tracks.ingest import Incoming, ingest
from autodj.tracks.policy import STEP_TIMEOUT_S
from autodj.tracks.progress import watched
from autodj.tracks.steps import backoff_s

log = structlog.get_logger(__name__)

MAX_FETCHES = 3
# So many workers may end in the middle of a fetch, be it by its doing or not.
MAX_BEGUN = 10
# How soon a worker hears that nobody wants the file any more.
LOOK_S = 1.0


async def request_fetch(
    db: Database,
    jobs: Jobs,
    limits: FetchLimits,
    *,
    job_id: UUID,
    owner_id: UUID,
    url: str,
    visibility: Visibility,
) -> Job:
    """Write the job down and tell the workers; UrlNotAllowed at once for what is never fetched.
    The job of that id if it was written down before.
    """
    host = check_url(url, allowed_ports=limits.allowed_ports).raw_host or ""
    if is_literal(host):
        check_addresses([host], allow_private=limits.allow_private)
    now = await db.now()
    async with db.transaction() as session:
        with suppress(NotFound):
            return await job_rows.get_owned(session, job_id, owner_id)
        job = job_rows.add(
            session,
            job_id=job_id,
            owner_id=owner_id,
            kind=JobKind.FETCH,
            step="fetch",
            payload={"url": url, "visibility": visibility.value},
            due_at=now,
            now=now,
        )
    await jobs.fetch(job.id)
    return job


async def run_fetch(
    db: Database,
    local: LocalStorage,
    sandbox: Sandbox,
    jobs: Jobs,
    limits: DecodeLimits,
    fetch_limits: FetchLimits,
    job_id: UUID,
    *,
    within_s: float = STEP_TIMEOUT_S,
) -> None:
    """Fetch and ingest. The problem becomes the job's result; only ours are tried again."""
    now = await db.now()
    async with db.transaction() as session:
        job = await job_rows.begin(session, job_id, now=now, step="fetch")
    if job is None:
        return
    if job.attempts > MAX_BEGUN:
        await _failed(db, job, AutodjError("No worker came to the end of the fetch."))
        return
    try:
        async with held(db, Job, job_id), _while_wanted(db, job_id), in_time(within_s):
            fetched = await _fetch(db, local, fetch_limits, job)
            await _change(db, job, step="ingest", progress=0.9)
            incoming = _incoming(fetched, job)
            ingested = await ingest(
                db,
                local,
                sandbox,
                jobs,
                limits,
                owner_id=job.owner_id,
                incoming=incoming,
                along=partial(_end_with, job_id),
            )
    except AutodjError as error:
        await _failed(db, job, error)
        return
    except Exception:
        # Whatever went wrong, the job must end, or it would come back for ever.
        log.exception("fetch_broke", job_id=str(job_id))
        await _failed(db, job, AutodjError())
        return
    if not ingested.created:
        await _found(db, job_id, ingested.track)


@asynccontextmanager
async def _while_wanted(db: Database, job_id: UUID) -> AsyncGenerator[None]:
    """Cancelled, soon after somebody else has ended the job without a track. That it is done is
    no reason: so it is as soon as this very block has made one.
    """
    try:
        async with asyncio.timeout(None) as limit:

            async def look() -> None:
                async with db.read_session() as session:
                    job = await job_rows.get(session, job_id)
                if job.state is JobState.FAILED and not limit.expired():
                    limit.reschedule(0)

            async with beating(look, every_s=LOOK_S):
                yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise Cancelled from error


def _incoming(fetched: Fetched, job: Job) -> Incoming:
    return Incoming(
        path=fetched.path,
        sha256=fetched.sha256,
        size_bytes=fetched.size_bytes,
        name=fetched.filename,
        origin=Origin.URL,
        origin_url=job.payload["url"],
        visibility=Visibility(job.payload["visibility"]),
    )


async def _fetch(db: Database, local: LocalStorage, limits: FetchLimits, job: Job) -> Fetched:
    # Only workers fetch; the web process does without the HTTP client and its import.
    from autodj.tracks.fetch import fetch  # noqa: PLC0415

    into = local.incoming()

    def start(hear: Callable[[float], None]) -> Coroutine[Any, Any, Fetched]:
        def received(size_bytes: int, total_bytes: int | None) -> None:
            if total_bytes:
                hear(size_bytes / total_bytes)

        return fetch(job.payload["url"], into, limits=limits, on_progress=received)

    async def tell(share: float) -> None:
        await _change(db, job, progress=0.9 * share)

    return await watched(start, tell)


async def _failed(db: Database, job: Job, error: AutodjError) -> None:
    log.info("fetch_failed", job_id=str(job.id), code=error.code)
    if error.transient and job.attempts < MAX_FETCHES:
        due_at = await db.now() + timedelta(seconds=backoff_s(job.attempts))
        await _change(db, job, state=JobState.QUEUED, next_attempt_at=due_at)
        return
    await _change(
        db,
        job,
        state=JobState.FAILED,
        step="failed",
        progress=1.0,
        problem=error.problem(),
        next_attempt_at=None,
    )


def _result(track: Track, *, created: bool) -> dict[str, Any]:
    return {
        "state": JobState.DONE,
        "step": "done",
        "progress": 1.0,
        "next_attempt_at": None,
        "track_id": track.id,
        "result": {
            "tracks": 1,
            "created": created,
            "sources": {name: int(track.file_source == name) for name in ("local", "s3")},
        },
    }


async def _end_with(job_id: UUID, session: Session, track: Track) -> None:
    """The job is done when the track is there, whichever try it was. Cancelled when it is over
    already: there is to be no track.
    """
    result = _result(track, created=True)
    if not await job_rows.change_unfinished(session, job_id, now=track.updated_at, **result):
        raise Cancelled


async def _found(db: Database, job_id: UUID, track: Track) -> None:
    """The owner had the bytes already."""
    now = await db.now()
    async with db.transaction() as session:
        result = _result(track, created=False)
        await job_rows.change_unfinished(session, job_id, now=now, **result)


async def _change(db: Database, job: Job, **values: object) -> None:
    """Say how this try goes. It is not heard when another worker has begun anew meanwhile."""
    now = await db.now()
    async with db.transaction() as session:
        await job_rows.change_unfinished(session, job.id, now=now, attempt=job.attempts, **values)

"""Long work to look at, once or as it happens (server-sent events)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, aclosing
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from autodj.api.auth import PRIVATE, login_of, require_caller
from autodj.api.bodies import parse_query
from autodj.api.contract import Answer, operation
from autodj.api.feed import OVERLAP, PAGE_ROWS
from autodj.api.paths import BASE
from autodj.api.schemas.jobs import Job, JobList, job_body
from autodj.api.schemas.replies import json_response
from autodj.api.state import Web, web_of
from autodj.db import Job as JobRow
from autodj.db import jobs
from autodj.errors import TooManyRequests
from autodj.tracks.finished_jobs import TOLD_FOR

TAG = "Jobs"
JOBS = f"{BASE}/jobs"
JOB = f"{JOBS}/{{job_id:uuid}}"
EVENTS = "text/event-stream"
RESUME = {"Last-Event-ID": "The last event you saw; what changed since comes first."}
PING_S = 15
SEND_TIMEOUT_S = 30
RECENT = timedelta(minutes=1)
MAX_ACTIVE = 200
# A browser opens six connections to a server, and wants some of them for music and requests.
STREAMS_OF_A_BROWSER = 4
STREAMS_OF_A_PROGRAM = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class JobQuery(BaseModel):
    active: bool = Field(False, description="Only what is queued or running.")
    track_id: UUID | None = Field(None, description="Only what is about this track.")
    limit: int = Field(50, ge=1, le=200)


@operation(
    "GET",
    JOBS,
    summary="List your jobs, newest first",
    tag=TAG,
    about=f"One that is over is told of for {TOLD_FOR.days} days.",
    query=JobQuery,
    answers=(Answer(200, "Jobs", JobList),),
)
async def list_jobs(request: Request) -> Response:
    owner_id = require_caller(request)
    asked = parse_query(JobQuery, request)
    async with web_of(request).runtime.db.read_session() as session:
        rows = await jobs.latest(
            session,
            owner_id,
            limit=asked.limit,
            active_only=asked.active,
            track_id=asked.track_id,
        )
    return json_response(JobList(items=[job_body(row) for row in rows]), headers=PRIVATE)


@operation(
    "GET",
    JOB,
    summary="Look at one job",
    tag=TAG,
    answers=(Answer(200, "The job", Job),),
)
async def get_job(request: Request) -> Response:
    row = await _owned(request, require_caller(request))
    return json_response(job_body(row), headers=PRIVATE)


@operation(
    "GET",
    f"{JOBS}/events",
    summary="Watch all your jobs",
    tag=TAG,
    about="Events named job, with the Job as data: first what is active or has just changed.",
    headers=RESUME,
    answers=(Answer(200, "Events, until you leave", media_type=EVENTS),),
    errors=(TooManyRequests,),
)
async def watch_jobs(request: Request) -> Response:
    owner_id = require_caller(request)
    web = web_of(request)
    seen = resume_time(request.headers.get("last-event-id"))
    return _events(request, _all_events(web, owner_id, seen))


@operation(
    "GET",
    f"{JOB}/events",
    summary="Watch one job",
    tag=TAG,
    about="Events named job, with the Job as data: first as it is now, at last its end.",
    answers=(Answer(200, "Events, until the job is over", media_type=EVENTS),),
    errors=(TooManyRequests,),
)
async def watch_job(request: Request) -> Response:
    owner_id = require_caller(request)
    web = web_of(request)
    row = await _owned(request, owner_id)
    return _events(request, _one_job_events(web, owner_id, row.id))


def resume_time(last_event_id: str | None) -> datetime | None:
    """When the event of that id was; None for what is no id of ours."""
    if last_event_id is None or not last_event_id.isascii() or not last_event_id.isdigit():
        return None
    try:
        return _EPOCH + int(last_event_id) * _MICROSECOND
    except (OverflowError, ValueError):
        return None


async def _all_events(
    web: Web, owner_id: UUID, seen: datetime | None
) -> AsyncGenerator[ServerSentEvent]:
    news = _News()
    # Watching begins before the past is read, so that nothing falls between the two.
    with web.feed.watch(owner_id) as watcher:
        now = await web.runtime.db.now()
        if seen is None or seen > now:  # of a clock that was put back since
            async with web.runtime.db.read_session() as session:
                active = await jobs.latest(session, owner_id, limit=MAX_ACTIVE, active_only=True)
            for event in news.of(reversed(active)):
                yield event
            seen = now - RECENT
        async with aclosing(_changed_since(web, owner_id, seen - OVERLAP)) as past:
            async for rows in past:
                for event in news.of(rows):
                    yield event
        while True:
            for event in news.of(await watcher.changes()):
                yield event


async def _one_job_events(
    web: Web, owner_id: UUID, job_id: UUID
) -> AsyncGenerator[ServerSentEvent]:
    news = _News()
    with web.feed.watch(owner_id, job_id) as watcher:
        async with web.runtime.db.read_session() as session:
            rows: Collection[JobRow] = [await jobs.get_owned(session, job_id, owner_id)]
        while True:
            for event in news.of(rows):
                yield event
            if any(row.state.is_over for row in rows):
                return
            rows = await watcher.changes()


async def _changed_since(
    web: Web, owner_id: UUID, moment: datetime
) -> AsyncGenerator[Sequence[JobRow]]:
    while True:
        async with web.runtime.db.read_session() as session:
            rows = await jobs.changed_since(session, moment, owner_id=owner_id, limit=PAGE_ROWS)
        yield rows
        if len(rows) < PAGE_ROWS or rows[-1].changed_at <= moment:
            return
        moment = rows[-1].changed_at


class _News:
    """What one stream has not told yet. Ids are times of change in microseconds that never
    go back, so that the last one is where a stream goes on.
    """

    def __init__(self) -> None:
        self._last = 0
        self._told: dict[UUID, int] = {}

    def of(self, rows: Iterable[JobRow]) -> Iterator[ServerSentEvent]:
        for row in rows:
            if self._told.get(row.id, 0) < row.version:
                self._told[row.id] = row.version
                self._last = max(self._last, (row.changed_at - _EPOCH) // _MICROSECOND)
                data = job_body(row).model_dump_json()
                yield ServerSentEvent(data, event="job", id=str(self._last))


class _Events(EventSourceResponse):
    """Events that end in order, also when the server shuts down under them, from a seat that is
    taken for as long.
    """

    def __init__(
        self,
        events: AsyncGenerator[ServerSentEvent],
        seat: Callable[[], AbstractContextManager[None]],
    ) -> None:
        super().__init__(events, ping=PING_S, send_timeout=SEND_TIMEOUT_S, headers=PRIVATE)
        self._seat = seat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._seat():
            await super().__call__(scope, receive, send)
        if self.active and scope["method"] != "HEAD":
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _events(request: Request, events: AsyncGenerator[ServerSentEvent]) -> Response:
    feed = web_of(request).feed
    login, is_browser = login_of(request)
    most = STREAMS_OF_A_BROWSER if is_browser else STREAMS_OF_A_PROGRAM
    return _Events(events, partial(feed.seat, login, most=most))


async def _owned(request: Request, owner_id: UUID) -> JobRow:
    async with web_of(request).runtime.db.read_session() as session:
        return await jobs.get_owned(session, request.path_params["job_id"], owner_id)


OPERATIONS = (list_jobs, get_job, watch_jobs, watch_job)

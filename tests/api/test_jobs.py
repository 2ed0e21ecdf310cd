"""Long work can be looked at, and watched as it happens."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn

from autodj.api import jobs as jobs_api
from autodj.api.app import create_app
from autodj.api.jobs import STREAMS_OF_A_BROWSER, resume_time
from autodj.api.schemas.jobs import Job as JobBody
from autodj.db import Database, Job, JobKind, JobState, Origin, jobs, open_database
from autodj.settings import Settings
from tests.api.stage import FETCH_ORDER, Person, Stage, settings_for
from tests.builders import make_track, make_user

JOBS = "/api/v1/jobs"


def test_jobs_are_listed_newest_first(either_stage: Stage) -> None:
    stage, owner = either_stage, either_stage.person()
    made = [stage.job(owner) for _ in range(3)]
    stage.change(made[1], state=JobState.DONE)
    stage.job(stage.person())

    def listed(query: str) -> list[str]:
        answer = stage.client.get(f"{JOBS}{query}", headers=owner.bearer)
        return [job["id"] for job in answer.json()["items"]]

    ids = [str(job.id) for job in reversed(made)]
    assert listed("") == ids
    assert listed("?limit=1") == ids[:1]
    assert listed("?active=true") == [ids[0], ids[2]]
    assert listed("?active=false&limit=200") == ids


def test_jobs_of_a_track_are_found_among_however_many(either_stage: Stage) -> None:
    stage, owner, stranger = either_stage, either_stage.person(), either_stage.person()
    track = stage.track(owner)
    ended, waits = (stage.job(owner, track_id=track.id) for _ in range(2))
    stage.change(ended, state=JobState.DONE)
    for _ in range(3):
        stage.job(owner)

    def listed(query: str, person: Person = owner) -> list[str]:
        answer = stage.client.get(f"{JOBS}?{query}", headers=person.bearer)
        return [job["id"] for job in answer.json()["items"]]

    assert listed(f"track_id={track.id}&limit=2") == [str(waits.id), str(ended.id)]
    assert listed(f"track_id={track.id}&active=true&limit=1") == [str(waits.id)]
    assert listed(f"track_id={track.id}", stranger) == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "active=maybe", "state=done", "track_id=1"]
)
def test_a_list_of_jobs_asked_wrongly_is_refused(stage: Stage, owner: Person, query: str) -> None:
    answer = stage.client.get(f"{JOBS}?{query}", headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


def test_a_job_is_shown_with_its_result_and_its_problem(stage: Stage, owner: Person) -> None:
    result = {"tracks": 1, "sources": {"local": 0, "s3": 1}}
    job = stage.job(owner, state=JobState.DONE, progress=1.0, result=result)
    shown = stage.client.get(f"{JOBS}/{job.id}", headers=owner.bearer)
    assert JobBody.model_validate_json(shown.content, strict=True, extra="forbid").result == result
    assert shown.headers["cache-control"] == "private, no-store"
    problem = {"code": "fetch_failed", "status": 422}
    failed = stage.job(owner, state=JobState.FAILED, problem=problem)
    body = stage.client.get(f"{JOBS}/{failed.id}", headers=owner.bearer).json()
    assert (body["state"], body["problem"]) == ("failed", problem)
    assert "payload" not in body


@pytest.mark.parametrize(("query", "is_whole"), [("", True), ("?X-Amz-Signature=abc", False)])
def test_a_fetch_tells_its_owner_what_it_was_asked_for(
    stage: Stage, owner: Person, query: str, *, is_whole: bool
) -> None:
    url = "https://example.org/mix.flac"
    asked = {"url": f"{url}{query}", "visibility": "public"}
    added = stage.client.post("/api/v1/tracks", json=asked, headers=owner.bearer)
    told = {"url": url, "url_is_whole": is_whole, "visibility": "public"}
    assert added.json()["order"] == told
    path = f"{JOBS}/{added.json()['id']}"
    assert stage.client.get(path, headers=owner.bearer).json()["order"] == told
    [listed] = stage.client.get(JOBS, headers=owner.bearer).json()["items"]
    assert listed["order"] == told
    cancelled = stage.client.post(f"{path}/cancel", headers=owner.bearer)
    assert cancelled.json()["order"] == told
    events = stage.client.get(f"{path}/events", headers=owner.bearer).text
    assert url in events
    assert "abc" not in events
    assert stage.client.get(path, headers=stage.person().bearer).status_code == 404


@pytest.mark.parametrize("query", ["", "?X-Amz-Signature=abc"])
def test_a_track_tells_where_it_came_from_as_its_fetch_does(
    stage: Stage, owner: Person, query: str
) -> None:
    url = "https://example.org/mix.flac"
    track = make_track(owner.id, origin=Origin.URL, origin_url=f"{url}{query}")
    stage.add(track)
    one = stage.client.get(f"/api/v1/tracks/{track.id}", headers=owner.bearer).json()
    assert one["origin_url"] == url
    [listed] = stage.client.get("/api/v1/tracks", headers=owner.bearer).json()["items"]
    assert listed["origin_url"] == url


def test_a_fetch_that_nobody_wants_any_more_is_cancelled(either_stage: Stage) -> None:
    stage, owner = either_stage, either_stage.person()
    asked = {"url": "https://example.org/mix.flac"}
    job = stage.client.post("/api/v1/tracks", json=asked, headers=owner.bearer).json()
    refused = stage.client.post(f"{JOBS}/{job['id']}/cancel", headers=stage.person().bearer)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    for _ in range(2):
        answer = stage.client.post(f"{JOBS}/{job['id']}/cancel", headers=owner.bearer)
        assert answer.status_code == 200
        told = answer.json()
        assert (told["state"], told["problem"]["code"]) == ("failed", "cancelled")
    active = stage.client.get(f"{JOBS}?active=true", headers=owner.bearer)
    assert active.json()["items"] == []


@pytest.mark.parametrize("kind", JobKind)
def test_a_job_that_is_over_or_follows_a_track_is_not_cancelled(
    stage: Stage, owner: Person, kind: JobKind
) -> None:
    is_over = kind is not JobKind.PROCESS
    job = stage.job(owner, kind=kind, state=JobState.DONE if is_over else JobState.RUNNING)
    answer = stage.client.post(f"{JOBS}/{job.id}/cancel", headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_another_site_cancels_nothing(stage: Stage, owner: Person) -> None:
    job = stage.job(owner, kind=JobKind.FETCH, payload=FETCH_ORDER)
    headers = owner.session | {"Sec-Fetch-Site": "cross-site"}
    answer = stage.client.post(f"{JOBS}/{job.id}/cancel", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")


@pytest.mark.parametrize("text", [None, "", "x", "-1", "1.5", "9" * 40, "٣"])
def test_an_id_that_is_none_of_ours_resumes_nothing(text: str | None) -> None:
    assert resume_time(text) is None


def test_an_id_of_ours_is_a_time() -> None:
    assert resume_time("1772366400000001") == datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)


# Watching, through a real server


@dataclass(frozen=True)
class Event:
    kind: str
    id: int
    job: dict[str, Any]


@dataclass
class Live:
    """A running server, its database from outside, and one who watches."""

    url: str
    db: Database
    owner: Person
    session: aiohttp.ClientSession
    comments: list[str] = field(default_factory=list)

    async def job(self, *, late: timedelta = timedelta(), owner: Person | None = None) -> Job:
        now = await self.db.now() - late
        async with self.db.transaction() as session:
            return jobs.add(
                session,
                owner_id=(owner or self.owner).id,
                kind=JobKind.PROCESS,
                step="analyze",
                now=now,
            )

    async def change(self, job: Job, *, late: timedelta = timedelta(), **values: object) -> None:
        now = await self.db.now() - late
        async with self.db.transaction() as session:
            await jobs.change(session, job.id, now=now, **values)

    @asynccontextmanager
    async def watching(
        self, path: str, last_event_id: int | None = None
    ) -> AsyncGenerator[AsyncGenerator[Event]]:
        headers = dict(self.owner.session)
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        async with self.session.get(f"{self.url}{path}", headers=headers) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            assert answer.headers["Cache-Control"] == "private, no-store"
            yield self._events(answer.content)

    async def _events(self, lines: aiohttp.StreamReader) -> AsyncGenerator[Event]:
        fields: dict[str, str] = {}
        async for raw in lines:
            name, _, value = raw.decode().rstrip("\r\n").partition(": ")
            if name == "" and value:
                self.comments.append(value)
            elif name:
                fields[name] = value
            elif fields:
                yield Event(fields["event"], int(fields["id"]), json.loads(fields["data"]))
                fields = {}


@pytest.fixture(scope="module")
def live_settings(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("live")
    shutil.copy(migrated_sqlite, folder / "autodj.db")
    return settings_for(folder, f"sqlite:///{folder}/autodj.db")


@pytest.fixture(scope="module")
def live_url(live_settings: Settings) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_app(live_settings), log_config=None, timeout_graceful_shutdown=5)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
async def live(live_url: str, live_settings: Settings) -> AsyncGenerator[Live]:
    async with (
        asyncio.timeout(120),
        open_database(live_settings.database_url) as db,
        aiohttp.ClientSession() as session,
    ):
        user = make_user()
        async with db.transaction() as transaction:
            transaction.add(user)
        yield Live(live_url, db, Person(user.id, user.name), session)


async def test_one_job_is_told_from_now_to_its_end(live: Live) -> None:
    job = await live.job()
    async with live.watching(f"{JOBS}/{job.id}/events") as events:
        first = await anext(events)
        assert (first.kind, first.job["state"], first.job["id"]) == ("job", "queued", str(job.id))
        assert set(first.job) == set(JobBody.model_fields)
        await live.change(job, state=JobState.RUNNING, step="publish", progress=0.5)
        second = await anext(events)
        assert (second.job["step"], second.job["progress"]) == ("publish", 0.5)
        await live.change(job, state=JobState.DONE, progress=1.0)
        rest = [event async for event in events]
    assert [event.job["state"] for event in rest] == ["done"]
    assert first.id < second.id < rest[0].id


@pytest.mark.parametrize("state", [JobState.DONE, JobState.FAILED])
async def test_a_job_that_is_over_is_told_once(live: Live, state: JobState) -> None:
    job = await live.job()
    await live.change(job, state=state)
    async with live.watching(f"{JOBS}/{job.id}/events") as events:
        told = [event.job["state"] async for event in events]
    assert told == [state.value]


async def test_all_of_ones_jobs_are_told_and_nobody_elses(live: Live) -> None:
    stranger = make_user()
    async with live.db.transaction() as session:
        session.add(stranger)
    theirs = await live.job(owner=Person(stranger.id, stranger.name))
    active, ended = await live.job(late=timedelta(hours=1)), await live.job()
    await live.change(ended, state=JobState.DONE)
    told: list[Event] = []
    async with live.watching(f"{JOBS}/events") as events:
        while {event.job["id"] for event in told} != {str(active.id), str(ended.id)}:
            told.append(await anext(events))
        later = await live.job()
        await live.change(theirs, progress=0.9)
        await live.change(active, progress=0.25)
        while told[-1].job["progress"] != 0.25:
            told.append(await anext(events))
    assert {event.job["id"] for event in told} == {str(j.id) for j in (active, ended, later)}
    ids = [event.id for event in told]
    assert ids == sorted(ids)


async def test_who_comes_back_hears_what_changed_meanwhile(live: Live) -> None:
    old, missed = await live.job(late=timedelta(hours=2)), await live.job()
    await live.change(old, late=timedelta(hours=1), state=JobState.DONE)
    async with live.watching(f"{JOBS}/events") as events:
        seen = await anext(events)
    await live.change(missed, state=JobState.FAILED, problem={"code": "undecodable"})
    told: list[Event] = []
    async with live.watching(f"{JOBS}/events", last_event_id=seen.id) as events:
        while not told or told[-1].job["state"] != "failed":
            told.append(await anext(events))
    assert {event.job["id"] for event in told} == {str(missed.id)}
    assert told[-1].job["problem"] == {"code": "undecodable"}


async def test_who_comes_back_after_long_hears_all_of_it(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_api, "PAGE_ROWS", 4)
    made = [await live.job(late=timedelta(hours=2)) for _ in range(10)]
    for number, job in enumerate(made):
        await live.change(job, late=timedelta(minutes=60 - number), state=JobState.DONE)
    since = int((datetime.now(UTC) - timedelta(hours=3)).timestamp() * 1_000_000)
    told: list[str] = []
    async with live.watching(f"{JOBS}/events", last_event_id=since) as events:
        while len(set(told)) < len(made):
            told.append((await anext(events)).job["id"])
    assert list(dict.fromkeys(told)) == [str(job.id) for job in made]


async def test_who_comes_back_after_the_clock_was_put_back_hears_what_changed(live: Live) -> None:
    half_a_minute = timedelta(seconds=30)
    job = await live.job(late=half_a_minute)
    await live.change(job, late=half_a_minute, state=JobState.DONE)
    later = int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1_000_000)
    async with live.watching(f"{JOBS}/events", last_event_id=later) as events:
        assert (await anext(events)).job["state"] == "done"


async def test_a_silent_stream_says_that_it_lives(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_api, "PING_S", 0.05)
    job = await live.job()
    async with live.watching(f"{JOBS}/{job.id}/events") as events:
        await anext(events)
        last = asyncio.create_task(anext(events))
        while not any(comment.startswith("ping") for comment in live.comments):
            await asyncio.sleep(0.01)
        await live.change(job, state=JobState.DONE)
        assert (await last).job["state"] == "done"


async def test_a_stream_that_cannot_be_had_is_a_problem(live: Live) -> None:
    job = await live.job()
    other = make_user()
    async with live.db.transaction() as session:
        session.add(other)
    for path, headers, status in (
        (f"{JOBS}/events", {}, 401),
        (f"{JOBS}/{job.id}/events", Person(other.id, other.name).bearer, 404),
    ):
        async with live.session.get(f"{live.url}{path}", headers=headers) as answer:
            assert answer.status == status
            assert answer.headers["Content-Type"] == "application/problem+json"


async def test_one_browser_holds_no_more_streams_than_leave_it_connections(live: Live) -> None:
    """Browsers open six to a server: the seventh window would stand still."""
    url = f"{live.url}{JOBS}/events"
    async with AsyncExitStack() as windows:
        for _ in range(STREAMS_OF_A_BROWSER):
            await windows.enter_async_context(live.watching(f"{JOBS}/events"))
        async with live.session.get(url, headers=live.owner.session) as refused:
            problem = await refused.json(content_type="application/problem+json")
        assert (refused.status, problem["code"]) == (429, "too_many_requests")
        assert refused.headers["Retry-After"] == "5"
        for other in (live.owner.bearer, {**live.owner.session, **live.owner.bearer}):
            async with live.session.get(url, headers=other) as answer:
                assert answer.status == 200
    statuses = [429]
    while statuses[-1] != 200:  # that the windows have gone is heard a moment later
        async with live.session.get(url, headers=live.owner.session) as answer:
            statuses.append(answer.status)
    assert set(statuses) == {429, 200}

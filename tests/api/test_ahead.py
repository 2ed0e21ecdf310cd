"""A kept answer, given ahead of the router, is the one that the router would give."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from autodj.api.ahead import Ahead
from autodj.api.ready import Asked, Ready, make_ready
from autodj.db import FileSource, FileState, Track, Visibility, tracks
from autodj.db.playables import Playable
from autodj.errors import NotFound
from autodj.tracks.local_links import local_url
from autodj.tracks.places import FRESH_S, Places
from autodj.users.callers import Callers
from autodj.users.tokens import LEEWAY_S, Audience, issue
from tests.api.stage import SECRET, Person, Stage

DIGEST = "cd" * 32
OWN_WORDS = {"x-request-id", "date"}


@dataclass
class Found:
    """Whether each request so far was answered ahead, by a clock that stands still."""

    ahead: list[bool] = field(default_factory=list)
    now_s: float = field(default_factory=time.time)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Found:
    seen = Found()
    real = Ahead.find

    def spied(self: Ahead, scope: Any, headers: Any) -> Ready | None:
        # What was read is fresh for a second, and a busy machine is away for longer.
        monkeypatch.setattr(self._places, "_clock", lambda: seen.now_s)
        ready = real(self, scope, headers)
        seen.ahead.append(ready is not None)
        return ready

    monkeypatch.setattr(Ahead, "find", spied)
    return seen


@dataclass(frozen=True)
class Heard:
    """An answer without what each request has of its own."""

    status: int
    headers: frozenset[tuple[str, str]]
    body: bytes


def ask(stage: Stage, path: str, headers: dict[str, str], method: str = "GET") -> Heard:
    answer = stage.client.request(method, path, headers=headers)
    assert len(answer.headers.get_list("x-request-id")) == 1
    own = [pair for pair in answer.headers.multi_items() if pair[0] not in OWN_WORDS]
    assert len(own) == len(set(own)), "a header twice"
    return Heard(answer.status_code, frozenset(own), answer.content)


def signed(stage: Stage, track: Track, rest: str) -> str:
    ends = datetime.now(UTC) + timedelta(minutes=5)
    return f"{rest}?{urlsplit(local_url(stage.runtime.links, track.id, ends)).query}"


WAYS: dict[str, Callable[[Person], dict[str, str]]] = {
    "token": lambda owner: owner.bearer,
    "session": lambda owner: owner.session,
    "session among others": lambda owner: {"Cookie": f"a=b; {owner.session['Cookie']}; c"},
    "nobody": lambda _: {},
    "another cookie": lambda _: {"Cookie": "a=b"},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("rest", ["/url", "/stream", "", "/url?rendition=original"])
def test_the_second_answer_comes_from_ahead_and_is_the_same(
    cdn_stage: Stage, found: Found, rest: str, method: str, way: str
) -> None:
    owner = cdn_stage.person()
    public = way in {"nobody", "another cookie"}
    track = cdn_stage.on_s3(
        owner, DIGEST, visibility=Visibility.PUBLIC if public else Visibility.PRIVATE
    )
    headers = WAYS[way](owner)
    path = f"/api/v1/tracks/{track.id}/audio{rest}"
    first, second, third = (ask(cdn_stage, path, headers, method) for _ in range(3))
    assert found.ahead == [False, True, True]
    assert first == second == third
    assert first.status == (200 if rest.startswith("/url") else 307)


def test_our_own_link_leads_on_from_ahead(cdn_stage: Stage, found: Found) -> None:
    track = cdn_stage.on_s3(cdn_stage.person(), DIGEST)
    path = f"/api/v1/tracks/{track.id}/audio{signed(cdn_stage, track, '/stream')}"
    assert ask(cdn_stage, path, {}) == ask(cdn_stage, path, {})
    assert found.ahead == [False, True]
    changed = f"{path[:-1]}{'0' if path[-1] != '0' else '1'}"
    assert ask(cdn_stage, changed, {}).status == 403
    assert ask(cdn_stage, path.replace("/stream", "/url"), {}).status == 401
    assert found.ahead == [False, True, False, False]


@dataclass(frozen=True)
class Odd:
    """A request for which the router is asked, though the answer is kept."""

    status: int
    headers: Callable[[Person, Person], Any] = lambda owner, _: owner.bearer
    method: str = "GET"
    query: str = ""
    content: bytes | None = None


ODD = {
    "a stranger": Odd(401, lambda *_: {}),
    "somebody else": Odd(404, lambda _, other: other.bearer),
    "somebody else's session": Odd(404, lambda _, other: other.session),
    "a bad token": Odd(401, lambda *_: {"Authorization": "Bearer x"}),
    "a bad token beside a session": Odd(
        401, lambda owner, _: owner.session | {"Authorization": "Bearer x"}
    ),
    "a session as token": Odd(
        401, lambda owner, _: {"Authorization": f"Bearer {owner.token(Audience.PAGE)}"}
    ),
    "a token as session": Odd(
        401, lambda owner, _: {"Cookie": f"autodj_session={owner.token(Audience.API)}"}
    ),
    "two tokens": Odd(401, lambda owner, _: [*owner.bearer.items(), *owner.bearer.items()]),
    "another scheme": Odd(401, lambda *_: {"Authorization": "Basic x"}),
    "the scheme in small letters": Odd(
        200, lambda owner, _: {"Authorization": owner.bearer["Authorization"].replace("B", "b", 1)}
    ),
    "a query that nobody knows": Odd(200, query="?a=b"),
    "another method": Odd(405, method="POST"),
    "a body": Odd(200, content=b"x"),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_whatever_is_odd_is_left_to_the_router(cdn_stage: Stage, found: Found, odd: Odd) -> None:
    owner, other = cdn_stage.person(), cdn_stage.person()
    path = f"/api/v1/tracks/{cdn_stage.on_s3(owner, DIGEST).id}/audio/url"
    for _ in range(2):
        ask(cdn_stage, path, owner.bearer)
    for _ in range(2):
        answer = cdn_stage.client.request(
            odd.method, path + odd.query, headers=odd.headers(owner, other), content=odd.content
        )
        assert answer.status_code == odd.status
    assert found.ahead == [False, True, False, False]


def test_what_the_caller_takes_has_an_answer_of_its_own(cdn_stage: Stage, found: Found) -> None:
    owner = cdn_stage.person()
    path = f"/api/v1/tracks/{cdn_stage.on_s3(owner, DIGEST).id}/audio/url"
    for accept in ("audio/mpeg", "audio/flac", "audio/mpeg", "x" * 5000, "x" * 5000):
        ask(cdn_stage, path, owner.bearer | {"Accept": accept})
    assert found.ahead == [False, False, True, False, False]


def test_local_bytes_are_never_kept(stage: Stage, owner: Person, found: Found) -> None:
    track = stage.stored(owner, b"x" * 1000)
    for _ in range(2):
        assert ask(stage, f"/api/v1/tracks/{track.id}/audio/stream", owner.bearer).status == 200
    assert found.ahead == [False, False]


# The promises of any answer


def test_an_answer_from_ahead_has_an_id_figures_and_a_line(cdn_stage: Stage, found: Found) -> None:
    owner = cdn_stage.person()
    path = f"/api/v1/tracks/{cdn_stage.on_s3(owner, DIGEST).id}/audio/url"
    registry = cdn_stage.client.app_state["web"].registry
    name = "autodj_http_requests_total"
    labels = {
        "method": "GET",
        "route": "/api/v1/tracks/{track_id:uuid}/audio/url",
        "status": "2xx",
    }
    ask(cdn_stage, path, owner.bearer)
    before = registry.get_sample_value(name, labels) or 0
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with capture_logs() as lines:
        answer = cdn_stage.client.get(
            path, headers=owner.bearer | {"X-Request-ID": "abc", "traceparent": trace}
        )
    assert found.ahead == [False, True]
    assert answer.headers["x-request-id"] == "abc"
    assert registry.get_sample_value(name, labels) == before + 1
    assert path.encode() not in generate_latest(registry)
    [line] = lines
    assert (line["event"], line["method"], line["path"]) == ("request", "GET", path)
    assert (line["route"], line["status"], line["whole"]) == (labels["route"], 200, True)
    assert (line["request_id"], line["bytes_sent"]) == ("abc", len(answer.content))
    assert line["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    made = cdn_stage.client.get(path, headers=owner.bearer | {"X-Request-ID": "not sane"})
    assert made.headers["x-request-id"] != "not sane"


# Changes


def test_our_own_changes_are_heard_by_the_next_to_ask(either_stage: Stage, found: Found) -> None:
    stage, owner = either_stage, either_stage.person()
    track = stage.stored(owner, b"y" * 1000, visibility=Visibility.PUBLIC)
    path, about = f"/api/v1/tracks/{track.id}/audio/url", f"/api/v1/tracks/{track.id}"
    assert [ask(stage, path, {}).status for _ in range(2)] == [200, 200]
    assert found.ahead[-1]
    stage.client.patch(about, json={"visibility": "private"}, headers=owner.bearer)
    assert ask(stage, path, {}).status == 401
    assert [ask(stage, path, owner.bearer).status for _ in range(2)] == [200, 200]
    stage.client.delete(about, headers=owner.bearer)
    assert ask(stage, path, owner.bearer).status == 404


async def _flip(stage: Stage, track: Track) -> None:
    async with stage.runtime.db.transaction() as session:
        row = await tracks.get(session, track.id)
        row.file_state, row.file_source = FileState.STABLE, FileSource.LOCAL
        row.s3_object_key, row.file_path = None, f"tracks/{track.id}/2-{DIGEST}.mp3"
        row.generation = 2


def test_on_sqlite_the_changes_of_others_are_heard_at_once_too(
    cdn_stage: Stage, found: Found
) -> None:
    owner = cdn_stage.person()
    track = cdn_stage.on_s3(owner, DIGEST)
    path = f"/api/v1/tracks/{track.id}/audio/url"
    before = [ask(cdn_stage, path, owner.bearer) for _ in range(2)]
    cdn_stage.run(_flip, cdn_stage, track)
    after = ask(cdn_stage, path, owner.bearer)
    assert (b'"s3"' in before[1].body, b'"local"' in after.body) == (True, True)
    file = cdn_stage.runtime.db.engine.url.database
    with sqlite3.connect(str(file)) as other:
        other.execute("DELETE FROM tracks WHERE id = ?", (track.id.hex,))
    other.close()
    assert ask(cdn_stage, path, owner.bearer).status == 404
    assert found.ahead == [False, True, False, False]


def test_on_postgres_the_changes_of_others_are_heard_soon(
    postgres_stage: Stage, found: Found
) -> None:
    stage, owner = postgres_stage, postgres_stage.person()
    track = stage.stored(owner, b"z" * 1000, visibility=Visibility.PUBLIC)
    path = f"/api/v1/tracks/{track.id}/audio/url"

    async def make_private() -> None:
        async with stage.runtime.db.transaction() as session:
            (await tracks.get(session, track.id)).visibility = Visibility.PRIVATE

    assert [ask(stage, path, {}).status for _ in range(2)] == [200, 200]
    stage.run(make_private)
    found.now_s += FRESH_S
    assert ask(stage, path, {}).status == 401
    assert found.ahead == [False, True, False]


# Ends: of a token, of a link, of a window


class Clock:
    def __init__(self) -> None:
        self.now_s = datetime.now(UTC).timestamp()

    def __call__(self) -> float:
        return self.now_s


class Rows:
    def __init__(self, track: Playable) -> None:
        self.track = track

    def stamp(self) -> int:
        return 0

    async def read(self, track_id: UUID) -> Playable:
        if track_id != self.track.id:
            raise NotFound
        return self.track


@dataclass
class Bench:
    """The way ahead with one public or private track, whose answer is kept."""

    clock: Clock
    places: Places[Ready]
    callers: Callers
    ahead: Ahead
    track: Playable
    ready: Ready

    async def find(self, *headers: tuple[bytes, bytes], query: bytes = b"") -> Ready | None:
        # The row is read anew, so that only what is asked about can have ended.
        await self.places.read(self.track.id)
        scope = {
            "method": "GET",
            "path": f"/api/v1/tracks/{self.track.id}/audio/stream",
            "query_string": query,
            "headers": list(headers),
        }
        return self.ahead.find(scope, dict(headers))


@pytest.fixture
async def bench() -> Bench:
    return await make_bench(Visibility.PRIVATE, good_for_s=math.inf)


async def make_bench(visibility: Visibility, *, good_for_s: float) -> Bench:
    clock, track_id = Clock(), uuid4()
    track = Playable(
        id=track_id,
        owner_id=uuid4(),
        visibility=visibility,
        file_source=FileSource.S3,
        file_path=None,
        s3_object_key=f"tracks/{track_id}/1-{DIGEST}.mp3",
        generation=1,
        title="Night Bus",
        extension="mp3",
        content_type="audio/mpeg",
        sha256=DIGEST,
        size_bytes=1000,
        duration_s=60.0,
    )
    places: Places[Ready] = Places(Rows(track), clock=clock)
    callers = Callers(SECRET, clock=clock)
    route = "/api/v1/tracks/{track_id:uuid}/audio/stream"
    place = await places.find(track_id)
    for rendition in (None, "original"):
        asked = Asked(route, rendition, None)
        ready = make_ready(asked, 307, {}, b"", good_until_s=clock.now_s + good_for_s)
        places.keep(place, asked, ready)
    ahead = Ahead(places, callers, secret=SECRET, clock=clock, max_seen=3)
    return Bench(clock, places, callers, ahead, track, ready)


@pytest.mark.parametrize("audience", Audience)
async def test_a_token_is_good_until_its_end_and_no_longer(
    bench: Bench, audience: Audience
) -> None:
    now = datetime.fromtimestamp(bench.clock.now_s, UTC)
    token = issue(SECRET, bench.track.owner_id, audience, now=now, ttl_s=60)
    header = {
        Audience.API: (b"authorization", b"Bearer " + token.encode()),
        Audience.PAGE: (b"cookie", b"autodj_session=" + token.encode()),
    }[audience]
    assert await bench.find(header) is None, "nobody has verified it"
    bench.callers.verify(token, audience)
    assert await bench.find(header) is not None
    bench.clock.now_s += 59 + LEEWAY_S
    assert await bench.find(header) is not None
    bench.clock.now_s += 1
    assert await bench.find(header) is None


async def test_our_own_link_is_good_until_its_end_and_no_longer(bench: Bench) -> None:
    links: Any = type("Links", (), {"secret": SECRET, "public_url": ""})
    ends = datetime.fromtimestamp(bench.clock.now_s // 1 + 60, UTC)
    query = urlsplit(local_url(links, bench.track.id, ends)).query.encode()
    bench.clock.now_s = ends.timestamp() - 1
    assert await bench.find(query=query) is not None
    bench.clock.now_s = ends.timestamp()
    assert await bench.find(query=query) is None


async def test_an_answer_is_given_until_it_is_to_be_renewed() -> None:
    bench = await make_bench(Visibility.PUBLIC, good_for_s=100)
    assert await bench.find() is not None
    bench.clock.now_s += 99
    assert await bench.find() is not None
    bench.clock.now_s += 1
    assert await bench.find() is None


async def test_nothing_is_given_of_a_row_that_is_no_longer_fresh() -> None:
    bench = await make_bench(Visibility.PUBLIC, good_for_s=100)
    scope: Any = {
        "method": "GET",
        "path": f"/api/v1/tracks/{bench.track.id}/audio/stream",
        "query_string": b"",
        "headers": [],
    }
    assert bench.ahead.find(scope, {}) is not None
    bench.clock.now_s += FRESH_S
    assert bench.ahead.find(scope, {}) is None
    await bench.places.read(bench.track.id)
    assert bench.ahead.find(scope, {}) is not None
    bench.places.forget(bench.track.id)
    assert bench.ahead.find(scope, {}) is None


async def test_the_words_of_callers_are_not_remembered_without_bound() -> None:
    bench = await make_bench(Visibility.PUBLIC, good_for_s=100)
    for number in range(10):
        assert await bench.find((b"cookie", b"a=%d" % number)) is not None
    assert await bench.find((b"cookie", b"a" * 5000)) is not None
    assert len(bench.ahead._seen) == 3


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A slow machine must not make a row stale between two requests of a test."""
    if "soon" not in request.node.name:
        for name in ("cdn_stage", "sqlite_stage", "postgres_stage"):
            if name in request.fixturenames:
                web = request.getfixturevalue(name).client.app_state["web"]
                monkeypatch.setattr(web.places, "_fresh_s", 60.0)

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from starlette.types import Message, Scope
from structlog.testing import capture_logs

from autodj.api.figures import HttpMetrics
from autodj.api.middleware import LayeredApp, RequestLayer
from autodj.api.problems import PROBLEM_HANDLERS
from autodj.api.ready import Asked, Ready, make_ready
from autodj.api.request_ids import request_context
from autodj.errors import NotFound
from tests.api.serving import exchange, serve

CSP = "default-src 'self'"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def context(request: Request) -> Response:
    return JSONResponse(
        {"id": request.state.request_id, "context": structlog.contextvars.get_contextvars()}
    )


async def page(_: Request) -> Response:
    return HTMLResponse("<p>")


async def own_headers(_: Request) -> Response:
    headers = {"Content-Security-Policy": "none", "Referrer-Policy": "origin"}
    return HTMLResponse("<p>", headers=headers)


async def missing(_: Request) -> Response:
    raise NotFound


async def crash(_: Request) -> Response:
    raise RuntimeError("hunter2")


async def half(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 10
        raise RuntimeError("hunter2")

    return StreamingResponse(pieces(), headers={"Content-Length": "20"})


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture(params=["around Starlette", "inside Starlette"])
def app(registry: CollectorRegistry, request: pytest.FixtureRequest) -> Starlette:
    routes = [
        Route("/context", context),
        Route("/tracks/{id}", missing),
        Route("/page", page),
        Route("/own", own_headers),
        Route("/crash", crash, methods=["GET", "POST"]),
        Route("/half", half),
        Mount("/inner", routes=[Route("/deep/{id}", page)]),
    ]
    options: dict[str, Any] = {
        "metrics": HttpMetrics(registry),
        "html_csp": CSP,
        "quiet_paths": ("/page",),
        "ahead": at_once,
    }
    if request.param == "around Starlette":
        layer = partial(RequestLayer, **options)
        return LayeredApp(layer, exception_handlers=PROBLEM_HANDLERS, routes=routes)
    return Starlette(
        routes=routes,
        middleware=[Middleware(RequestLayer, **options)],
        exception_handlers=PROBLEM_HANDLERS,
    )


def at_once(scope: Scope, headers: Mapping[bytes, bytes]) -> Ready | None:
    """What is kept: one answer, for those who ask politely."""
    if scope["path"] != "/kept" or b"x-please" not in headers:
        return None
    asked = Asked("/kept", None, None)
    return make_ready(asked, 200, {"X-Kept": "yes"}, b"kept", good_until_s=0)


@pytest.fixture
def client(app: Starlette) -> TestClient:
    return TestClient(app)


@pytest.fixture
def logged() -> Iterator[list[structlog.typing.EventDict]]:
    with capture_logs() as lines:
        yield lines


def test_a_request_keeps_a_sane_id_and_gets_one_otherwise(client: TestClient) -> None:
    kept = client.get("/context", headers={"X-Request-ID": "abc-1.2_3"})
    assert kept.headers["x-request-id"] == kept.json()["id"] == "abc-1.2_3"
    for bad in ("", "a" * 65, "a b", "a\tb", '"', "-a", "é"):
        made = client.get("/context", headers=[(b"X-Request-ID", bad.encode())])
        assert re.fullmatch("[0-9a-f]{12}-[0-9a-f]+", made.json()["id"])
        assert made.headers["x-request-id"] == made.json()["id"]
    first, second = client.get("/context"), client.get("/context")
    assert first.json()["id"] != second.json()["id"]


def test_the_log_context_holds_the_ids_during_the_request_only(client: TestClient) -> None:
    answer = client.get("/context", headers={"X-Request-ID": "abc", "traceparent": TRACE})
    assert answer.json()["context"] == {
        "request_id": "abc",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "parent_id": "00f067aa0ba902b7",
    }
    assert structlog.contextvars.get_contextvars() == {}


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "ff" + TRACE[2:],
        TRACE.upper(),
        TRACE[:-1],
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        TRACE + "\n",
    ],
)
def test_a_broken_trace_is_left_out(traceparent: str) -> None:
    found = request_context({b"traceparent": traceparent.encode()})
    assert set(found) == {"request_id"}


def test_what_is_kept_is_given_with_all_that_an_answer_has(
    client: TestClient, registry: CollectorRegistry, logged: list[structlog.typing.EventDict]
) -> None:
    answer = client.get("/kept?Signature=hunter2", headers={"X-Please": "1", "X-Request-ID": "abc"})
    assert (answer.status_code, answer.content) == (200, b"kept")
    assert answer.headers.multi_items() == [
        ("x-kept", "yes"),
        ("content-length", "4"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-request-id", "abc"),
    ]
    [line] = logged
    assert (line["path"], line["route"], line["request_id"]) == ("/kept", "/kept", "abc")
    assert (line["status"], line["whole"], line["bytes_sent"]) == (200, True, 4)
    labels = {"method": "GET", "route": "/kept", "status": "2xx"}
    assert registry.get_sample_value("autodj_http_requests_total", labels) == 1
    assert client.get("/kept").status_code == 404
    assert structlog.contextvars.get_contextvars() == {}


def test_safety_headers_are_on_every_answer_and_never_twice(client: TestClient) -> None:
    for path in ("/page", "/context", "/tracks/1", "/nowhere", "/crash"):
        answer = client.get(path)
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
        assert answer.headers.get_list("referrer-policy") == ["no-referrer"]
        assert answer.headers["x-request-id"]
    assert client.get("/page").headers["content-security-policy"] == CSP
    assert "content-security-policy" not in client.get("/context").headers
    own = client.get("/own").headers
    assert own.get_list("content-security-policy") == ["none"]
    assert own.get_list("referrer-policy") == ["origin"]


def test_a_problem_carries_the_id_of_its_request(client: TestClient) -> None:
    for path in ("/tracks/1", "/nowhere", "/crash"):
        answer = client.get(path, headers={"X-Request-ID": "abc"})
        assert answer.json()["request_id"] == answer.headers["x-request-id"] == "abc"


def test_a_crash_is_a_500_without_its_text(
    client: TestClient, logged: list[structlog.typing.EventDict]
) -> None:
    answer = client.get("/crash", headers={"X-Request-ID": "abc"})
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert [(line["event"], line["request_id"]) for line in logged[:1]] == [
        ("request_crashed", "abc")
    ]


def test_the_log_line_says_what_happened_without_the_query(
    client: TestClient, logged: list[structlog.typing.EventDict]
) -> None:
    client.get("/tracks/7?Signature=hunter2")
    client.get("/page")
    first, second = logged
    assert "hunter2" not in json.dumps(first)
    assert first["log_level"] == "info"
    assert (first["method"], first["path"], first["route"]) == ("GET", "/tracks/7", "/tracks/{id}")
    assert (first["status"], first["whole"], first["client"]) == (404, True, "testclient")
    assert first["bytes_sent"] > 0
    assert second["log_level"] == "debug"


def test_requests_are_counted_by_template_method_and_class(
    client: TestClient, registry: CollectorRegistry
) -> None:
    for number in range(50):
        client.get(f"/tracks/{number}")
    client.get("/page")
    client.get("/inner/deep/7")
    client.get("/inner/nowhere")
    client.get("/nowhere")
    client.post("/page")
    client.request("BREW", "/page")

    def counted(**labels: str) -> float | None:
        return registry.get_sample_value("autodj_http_requests_total", labels)

    assert counted(method="GET", route="/tracks/{id}", status="4xx") == 50
    assert counted(method="GET", route="/page", status="2xx") == 1
    assert counted(method="GET", route="/inner/deep/{id}", status="2xx") == 1
    assert counted(method="GET", route="/inner", status="4xx") == 1
    assert counted(method="GET", route="unmatched", status="4xx") == 1
    assert counted(method="POST", route="/page", status="4xx") == 1
    assert counted(method="other", route="/page", status="4xx") == 1
    duration = "autodj_http_request_duration_seconds_count"
    labels = {"method": "GET", "route": "/tracks/{id}", "status": "4xx"}
    assert registry.get_sample_value(duration, labels) == 50
    assert b"/tracks/7" not in generate_latest(registry)


def test_durations_fall_into_cumulative_buckets(registry: CollectorRegistry) -> None:
    metrics = HttpMetrics(registry)
    for duration_s in (0.0005, 0.001, 0.0011, 0.3, 61.0):
        metrics.observe(method="GET", route="/", status=206, duration_s=duration_s)
    name, labels = "autodj_http_request_duration_seconds", 'method="GET",route="/",status="2xx"'
    text = generate_latest(registry).decode()
    found = dict(re.findall(rf'{name}_bucket{{le="([^"]+)",{labels}}} (\S+)', text))
    assert (found["0.001"], found["0.005"], found["0.25"]) == ("2.0", "3.0", "3.0")
    assert (found["0.5"], found["60.0"], found["+Inf"]) == ("4.0", "4.0", "5.0")
    sums = registry.get_sample_value(
        f"{name}_sum", {"method": "GET", "route": "/", "status": "2xx"}
    )
    assert sums == pytest.approx(61.3026)


def test_an_answer_that_breaks_off_is_cut_and_never_looks_whole(
    app: Starlette, logged: list[structlog.typing.EventDict]
) -> None:
    with serve(app) as port:
        answer = exchange(port, b"GET /half HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"content-length: 20" in head.lower()
    assert body == b"x" * 10
    [line] = [entry for entry in logged if entry["event"] == "request"]
    assert (line["status"], line["whole"]) == (200, False)


def test_an_error_in_the_middle_of_an_answer_reaches_the_server(client: TestClient) -> None:
    with pytest.raises(RuntimeError, match="hunter2"):
        client.get("/half")


async def test_nothing_of_a_request_stays_in_the_context(app: Starlette) -> None:
    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_: Message) -> None:
        assert structlog.contextvars.get_contextvars()["request_id"] == "abc"

    await app(
        {
            "type": "http",
            "method": "GET",
            "path": "/page",
            "query_string": b"",
            "headers": [(b"x-request-id", b"abc")],
        },
        receive,
        send,
    )
    assert structlog.contextvars.get_contextvars() == {}


def test_an_answer_before_the_end_of_the_body_closes_the_connection(app: Starlette) -> None:
    request = b"%b /crash HTTP/1.1\r\nHost: x\r\n%b\r\n"
    with serve(app) as port:
        unread = exchange(port, request % (b"POST", b"Content-Length: 1000000\r\n"))
        chunked = exchange(port, request % (b"POST", b"Transfer-Encoding: chunked\r\n"))
        bodiless = exchange(
            port, request % (b"GET", b"") + request % (b"GET", b"Connection: close\r\n")
        )
    assert b"\r\nconnection: close\r\n" in unread
    assert b"\r\nconnection: close\r\n" in chunked
    assert bodiless.count(b"HTTP/1.1 500") == 2


def test_what_is_not_a_request_passes_untouched(registry: CollectorRegistry) -> None:
    seen: list[str] = []

    async def inner(scope: dict[str, object], _: object, __: object) -> None:
        seen.append(str(scope["type"]))
        assert "state" not in scope

    async def receive() -> Message:
        return {}

    async def send(_: Message) -> None: ...

    layer = RequestLayer(inner, metrics=HttpMetrics(registry), html_csp=CSP)  # type: ignore[arg-type]  # a plain dict is a scope
    asyncio.run(layer({"type": "lifespan"}, receive, send))
    assert seen == ["lifespan"]

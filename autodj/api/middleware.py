"""The one layer around every request: its id, its figures, its log line, its safety headers."""

from __future__ import annotations

import re
import secrets
import time
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, count

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autodj.api.problems import crash_response

access = structlog.get_logger("autodj.access")

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_CLIENT_GONE = 499
_MAX_LOGGED_PATH = 200
_PROCESS_ID = secrets.token_hex(6)
_numbers = count(1)
_SAFETY = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))


class HttpMetrics(Collector):
    """Requests and their duration by method, route template and status class.

    Counted in plain lists by the event loop's one thread and made into metrics when they are
    read: the usual metric objects, with their locks, cost several times as much.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts: dict[tuple[str, str, str], list[int]] = {}
        self._sums_s: dict[tuple[str, str, str], float] = {}
        registry.register(self)

    def observe(self, *, method: str, route: str, status: int, duration_s: float) -> None:
        labels = (method if method in _METHODS else "other", route, f"{status // 100}xx")
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * (len(_BUCKETS_S) + 1)
            self._sums_s[labels] = 0.0
        counts[bisect_left(_BUCKETS_S, duration_s)] += 1
        self._sums_s[labels] += duration_s

    def collect(self) -> Iterator[Metric]:
        labels = ("method", "route", "status")
        requests = CounterMetricFamily("autodj_http_requests", "Requests answered.", labels=labels)
        durations = HistogramMetricFamily(
            "autodj_http_request_duration_seconds",
            "Time from the request to the last byte of the answer.",
            labels=labels,
        )
        bounds = [*map(str, _BUCKETS_S), "+Inf"]
        for values, counts in list(self._counts.items()):
            requests.add_metric(values, sum(counts))
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            durations.add_metric(values, buckets, self._sums_s[values])
        yield requests
        yield durations


class _Body:
    """The request's body, and whether it was read to its end."""

    def __init__(self, receive: Receive, headers: Mapping[bytes, bytes]) -> None:
        self._receive = receive
        empty = headers.get(b"content-length", b"0") == b"0"
        self.read = empty and b"transfer-encoding" not in headers

    async def __call__(self) -> Message:
        message = await self._receive()
        self.read = self.read or not message.get("more_body", False)
        return message


@dataclass(slots=True)
class _Answer:
    """What has been sent so far."""

    request_id: str
    html_csp: bytes
    body: _Body
    send: Send
    status: int | None = None
    bytes_sent: int = 0
    whole: bool = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._guarded(list(message.get("headers", ())))
        elif message["type"] == "http.response.body":
            self.bytes_sent += len(message.get("body", b""))
            self.whole = not message.get("more_body", False)
        await self.send(message)

    def _guarded(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = dict(headers)
        headers.append((b"x-request-id", self.request_id.encode("ascii")))
        headers.extend([pair for pair in _SAFETY if pair[0] not in present])
        if not self.body.read:
            # Answered before the end: what still comes is not worth taking.
            headers.append((b"connection", b"close"))
        is_html = present.get(b"content-type", b"").startswith(b"text/html")
        if is_html and b"content-security-policy" not in present:
            headers.append((b"content-security-policy", self.html_csp))
        return headers


class RequestLayer:
    """Pure ASGI middleware; ``scope["state"]["request_id"]`` is set for everything inside.

    An error that nothing inside has handled becomes a 500 problem here, so that it carries
    the same headers as any answer. Once an answer has begun, the error goes on to the server,
    which cuts the connection: a short body must not look whole.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: HttpMetrics,
        html_csp: str,
        quiet_paths: Collection[str] = (),
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._html_csp = html_csp.encode("ascii")
        self._quiet_paths = frozenset(quiet_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        context = request_context(headers)
        scope.setdefault("state", {})["request_id"] = context["request_id"]
        body = _Body(receive, headers)
        answer = _Answer(context["request_id"], self._html_csp, body, send)
        began_s = time.perf_counter()
        tokens = structlog.contextvars.bind_contextvars(**context)
        try:
            await self._answer(scope, body, answer)
        finally:
            self._record(scope, answer, time.perf_counter() - began_s)
            structlog.contextvars.reset_contextvars(**tokens)

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # the outermost border: everything ends here
            if answer.status is not None:
                raise
            await crash_response(error, scope)(scope, receive, answer)

    def _record(self, scope: Scope, answer: _Answer, duration_s: float) -> None:
        status = answer.status or _CLIENT_GONE
        route = route_template(scope)
        self._metrics.observe(
            method=scope["method"], route=route, status=status, duration_s=duration_s
        )
        # Without the query string: it may hold a signature.
        path = scope["path"]
        (access.debug if path in self._quiet_paths else access.info)(
            "request",
            method=scope["method"],
            path=path[:_MAX_LOGGED_PATH],
            route=route,
            status=status,
            duration_ms=round(duration_s * 1000, 2),
            bytes_sent=answer.bytes_sent,
            whole=answer.whole,
            client=(scope.get("client") or (None,))[0],
        )


def request_context(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """``request_id``, and ``trace_id`` and ``parent_id`` from a W3C traceparent.

    A caller's X-Request-ID is kept when it is short and plain, else a new one is made.
    """
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    context = {"request_id": given if _REQUEST_ID.fullmatch(given) else _new_id()}
    trace = _TRACEPARENT.fullmatch(headers.get(b"traceparent", b"").decode("latin-1"))
    if trace is not None and int(trace[1], 16) and int(trace[2], 16):
        context |= {"trace_id": trace[1], "parent_id": trace[2]}
    return context


def _new_id() -> str:
    # Unique, and no secret: cheaper than random digits for each request.
    return f"{_PROCESS_ID}-{next(_numbers):x}"


def route_template(scope: Scope) -> str:
    """The path pattern that answered, so that figures do not grow with ids."""
    route = scope.get("route")
    if route is None:
        return "unmatched"
    mounted: str = scope.get("root_path", "").removeprefix(scope.get("app_root_path", ""))
    return mounted if isinstance(route, Mount) else mounted + str(route.path)

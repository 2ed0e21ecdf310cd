"""The one layer around every request: its id, its figures, its log line, its safety headers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import structlog
from starlette.applications import Starlette
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Mount
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from autodj.api.access_log import AccessLog, log_access
from autodj.api.figures import HttpMetrics
from autodj.api.problems import crash_response
from autodj.api.ready import SAFETY_HEADERS, Ready
from autodj.api.request_ids import request_context

_CLIENT_GONE = 499
_MAX_LOGGED_PATH = 200


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
        headers.extend([pair for pair in SAFETY_HEADERS if pair[0] not in present])
        if not self.body.read:
            # Answered before the end: what still comes is not worth taking.
            headers.append((b"connection", b"close"))
        is_html = present.get(b"content-type", b"").startswith(b"text/html")
        if is_html and b"content-security-policy" not in present:
            headers.append((b"content-security-policy", self.html_csp))
        return headers


Ahead: TypeAlias = Callable[[Scope, Mapping[bytes, bytes]], Ready | None]
"""A whole answer to the request with these headers, or None: it is to be routed."""


def nothing_ahead(scope: Scope, headers: Mapping[bytes, bytes]) -> None:
    """Every request is routed."""


class RequestLayer:
    """Pure ASGI middleware; ``scope["state"]["request_id"]`` is set for everything inside.

    What ``ahead`` has an answer for goes no further than here. An error that nothing inside
    has handled becomes a 500 problem here, so that it carries the same headers as any answer.
    Once an answer has begun, the error goes on to the server, which cuts the connection: a
    short body must not look whole.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: HttpMetrics,
        html_csp: str,
        quiet_paths: Collection[str] = (),
        ahead: Ahead = nothing_ahead,
        access_log: AccessLog | None = log_access,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._html_csp = html_csp.encode("ascii")
        self._quiet_paths = frozenset(quiet_paths)
        self._ahead = ahead
        self._log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        headers = dict(scope["headers"])
        ready = self._ahead(scope, headers)
        if ready is not None:
            await self._give(ready, scope, headers, send, began_s)
            return
        context = request_context(headers)
        scope.setdefault("state", {})["request_id"] = context["request_id"]
        body = _Body(receive, headers)
        answer = _Answer(context["request_id"], self._html_csp, body, send)
        tokens = structlog.contextvars.bind_contextvars(**context)
        try:
            await self._answer(scope, body, answer)
        finally:
            self._record(
                scope,
                context,
                route=route_template(scope),
                status=answer.status or _CLIENT_GONE,
                bytes_sent=answer.bytes_sent,
                whole=answer.whole,
                duration_s=time.perf_counter() - began_s,
            )
            structlog.contextvars.reset_contextvars(**tokens)

    async def _give(
        self,
        ready: Ready,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        send: Send,
        began_s: float,
    ) -> None:
        context = request_context(headers)
        request_id = (b"x-request-id", context["request_id"].encode("ascii"))
        await send(
            {
                "type": "http.response.start",
                "status": ready.status,
                "headers": (*ready.headers, request_id),
            }
        )
        await send({"type": "http.response.body", "body": ready.body})
        self._record(
            scope,
            context,
            route=ready.route,
            status=ready.status,
            bytes_sent=len(ready.body),
            whole=True,
            duration_s=time.perf_counter() - began_s,
        )

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # the outermost border: everything ends here
            if answer.status is not None:
                raise
            await crash_response(error, scope)(scope, receive, answer)

    def _record(
        self,
        scope: Scope,
        context: Mapping[str, str],
        *,
        route: str,
        status: int,
        bytes_sent: int,
        whole: bool,
        duration_s: float,
    ) -> None:
        method, path, client = scope["method"], scope["path"], scope.get("client")
        self._metrics.observe(method=method, route=route, status=status, duration_s=duration_s)
        if self._log is None:
            return
        self._log(
            context,
            quiet=path in self._quiet_paths,
            method=method,
            # Without the query string: it may hold a signature.
            path=path[:_MAX_LOGGED_PATH],
            route=route,
            status=status,
            duration_s=duration_s,
            bytes_sent=bytes_sent,
            whole=whole,
            client=client[0] if client else None,
        )


class LayeredApp(Starlette):
    """Starlette inside the layer that ``layer`` puts around an application.

    Starlette's own outermost middleware is left out: the layer answers crashes too.
    """

    def __init__(
        self,
        layer: Callable[[ASGIApp], ASGIApp],
        *,
        exception_handlers: Mapping[Any, ExceptionHandler],
        **options: Any,  # noqa: ANN401 - those of Starlette
    ) -> None:
        super().__init__(exception_handlers=exception_handlers, **options)
        self._layer = layer

    def build_middleware_stack(self) -> ASGIApp:
        handled = {
            kind: handle
            for kind, handle in self.exception_handlers.items()
            if kind is not Exception
        }
        return self._layer(ExceptionMiddleware(self.router, handlers=handled))


def route_template(scope: Scope) -> str:
    """The path pattern that answered, so that figures do not grow with ids."""
    route = scope.get("route")
    if route is None:
        return "unmatched"
    mounted: str = scope.get("root_path", "").removeprefix(scope.get("app_root_path", ""))
    return mounted if isinstance(route, Mount) else mounted + str(route.path)

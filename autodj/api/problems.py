"""Every refusal as one RFC 9457 document: ours, the router's and the ones nobody foresaw."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from autodj.errors import AutodjError, InvalidRequest, MethodNotAllowed, NotFound, TooLarge

log = structlog.get_logger("autodj.problems")

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_S = 5
_ROUTER_ERRORS: Mapping[int, type[AutodjError]] = {
    400: InvalidRequest,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
}


def problem_response(error: AutodjError, scope: Scope) -> Response:
    """The error as a response to the request of ``scope``."""
    return _render(error.problem(), error.headers, scope)


def crash_response(error: Exception, scope: Scope) -> Response:
    """A 500 that says nothing of the error, whose text goes to the log with the request id."""
    log.error("request_crashed", request_id=request_id_of(scope), exc_info=error)
    return problem_response(AutodjError(), scope)


def request_id_of(scope: Scope) -> str | None:
    """The id that the middleware gave the request."""
    found: str | None = scope.get("state", {}).get("request_id")
    return found


async def on_autodj_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AutodjError)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # What is expected to pass needs no trace; what is not must be findable.
        trace = None if error.transient else error
        log.warning("request_failed", code=error.code, cause=repr(error.__cause__), exc_info=trace)
    return problem_response(error, request.scope)


async def on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = _ROUTER_ERRORS.get(error.status_code)
    members = known().problem() if known is not None else _plain(error.status_code)
    return _render(members, error.headers or {}, request.scope)


async def on_crash(request: Request, error: Exception) -> Response:
    return crash_response(error, request.scope)


PROBLEM_HANDLERS: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    AutodjError: on_autodj_error,
    HTTPException: on_http_exception,
    Exception: on_crash,
}
"""Hand to ``Starlette(exception_handlers=...)``."""


def _plain(status: int) -> dict[str, object]:
    phrase = HTTPStatus(status).phrase
    return {
        "type": "about:blank",
        "title": phrase,
        "status": status,
        "detail": phrase,
        "code": re.sub(r"[^a-z]+", "_", phrase.lower()),
        "hint": AutodjError.hint,
    }


def _render(members: dict[str, object], headers: Mapping[str, str], scope: Scope) -> Response:
    status = int(str(members["status"]))
    instance = quote(scope["path"], errors="replace")
    document = {**members, "instance": instance, "request_id": request_id_of(scope)}
    # ASCII, so that a lone surrogate in a detail cannot break the answer about it.
    body = json.dumps(document, default=str, separators=(",", ":")).encode("ascii")
    return Response(
        body,
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**_expected_headers(status), **headers},
    )


def _expected_headers(status: int) -> dict[str, str]:
    expected = {"Cache-Control": "no-store"}
    if status == HTTPStatus.UNAUTHORIZED:
        expected["WWW-Authenticate"] = 'Bearer realm="autodj"'
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        expected["Retry-After"] = str(_RETRY_AFTER_S)
    return expected

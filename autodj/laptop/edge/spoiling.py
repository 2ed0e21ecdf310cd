"""Faults put around the edge, which itself knows nothing of them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, MutableMapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autodj.errors import LinkRefused
from autodj.laptop.edge.answers import http_date
from autodj.laptop.edge.fault import Fault
from autodj.laptop.edge.viewer import Admit, Viewer, cached_by_path

SLOW_S: Final = 3.0
CLOCK_OFF_S: Final = 3600.0

_CORS: Final = frozenset({b"access-control-allow-origin"})


Faults = Collection[Fault]
RawHeaders = list[tuple[bytes, bytes]]
Message = MutableMapping[str, Any]

_ADMITTED: Final = {
    "link_missing": Fault.ACCEPTS_UNSIGNED,
    "link_tampered": Fault.ACCEPTS_TAMPERED,
    "link_wrong_address": Fault.ACCEPTS_TAMPERED,
    "link_unknown_key": Fault.ACCEPTS_UNKNOWN_KEY,
    "link_expired": Fault.EXPIRED_OK,
}
_MISSING: Final[dict[Fault, frozenset[bytes]]] = {
    Fault.NO_EXPOSE: frozenset({b"access-control-expose-headers"}),
    Fault.NO_CORP: frozenset({b"cross-origin-resource-policy"}),
    Fault.NO_ETAG: frozenset({b"etag"}),
    Fault.NO_CACHE_CONTROL: frozenset({b"cache-control"}),
}


def faulty_admission(admit: Admit, faults: Faults) -> Admit:
    """Lets through whom it should not, or nobody."""

    async def admitting(viewer: Viewer) -> None:
        signed = "Signature=" in viewer.query or "Signature=" in viewer.headers.get("cookie", "")
        if Fault.REFUSES_SIGNED in faults and signed:
            raise LinkRefused("No link is honoured.", code="link_tampered")
        try:
            await admit(viewer)
        except LinkRefused as error:
            if _ADMITTED.get(error.code) not in faults:
                raise

    return admitting


def faulty_cache_key(faults: Faults) -> Callable[[Viewer], str]:
    """Divides the copies of an object that requests should share."""
    serial = itertools.count()

    def cache_key(viewer: Viewer) -> str:
        if Fault.NEVER_CACHES in faults:
            return f"{viewer.path} {next(serial)}"
        if Fault.SIGNATURE_IN_KEY in faults:
            return f"{viewer.path}?{viewer.query}"
        return cached_by_path(viewer)

    return cache_key


def faulty(app: ASGIApp, faults: Faults, *, slow_s: float = SLOW_S) -> ASGIApp:
    """The edge, with requests and answers spoilt on their way."""

    async def spoilt(scope: Scope, receive: Receive, send: Send) -> None:
        if Fault.SLOW in faults:
            await asyncio.sleep(slow_s)

        async def spoil(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = _spoilt_start(message, scope["method"], faults)
            elif Fault.WRONG_BYTES in faults and message.get("body"):
                message = {**message, "body": bytes(255 - each for each in message["body"])}
            await send(message)

        asked = {**scope, "headers": _spoilt_request(scope["headers"], faults)}
        await app(asked, receive, spoil)

    return spoilt


def _spoilt_request(headers: RawHeaders, faults: Faults) -> RawHeaders:
    spoilt: RawHeaders = []
    for name, value in headers:
        match name:
            case b"cookie" if Fault.DROPS_COOKIES in faults:
                continue
            case b"if-none-match" if Fault.NO_304 in faults:
                continue
            case b"range" if Fault.NO_RANGE in faults:
                continue
            case b"range" if Fault.NO_SUFFIX in faults and value.startswith(b"bytes=-"):
                continue
            case b"range" if Fault.WRONG_RANGE in faults:
                spoilt.append((name, _one_later(value)))
            case _:
                spoilt.append((name, value))
    return spoilt


def _spoilt_start(message: Message, method: str, faults: Faults) -> Message:
    status = _spoilt_status(message["status"], method, faults)
    missing = {name for fault in _MISSING.keys() & faults for name in _MISSING[fault]}
    if Fault.NO_CORS in faults and method != "OPTIONS":
        missing |= _CORS
    if Fault.NO_CORS_ON_ERRORS in faults and status >= 400:
        missing |= _CORS
    headers = [
        (name, _spoilt_value(name, value, faults))
        for name, value in message["headers"]
        if name not in missing
    ]
    return {**message, "status": status, "headers": headers}


def _spoilt_status(status: int, method: str, faults: Faults) -> int:
    if Fault.NO_PREFLIGHT in faults and method == "OPTIONS":
        return 403
    if (Fault.MISSING_IS_200 in faults and status == 404) or (
        Fault.NO_416 in faults and status == 416
    ):
        return 200
    return status


def _spoilt_value(name: bytes, value: bytes, faults: Faults) -> bytes:
    match name:
        case b"content-type" if Fault.WRONG_TYPE in faults:
            return b"text/plain"
        case b"etag" if Fault.WEAK_ETAG in faults:
            return b"W/" + value
        case b"date" if Fault.WRONG_CLOCK in faults:
            moment = parsedate_to_datetime(value.decode("ascii"))
            return http_date(moment.timestamp() - CLOCK_OFF_S).encode("ascii")
    return value


def _one_later(value: bytes) -> bytes:
    """The range of the same length a byte later; others as they are."""
    first, dash, last = value.removeprefix(b"bytes=").partition(b"-")
    if not (first.isdigit() and dash and last.isdigit()):
        return value
    return b"bytes=%d-%d" % (int(first) + 1, int(last) + 1)

"""Answers as they go out: objects, what S3 said in their place, and the edge's own refusals."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from autodj.cdn.template.playback import PREFLIGHT_S, READ_METHODS, REQUEST_HEADERS
from autodj.errors import LinkRefused
from autodj.laptop.edge.head import Found, Head, Result
from autodj.laptop.edge.origin import OriginAnswer
from autodj.laptop.edge.selection import Selection

PREFLIGHT: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Methods": ", ".join(READ_METHODS),
    "Access-Control-Allow-Headers": ", ".join(REQUEST_HEADERS),
    "Access-Control-Max-Age": str(PREFLIGHT_S),
}

_PASSED_ON_WITH_ERRORS: Final = ("content-type", "server", "retry-after")
# Of a refusal by signature CloudFront tells what is missing and which key it does not know.
_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "link_missing": ("MissingKey", "Missing Key-Pair-Id query parameter or cookie value"),
    "link_unknown_key": ("InvalidKey", "Unknown Key"),
}
_ORIGIN_FAILURES: Final[Mapping[int, tuple[str, str]]] = {
    502: ("OriginConnectError", "The origin could not be reached, or its answer made no sense."),
    503: ("CapacityExceeded", "The origin takes no more requests at the moment."),
    504: ("OriginCommError", "The origin did not answer in time."),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """``result`` is CloudFront's word for where it comes from, and ``detail`` the longer one of
    the access log. ``headers`` lack what every answer has; ``stream`` is there instead of
    ``body`` for an object's bytes, ``length`` of them.
    """

    status: int
    headers: Mapping[str, str]
    result: Result
    detail: str = ""
    length: int = 0
    body: bytes = field(default=b"", repr=False)
    stream: AsyncGenerator[bytes] | None = None


def described(found: Found, selection: Selection, result: Result, now: float) -> Answer:
    """An object or a part of it, still without its bytes; ``now`` in POSIX seconds."""
    head, part = found.head, selection.part
    headers = dict(head.headers)
    if head.etag:
        headers["etag"] = head.etag
    headers["date"] = http_date(head.fetched_at)
    if result in {"Hit", "RefreshHit"}:
        headers["age"] = str(max(0, int(now - head.fetched_at)))
    if selection.status == 304:
        headers.pop("content-type", None)
    if selection.status == 206:
        headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{head.size_bytes}"
    return Answer(selection.status, headers, result, length=part.length)


def unsatisfiable(head: Head) -> Answer:
    """There are no such bytes; Content-Range tells how many there are."""
    return _xml(
        416,
        "InvalidRange",
        "The requested range is not satisfiable",
        {"content-range": f"bytes */{head.size_bytes}"},
    )


def precondition_failed() -> Answer:
    return _xml(412, "PreconditionFailed", "A condition of the request does not hold")


def link_refused(error: LinkRefused) -> Answer:
    code, message = _REFUSALS.get(error.code, ("AccessDenied", "Access denied"))
    return _xml(403, code, message, {"server": "CloudFront"}, detail="AccessDenied")


def access_denied() -> Answer:
    """What S3 says of a path that names no object, or none that may be read."""
    return _xml(403, "AccessDenied", "Access Denied")


def wrong_method() -> Answer:
    return _page(
        403, "This distribution answers GET, HEAD and OPTIONS only.", "InvalidRequestMethod"
    )


def origin_refused(answer: OriginAnswer) -> Answer:
    """The origin's own words, or a page of ours when it said nothing."""
    if not answer.headers:
        detail, text = _ORIGIN_FAILURES.get(answer.status, _ORIGIN_FAILURES[502])
        return _page(answer.status, text, detail)
    headers = {
        name: answer.headers[name] for name in _PASSED_ON_WITH_ERRORS if name in answer.headers
    }
    return _refusal(answer.status, headers, "OriginError", answer.body)


def http_date(moment: float) -> str:
    """POSIX seconds in the form of HTTP."""
    return format_datetime(datetime.fromtimestamp(moment, UTC), usegmt=True)


def _xml(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
    *,
    detail: str = "",
) -> Answer:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    named = {"content-type": "application/xml", **(headers or {})}
    return _refusal(status, named, detail or code, body.encode())


def _page(status: int, text: str, detail: str) -> Answer:
    body = f"<!DOCTYPE html>\n<title>{status}</title>\n<h1>{status}</h1>\n<p>{text}</p>\n"
    headers = {"content-type": "text/html", "server": "CloudFront"}
    return _refusal(status, headers, detail, body.encode())


def _refusal(status: int, headers: Mapping[str, str], detail: str, body: bytes) -> Answer:
    return Answer(status, headers, "Error", detail, length=len(body), body=body)

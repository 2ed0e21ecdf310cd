"""Answers that are encoded once and given again, and what decides them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

RENDITION = re.compile(r"[a-z0-9_-]{1,32}")
SAFETY_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
_MAX_ACCEPT = 200
_OVERHEAD_BYTES = 600


class Asked(NamedTuple):
    """What is asked about one track: the route's template, and what chooses the form."""

    route: str
    rendition: str | None
    accept: bytes | None

    @property
    def is_common(self) -> bool:
        """Whether others may ask just this: only then is the answer worth keeping."""
        return len(self.accept or b"") <= _MAX_ACCEPT and (
            self.rendition is None or RENDITION.fullmatch(self.rendition) is not None
        )


def asked_of(request: Request) -> Asked:
    """What a routed request asks."""
    scope = request.scope
    accept = b", ".join([value for name, value in scope["headers"] if name == b"accept"])
    query = scope["query_string"]
    return Asked(
        route=scope["route"].path,
        rendition=request.query_params.get("rendition") if query else None,
        accept=accept or None,
    )


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer with all its headers but the request's id, good until a time (Unix seconds)."""

    route: str
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    good_until_s: float
    size_bytes: int


def make_ready(
    asked: Asked, status: int, headers: Mapping[str, str], body: bytes, *, good_until_s: float
) -> Ready:
    """Encode the answer to ``asked``; lengths and safety headers are added."""
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    names = {name for name, _ in raw}
    raw.append((b"content-length", str(len(body)).encode()))
    raw.extend(pair for pair in SAFETY_HEADERS if pair[0] not in names)
    return Ready(
        route=asked.route,
        status=status,
        headers=tuple(raw),
        body=body,
        good_until_s=good_until_s,
        size_bytes=_OVERHEAD_BYTES + len(body) + sum(len(n) + len(v) for n, v in raw),
    )


class ReadyResponse(Response):
    """Starlette's view of an answer that is ready."""

    def __init__(self, ready: Ready) -> None:
        self.status_code = ready.status
        self.body = ready.body
        self.background = None
        self.raw_headers = list(ready.headers)

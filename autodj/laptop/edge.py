"""The local edge: in front of a private store, it answers as CloudFront would.

It checks signed links, drops their parameters, caches, and adds the headers that a response
headers policy would add. What it does not know of CloudFront: cookies, custom policies, negative
caching and the collapsing of simultaneous requests for one object.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from autodj.api.files import PLAYBACK_HEADERS
from autodj.api.ranges import Selection, select, strong_etag
from autodj.cdn.policy import PublicKey, check_link
from autodj.errors import (
    AutodjError,
    LinkRefused,
    NotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
)
from autodj.laptop.blocks import BlockCache, read_through
from autodj.storage.base import ObjectStat, Storage
from autodj.storage.keys import KeyKind, is_key

log = structlog.get_logger("autodj.edge")

CACHE_BYTES: Final = 64 * 1024 * 1024
_FOLDERS: Final = tuple(f"{kind}/" for kind in KeyKind)
_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_PREFLIGHT: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Range, If-Range, If-Match, If-None-Match",
    "Access-Control-Max-Age": "86400",
    "Cache-Control": "no-store",
}
_TYPES: Final = {
    ".flac": "audio/flac",
    ".gz": "application/gzip",
    ".jpg": "image/jpeg",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
}


def _now() -> datetime:
    return datetime.now(UTC)


def edge_app(
    origin: Storage,
    public_keys: Mapping[str, PublicKey] | None,
    *,
    cache_bytes: int = CACHE_BYTES,
    now: Callable[[], datetime] = _now,
) -> ASGIApp:
    """The edge in front of ``origin``, as an ASGI application.

    ``public_keys`` is the key group by key pair id: then every link must be signed by one of
    them. None serves plain links, as a distribution without a key group does.
    """
    return _Edge(origin, public_keys, BlockCache(cache_bytes), now)


class _Edge:
    def __init__(
        self,
        origin: Storage,
        public_keys: Mapping[str, PublicKey] | None,
        cache: BlockCache,
        now: Callable[[], datetime],
    ) -> None:
        self._origin = origin
        self._public_keys = public_keys
        self._cache = cache
        self._now = now
        # Keys are never reused, so what was said of an object stays true.
        self._stats: dict[str, ObjectStat] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        request = Request(scope)
        try:
            response = await self._response(request)
        except AutodjError as error:
            response = _refusal(error, request.method)
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(headers=_PREFLIGHT)
        if request.method not in {"GET", "HEAD"}:
            return _error(request.method, 403, "AccessDenied", "GET, HEAD and OPTIONS only.")
        if self._public_keys is not None:
            check_link(_requested_url(request), now=self._now(), public_keys=self._public_keys)
        key = request.scope["path"].removeprefix("/")
        if not key.startswith(_FOLDERS) or not is_key(key):
            return _error(request.method, 403, "AccessDenied", "Access Denied")
        known = key in self._stats
        stat = await self._stat(key)
        etag = _strong_etag(stat)
        selection = select(
            request.headers, method=request.method, etag=etag, size_bytes=stat.size_bytes
        )
        if request.method == "HEAD" or selection.byte_range.length == 0:
            return Response(
                status_code=selection.status,
                headers=_object_headers(stat, etag, selection, hit=known),
            )
        headers = _object_headers(
            stat, etag, selection, hit=self._cache.covers(key, selection.byte_range)
        )
        return await self._with_body(stat, selection, headers)

    async def _stat(self, key: str) -> ObjectStat:
        stat = self._stats.get(key)
        if stat is None:
            stat = self._stats[key] = await self._origin.stat(key)
        return stat

    async def _with_body(
        self, stat: ObjectStat, selection: Selection, headers: dict[str, str]
    ) -> Response:
        read = partial(self._origin.read, stat.key)
        body = read_through(self._cache, stat, selection.byte_range, read)
        # An origin that fails must fail before a 200 has been sent.
        first = await anext(body)
        return StreamingResponse(_rejoined(first, body), selection.status, headers)


async def _rejoined(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _requested_url(request: Request) -> str:
    """What was signed: the URL as it was asked for, not as it was decoded."""
    path = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    url = f"{request.scope['scheme']}://{request.headers.get('host', '')}{path}"
    return f"{url}?{query}" if query else url


def _object_headers(
    stat: ObjectStat, etag: str, selection: Selection, *, hit: bool
) -> dict[str, str]:
    headers = {
        **PLAYBACK_HEADERS,
        "ETag": etag,
        "Last-Modified": format_datetime(stat.modified_at.astimezone(UTC), usegmt=True),
        "Cache-Control": _IMMUTABLE,
        "X-Cache": f"{'Hit' if hit else 'Miss'} from autodj edge",
    }
    if selection.status != 304:
        headers["Content-Type"] = _content_type(stat)
        headers["Content-Length"] = str(selection.byte_range.length)
    if selection.status == 206:
        wanted = selection.byte_range
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{stat.size_bytes}"
    return headers


def _content_type(stat: ObjectStat) -> str:
    if stat.content_type is not None:
        return stat.content_type
    return _TYPES.get(PurePosixPath(stat.key).suffix, "application/octet-stream")


def _strong_etag(stat: ObjectStat) -> str:
    """The store's own tag, or one made of what identifies an object that never changes."""
    tag = (stat.etag or "").removeprefix("W/").strip('"')
    return strong_etag(tag or sha256(f"{stat.key} {stat.size_bytes}".encode()).hexdigest())


def _refusal(error: AutodjError, method: str) -> Response:
    match error:
        case LinkRefused(code="link_missing"):
            return _error(method, 403, "MissingKey", "Missing Key-Pair-Id query parameter")
        case LinkRefused():
            return _error(method, 403, "AccessDenied", "Access denied")
        case NotFound():
            return _error(method, 404, "NoSuchKey", "The specified key does not exist.")
        case RangeNotSatisfiable():
            return _error(
                method, 416, "InvalidRange", "The requested range is not satisfiable", error.headers
            )
        case PreconditionFailed():
            return _error(method, 412, "PreconditionFailed", "A precondition did not hold")
    log.error("edge_origin_failed", code=error.code, detail=error.detail)
    return _error(method, 502, "BadGateway", "The origin failed")


def _error(
    method: str, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return Response(
        "" if method == "HEAD" else body,
        status,
        {
            **PLAYBACK_HEADERS,
            "Cache-Control": "no-store",
            "X-Cache": "Error from autodj edge",
            **(headers or {}),
        },
        media_type="text/xml",
    )

"""An edge in this process, in front of an origin that is a dictionary and keeps count."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import md5, sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiohttp
from multidict import CIMultiDict
from starlette.types import ASGIApp

from autodj.laptop.edge.app import Edge
from autodj.laptop.edge.cache import DiskCache
from autodj.laptop.edge.copies import Copies
from autodj.laptop.edge.distribution import Distribution, Keys
from autodj.laptop.edge.origin import OriginAnswer
from autodj.laptop.edge.selection import asked_range
from autodj.laptop.serving import serving
from autodj.storage.keys import track_key

TRACK_ID = UUID("0b8cf3f1-8a4e-4a57-9d5d-0a6f6d8c2f11")
DATA = bytes(range(256)) * 5000  # 1,280,000 bytes: three blocks of the cache
SIZE = len(DATA)
KEY = track_key(TRACK_ID, 1, sha256(DATA).hexdigest(), "mp3")
PATH = f"/{KEY}"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
MODIFIED = format_datetime(datetime(2026, 4, 1, 12, 0, tzinfo=UTC), usegmt=True)
IMMUTABLE = "public, max-age=31536000, immutable"


class Clock:
    """A time that passes when it is told to; called, it is POSIX seconds."""

    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


@dataclass
class Object:
    data: bytes
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"content-type": "audio/mpeg", "cache-control": IMMUTABLE}
    )

    @property
    def etag(self) -> str:
        return f'"{md5(self.data, usedforsecurity=False).hexdigest()}"'


@dataclass
class Shelf:
    """An origin as S3 is one. ``pause`` lets a test hold every answer back; ``answer`` makes
    another one of it.
    """

    objects: dict[str, Object] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    pause: Callable[[], Any] = lambda: asyncio.sleep(0)
    answer: Callable[[OriginAnswer], OriginAnswer] = lambda given: given

    async def get(self, path: str, headers: Mapping[str, str]) -> OriginAnswer:
        self.asked.append((path, headers.get("Range")))
        await self.pause()
        return self.answer(self._found(path, headers))

    def _found(self, path: str, headers: Mapping[str, str]) -> OriginAnswer:
        there = self.objects.get(path)
        if there is None:
            xml = b"<Error><Code>NoSuchKey</Code><Key>k</Key></Error>"
            return OriginAnswer(404, {"content-type": "application/xml"}, xml)
        said = {"etag": there.etag, "last-modified": MODIFIED, **there.headers}
        if headers.get("If-None-Match") == there.etag:
            return OriginAnswer(304, said, b"")
        part = asked_range(headers.get("Range"), len(there.data))
        if part is None and headers.get("Range") is None:
            return OriginAnswer(200, said, there.data)
        if part is None or not part.length:
            return OriginAnswer(416, {"content-type": "application/xml"}, b"<Error/>")
        told = f"bytes {part.start}-{part.stop - 1}/{len(there.data)}"
        return OriginAnswer(
            206, {**said, "content-range": told}, there.data[part.start : part.stop]
        )


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def x_cache(self) -> str:
        return self.headers["X-Cache"].removesuffix(" from cloudfront")


def scope_of(url: str, headers: Mapping[str, str], method: str) -> dict[str, Any]:
    """The request as a server hands it on."""
    target = urlsplit(url)
    named = {"host": target.netloc, **headers}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": target.scheme,
        "path": unquote(target.path),
        "raw_path": target.path.encode(),
        "query_string": target.query.encode(),
        "headers": [
            (name.lower().encode(), value.encode("latin-1")) for name, value in named.items()
        ],
        "client": ("127.0.0.1", 50000),
    }


class CutShort(Exception):
    """The server would have cut the connection in the middle of the body."""


@dataclass
class Client:
    """Asks an edge without a socket between. ``shelf`` is behind it, ``cache`` has its copies."""

    shelf: Shelf
    cache: DiskCache
    edge: ASGIApp
    copies: Copies
    clock: Clock
    url: str = "http://127.0.0.1:8100"

    async def ask(
        self, path: str = PATH, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> Answer:
        url = path if path.startswith("http") else f"{self.url}{path}"
        scope = scope_of(url, headers or {}, method)
        return await self._answered(scope)

    async def part(self, start: int, stop: int, path: str = PATH) -> Answer:
        return await self.ask(path, {"Range": f"bytes={start}-{stop - 1}"})

    async def _answered(self, scope: dict[str, Any]) -> Answer:
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            await asyncio.Event().wait()
            raise AssertionError("nobody leaves")

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        try:
            await self.edge(scope, receive, send)
        except Exception as error:  # whatever it is, the server cuts the connection
            raise CutShort from error
        headers = CIMultiDict(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in sent[0]["headers"]
        )
        body = b"".join(message.get("body", b"") for message in sent[1:])
        assert not sent[-1].get("more_body", False)
        if scope["method"] != "HEAD" and sent[0]["status"] != 304:
            assert headers["Content-Length"] == str(len(body))
        return Answer(sent[0]["status"], headers, body)


def edge_client(
    folder: Path,
    *,
    shelf: Shelf | None = None,
    keys: Keys | None = None,
    cache_bytes: int = 10_000_000,
    clock: Clock | None = None,
    **more: Any,
) -> Client:
    """An edge with PATH behind it, always at NOW unless the clock is moved."""
    shelf = shelf or Shelf({PATH: Object(DATA)})
    clock = clock or Clock()
    cache = DiskCache(folder, cache_bytes)
    edge = Edge(Distribution(keys), shelf, cache, now=clock, **more)
    return Client(shelf, cache, edge, edge.copies, clock)


@asynccontextmanager
async def served(client: Client) -> AsyncGenerator[tuple[str, aiohttp.ClientSession]]:
    """The same edge behind a socket."""
    # A kept connection would make the edge wait for it when it stops.
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with (
        aiohttp.ClientSession(connector=connector, auto_decompress=False) as session,
        serving(client.edge, dates=False) as url,
    ):
        yield url, session

"""Playing a track as a player does, and comparing every byte with the file that was sent."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from autodj.cli.client import API, Document
from autodj.cli.refusals import reason_of
from autodj.cli.where import Server
from autodj.errors import CommandError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was asked, what came, and whether that is right."""

    asked: str
    got: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Slice:
    """A Range header and the bytes it must bring, from ``start`` up to ``stop``."""

    header: str
    start: int
    stop: int


def slices(size_bytes: int) -> Sequence[Slice]:
    """What players ask for: the start, a seek, the tags at the end, a single byte."""
    middle = size_bytes // 2
    far = min(middle + 65_536, size_bytes)
    tail = min(4096, size_bytes)
    return [
        Slice("bytes=0-1023", 0, min(1024, size_bytes)),
        Slice(f"bytes={middle}-{far - 1}", middle, far),
        Slice(f"bytes=-{tail}", size_bytes - tail, size_bytes),
        Slice(f"bytes={size_bytes - 1}-", size_bytes - 1, size_bytes),
    ]


class Player:
    """Follows /audio/stream to where the bytes are. Only our server learns who we are."""

    def __init__(self, http: aiohttp.ClientSession, server: Server) -> None:
        self._http = http
        self._server = server

    async def follow(self, track_id: str) -> tuple[str, Check]:
        """Where the stream redirects to, and whether it does so as it should."""
        url = f"{self._server.url}{API}/tracks/{track_id}/audio/stream"
        headers = {"Authorization": f"Bearer {self._server.token}", "Range": "bytes=0-1023"}
        async with self._asked(url, headers, allow_redirects=False) as answer:
            location = answer.headers.get("Location", "")
            kept = answer.headers.get("Cache-Control")
            ok = answer.status == 307 and kept == "no-store"
            got = f"{answer.status} to {origin_of(location)}, {kept}" if location else "no redirect"
            return location, Check("GET /audio/stream", got, ok=ok)

    async def first_bytes(self, track_id: str, original: bytes) -> Check:
        """The beginning of the track, wherever it is just now."""
        url = f"{self._server.url}{API}/tracks/{track_id}/audio/stream"
        headers = {"Authorization": f"Bearer {self._server.token}", "Range": "bytes=0-65535"}
        async with self._asked(url, headers) as answer:
            body = await answer.read()
            ok = answer.status == 206 and body == original[:65536]
            return Check("GET /audio/stream", f"{answer.status}, {len(body):,} bytes", ok=ok)

    async def ranges(self, link: str, original: bytes) -> Check:
        """Several parts of the object: each must be a 206 with just the file's bytes there."""
        right: list[str] = []
        wrong: list[str] = []
        for part in slices(len(original)):
            status, body = await self._part(link, part, len(original))
            fits = status == 206 and body == original[part.start : part.stop]
            (right if fits else wrong).append(part.header.removeprefix("bytes="))
        got = f"wrong for {', '.join(wrong)}" if wrong else f"206 for {', '.join(right)}"
        return Check("Range: bytes=...", got, ok=not wrong)

    async def whole(self, link: str, original: bytes) -> Check:
        async with self._asked(link, {}) as answer:
            digest, size_bytes = hashlib.sha256(), 0
            async for block in answer.content.iter_any():
                digest.update(block)
                size_bytes += len(block)
        same = digest.digest() == hashlib.sha256(original).digest()
        said = f"{answer.status}, {size_bytes:,} bytes, SHA-256 {digest.hexdigest()[:12]}..."
        verdict = "as sent" if same else "but another was sent"
        return Check("all bytes", f"{said} {verdict}", ok=answer.status == 200 and same)

    async def forged(self, link: str) -> Check:
        """The same link for one second longer than was signed."""
        query = urlsplit(link).query
        expires = next((part for part in query.split("&") if part.startswith("Expires=")), "")
        other = f"Expires={int(expires.partition('=')[2] or 0) + 1}"
        async with self._asked(link.replace(expires, other) if expires else link, {}) as answer:
            got = f"{answer.status}: one second longer than was signed"
            return Check("a forged link", got, ok=answer.status == 403)

    async def _part(self, link: str, part: Slice, size_bytes: int) -> tuple[int, bytes]:
        """Status and body; a body whose Content-Range says something else counts as none."""
        async with self._asked(link, {"Range": part.header}) as answer:
            body = await answer.read()
        named = f"bytes {part.start}-{part.stop - 1}/{size_bytes}"
        return answer.status, body if answer.headers.get("Content-Range") == named else b""

    @asynccontextmanager
    async def _asked(
        self, url: str, headers: Mapping[str, str], *, allow_redirects: bool = True
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        try:
            async with self._http.get(
                url, headers=headers, allow_redirects=allow_redirects
            ) as answer:
                yield answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CommandError(f"{origin_of(url)} does not answer ({reason_of(error)})") from error


def link_check(link: Document, sha256: str, size_bytes: int, cdn_origin: str) -> Check:
    """The answer of /audio/url: it must lead to the CDN and name these very bytes."""
    ok = (
        link["source"] == "s3"
        and origin_of(link["url"]) == cdn_origin
        and link["etag"] == f'"{sha256}"'
        and link["size_bytes"] == size_bytes
        and link["expires_at"] is not None
    )
    facts = (
        f"source {link['source']}",
        link["content_type"],
        f"{link['size_bytes']:,} bytes",
    )
    got = ", ".join(facts)
    return Check("GET /audio/url", got, ok=ok)


def origin_of(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

"""A page's player, as far as a server can tell."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp
from yarl import URL

from autodj.cdn.check.evidence import Reply, Setup
from autodj.errors import CommandError

PAGE: Final = "https://page.example"


class Visitor:
    """Asks as from the page ``PAGE``."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        return await self.ask("GET", url, {"Origin": PAGE, **(headers or {})})

    async def ask(self, method: str, url: str, headers: Mapping[str, str]) -> Reply:
        """The answer; CommandError when there is none."""
        began_s, began_at = time.monotonic(), datetime.now(UTC)
        try:
            async with self._http.request(
                method, URL(url, encoded=True), headers=headers, allow_redirects=False
            ) as answer:
                first_byte_s = time.monotonic() - began_s
                return Reply(
                    status=answer.status,
                    headers=answer.headers,
                    body=await answer.read(),
                    first_byte_s=first_byte_s,
                    asked_at=began_at + timedelta(seconds=first_byte_s / 2),
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            place = URL(url).origin()
            raise CommandError(
                f"{place} does not answer ({error or type(error).__name__})",
                hint="Check CLOUDFRONT_DOMAIN, its DNS record, and that its certificate fits.",
            ) from error

    async def if_any(self, url: str | None) -> Reply | None:
        """The answer, where there is an address and somebody who answers there."""
        if url is None:
            return None
        try:
            return await self.get(url)
        except CommandError:
            return None

    async def over_http(self, setup: Setup) -> Reply | None:
        """The answer without TLS to a plain link."""
        if setup.http_origin is None:
            return None
        link = URL(setup.signer.plain_link(setup.sample.key))
        return await self.if_any(f"{setup.http_origin}{link.raw_path}")


@asynccontextmanager
async def open_visitor(ca: ssl.SSLContext | None) -> AsyncGenerator[Visitor]:
    timeout = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=30)
    connector = aiohttp.TCPConnector(ssl=ca or True)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False
    ) as http:
        yield Visitor(http)

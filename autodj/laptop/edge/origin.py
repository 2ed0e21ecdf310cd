"""The bucket behind the edge, read as CloudFront's origin access control reads it: every request
is signed (SigV4), so the bucket itself can stay private.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import Final, Protocol
from urllib.parse import quote, unquote_to_bytes, urlsplit

import aiohttp
from yarl import URL

from autodj.errors import StoreFaulty, StoreTimeout, StoreUnreachable
from autodj.laptop.sigv4 import EMPTY_HASH, signed_headers

ATTEMPTS: Final = 3
MAX_BODY_BYTES: Final = 8 * 1024 * 1024

_TIMEOUT: Final = aiohttp.ClientTimeout(sock_connect=10, sock_read=30)


@dataclass(frozen=True, slots=True)
class OriginAnswer:
    """An answer in full. ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Origin(Protocol):
    """Where the objects are. ``path`` is a URL's path, percent-encoded, with its first slash."""

    async def get(self, path: str, headers: Mapping[str, str]) -> OriginAnswer:
        """The answer to a GET, whatever its status. StoreError when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and who may read it. Without ``endpoint_url`` it is AWS's.

    ``origin_path`` goes before every path, as the setting of that name does in a distribution.
    Without keys requests go unsigned.
    """

    name: str
    region: str
    endpoint_url: str | None = None
    path_style: bool = False
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    origin_path: str = ""

    def url(self, path: str) -> str:
        """Where the object of this URL path is."""
        origin, base = self._place()
        folder = self.origin_path.strip("/")
        text = f"/{folder}{path}" if folder else path
        return f"{origin}{base}{quote(unquote_to_bytes(text), safe='/-._~')}"

    def _place(self) -> tuple[str, str]:
        endpoint = self.endpoint_url or f"https://s3.{self.region}.amazonaws.com"
        parts = urlsplit(endpoint.rstrip("/"))
        if self.path_style:
            return f"{parts.scheme}://{parts.netloc}", f"{parts.path}/{self.name}"
        return f"{parts.scheme}://{self.name}.{parts.netloc}", parts.path


class S3Origin:
    """The bucket through one pool of connections."""

    def __init__(self, http: aiohttp.ClientSession, bucket: Bucket) -> None:
        self._http = http
        self._bucket = bucket

    async def get(self, path: str, headers: Mapping[str, str]) -> OriginAnswer:
        return await self._asked("GET", self._bucket.url(path), headers, b"")

    async def put(self, path: str, body: bytes, headers: Mapping[str, str]) -> OriginAnswer:
        """Store an object that is not delivered: a file of the access log."""
        return await self._asked("PUT", self._bucket.url(path), headers, body)

    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> OriginAnswer:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._once(method, url, headers, body)
            except TimeoutError as error:
                raise StoreTimeout("The origin did not answer in time.") from error
            except aiohttp.ClientError as error:
                if attempt == ATTEMPTS:
                    raise StoreUnreachable(f"The origin's connection failed: {error}.") from error
        raise AssertionError("the last attempt returns or raises")

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> OriginAnswer:
        signed = {**headers, **self._signature(method, url, body)}
        async with self._http.request(
            method,
            URL(url, encoded=True),
            headers=signed,
            data=BytesIO(body) if body else None,
            timeout=_TIMEOUT,
            allow_redirects=False,
        ) as answer:
            if (answer.content_length or 0) > MAX_BODY_BYTES:
                raise StoreFaulty("The origin sends far more than it was asked for.")
            named = {name.lower(): value for name, value in answer.headers.items()}
            return OriginAnswer(answer.status, named, await answer.read())

    def _signature(self, method: str, url: str, body: bytes) -> dict[str, str]:
        bucket = self._bucket
        if bucket.access_key is None or bucket.secret_key is None:
            return {}
        parts = urlsplit(url)
        return signed_headers(
            method,
            parts.netloc,
            parts.path,
            access_key=bucket.access_key,
            secret_key=bucket.secret_key,
            session_token=bucket.session_token,
            region=bucket.region,
            now=datetime.now(UTC),
            body_hash=sha256(body).hexdigest() if body else EMPTY_HASH,
        )


@asynccontextmanager
async def open_origin(bucket: Bucket) -> AsyncGenerator[S3Origin]:
    """The bucket, with its connections open until the block ends."""
    # Bodies are passed on as they are stored, a compressed one among them.
    async with aiohttp.ClientSession(auto_decompress=False, trust_env=False) as http:
        yield S3Origin(http, bucket)

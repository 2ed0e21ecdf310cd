"""Fetch a file from a URL that a stranger wrote, without becoming the stranger's hands.

Each hop is parsed once, looked up once, and refused unless every address it leads to is public;
the socket is then made to one of exactly those addresses, so a name that changes its mind
between the check and the connection (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from autodj.errors import FetchFailed, TooLarge
from autodj.tracks.addresses import check_addresses, check_redirect, check_url, is_literal
from autodj.tracks.fetch_limits import Fetched, FetchLimits
from autodj.tracks.filenames import name_in_disposition, name_in_path
from autodj.tracks.landing import Landing

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Progress = Callable[[int, int | None], None]

_CHUNK_BYTES = 256 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {
    "User-Agent": "autodj",
    "Accept": "audio/*, */*;q=0.5",
    # A coding would let a small body grow without bound; audio gains nothing from one.
    "Accept-Encoding": "identity",
}


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """Every address the system knows for the host."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def fetch(
    url: str,
    into: Path,
    *,
    limits: FetchLimits,
    resolve: Resolve = resolve_host,
    on_progress: Progress | None = None,
) -> Fetched:
    """Download ``url`` to the path ``into``, which exists afterwards only on success.

    ``on_progress`` gets the bytes so far and the announced total. Raises UrlNotAllowed before
    any connection, TooLarge, DiskFull, or FetchFailed with ``reason``: dns, connection, tls,
    timeout, status, redirects, content_coding or truncated.
    """
    try:
        async with asyncio.timeout(limits.total_s):
            target = check_url(url, allowed_ports=limits.allowed_ports)
            for _ in range(limits.max_redirects + 1):
                addresses = await _look_up(target, limits, resolve)
                with _network_errors():
                    async with (
                        _session(addresses, limits) as session,
                        session.get(target, allow_redirects=False) as response,
                    ):
                        if response.status not in _REDIRECTS:
                            return await _land(response, into, limits, on_progress)
                        location = response.headers.get("Location", "")
                target = check_redirect(target, location, allowed_ports=limits.allowed_ports)
    except TimeoutError as error:
        raise FetchFailed("The file did not arrive in time.", reason="timeout") from error
    raise FetchFailed(
        f"The URL redirects more than {limits.max_redirects} times.", reason="redirects"
    )


async def _look_up(target: URL, limits: FetchLimits, resolve: Resolve) -> tuple[str, ...]:
    host = target.raw_host or ""
    if is_literal(host):
        return check_addresses([host], allow_private=limits.allow_private)
    try:
        async with asyncio.timeout(limits.connect_s):
            found = await resolve(host, target.port or 0)
    except (OSError, UnicodeError) as error:
        raise FetchFailed("The host of the URL cannot be found.", reason="dns") from error
    return check_addresses(found, allow_private=limits.allow_private)


def _session(addresses: Sequence[str], limits: FetchLimits) -> aiohttp.ClientSession:
    """A session that can reach these addresses and nothing else, and takes no environment
    proxy, no cookie and no stored password along.
    """
    connector = aiohttp.TCPConnector(
        resolver=_Pinned(addresses),
        use_dns_cache=False,
        force_close=True,
        socket_factory=partial(_socket_to, addresses),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(sock_connect=limits.connect_s, sock_read=limits.read_s),
        headers=_HEADERS,
        auto_decompress=False,
        trust_env=False,
    )


def _socket_to(addresses: Sequence[str], info: aiohttp.AddrInfoType) -> socket.socket:
    # The last word before a connection, whatever the client library resolved on its way here.
    family, kind, protocol, _, endpoint = info
    if str(ip_address(endpoint[0])) not in addresses:
        raise OSError(errno.EACCES, "the address was not checked")
    return socket.socket(family, kind, protocol)


class _Pinned(AbstractResolver):
    """Answers every name with the addresses that were checked."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        kinds = [(socket.AF_INET6 if ":" in a else socket.AF_INET, a) for a in self._addresses]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, address in kinds
            if family in {kind, socket.AF_UNSPEC}
        ]

    async def close(self) -> None: ...


async def _land(
    response: aiohttp.ClientResponse, into: Path, limits: FetchLimits, on_progress: Progress | None
) -> Fetched:
    _check_head(response, limits)
    with Landing(into, max_bytes=limits.max_bytes) as landing:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            await landing.write(chunk)
            if on_progress is not None:
                on_progress(landing.size_bytes, response.content_length)
        landed = await landing.finish()
    named = name_in_disposition(response.headers.get("Content-Disposition"))
    return Fetched(
        path=into,
        sha256=landed.sha256,
        size_bytes=landed.size_bytes,
        filename=named or name_in_path(response.url.raw_path),
    )


def _check_head(response: aiohttp.ClientResponse, limits: FetchLimits) -> None:
    if response.status != HTTPStatus.OK:
        raise FetchFailed(
            f"The URL answered {response.status}.",
            reason="status",
            upstream_status=response.status,
        )
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding != "identity":
        raise FetchFailed("The URL sends a coded body unasked.", reason="content_coding")
    if (response.content_length or 0) > limits.max_bytes:
        raise TooLarge(
            f"The file at the URL is larger than {limits.max_bytes} bytes.",
            max_bytes=limits.max_bytes,
        )


@contextmanager
def _network_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise FetchFailed("The server of the URL is silent.", reason="timeout") from error
    except aiohttp.ClientPayloadError as error:
        raise FetchFailed("The file stopped before its end.", reason="truncated") from error
    except aiohttp.ClientSSLError as error:
        raise FetchFailed("The server's certificate is not trusted.", reason="tls") from error
    except aiohttp.ClientError as error:
        raise FetchFailed(
            "The server of the URL cannot be reached.", reason="connection"
        ) from error

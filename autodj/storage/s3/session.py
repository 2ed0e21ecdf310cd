"""How the S3 client's requests travel: on connections of our own.

Two cores serve a gigabyte in seconds, so what is done for each byte counts. Here a body is taken
as the kernel hands it over, in large blocks that nobody copies, and sent from large reads. The
client still makes, signs, repeats and understands every request. What is unusual (a proxy, a
client certificate, a body in chunks) travels as the client's own HTTP library takes it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.httpsession import AIOHTTPSession
from aiohappyeyeballs import start_connection
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import ProxyConfiguration

from autodj.storage.s3.answers import Answer
from autodj.storage.s3.encrypting import encrypted, trusting
from autodj.storage.s3.sections import Section
from autodj.storage.s3.wire import Asked, Wire

KEEP_S: Final = 12.0
SECOND_ADDRESS_AFTER_S: Final = 0.25

# A server may close a connection while the next request is on its way; these can be sent again.
_REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
# A signature is for one host. AWS names the region of a bucket beside it, which the client follows;
# without it the client asks for it, is redirected again, and so without end.
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_REGION: Final = "x-amz-bucket-region"
_PORTS: Final = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


class LeanSession(AIOHTTPSession):
    """The client's way to the network (its ``http_session_cls``)."""

    def __init__(
        self,
        *,
        verify: Any = True,  # noqa: ANN401 - yes, no, or the file of those to trust
        timeout: Any = None,  # noqa: ANN401 - one number or a pair, as the client has it
        max_pool_connections: int = 10,
        client_cert: Any = None,  # noqa: ANN401 - only whether there is one matters here
        **more: Any,  # noqa: ANN401 - passed on
    ) -> None:
        super().__init__(
            verify=verify,
            timeout=timeout,
            max_pool_connections=max_pool_connections,
            client_cert=client_cert,
            **more,
        )
        both = timeout if isinstance(timeout, (list, tuple)) else (timeout, timeout)
        self._connect_s, self._silence_s = both
        self._certified = client_cert is not None
        self._proxies = ProxyConfiguration(
            proxies=more.get("proxies"), proxies_settings=more.get("proxies_config")
        )
        self._trust = verify
        self._context: ssl.SSLContext | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._places = asyncio.Semaphore(max_pool_connections)
        self._idle: dict[Origin, list[Wire]] = {}
        # One for each connection: a body that waits for the network keeps no other work waiting.
        self._threads = ThreadPoolExecutor(max_pool_connections, thread_name_prefix="s3-body")

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await super().__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._loop = None
        for wires in self._idle.values():
            for wire in wires:
                wire.drop()
        self._idle = {}
        self._threads.shutdown(wait=False)
        await super().__aexit__(exc_type, exc_val, exc_tb)

    async def send(self, request: Any) -> Any:  # noqa: ANN401 - as the client has it
        self._require_open()
        asked = self._asked(request)
        if asked is None:
            return await super().send(request)
        with _as_the_client_says_it(request):
            answer = await self._answered(request.url, asked)
            headers: Any = answer.headers
            if answer.status in _REDIRECTS and _REGION not in headers:
                answer.close()
                raise EndpointConnectionError(
                    endpoint_url=request.url, error=f"redirected with status {answer.status}"
                )
            found: Any = AioAWSResponse(request.url, answer.status, headers, answer)
            if not request.stream_output:
                await found.content
            return found

    def _require_open(self) -> None:
        """A mistake in the program is told as one: connections live in one event loop."""
        if self._loop is None:
            raise RuntimeError("This store is closed.")
        if self._loop is not asyncio.get_running_loop():
            raise RuntimeError("This store belongs to another event loop; open one in each.")

    def _asked(self, request: Any) -> Asked | None:  # noqa: ANN401 - as the client has it
        """The request as we send it, or None for what is not ours."""
        body = request.body or b""
        if isinstance(body, bytearray):
            body = bytes(body)
        if self._certified or not isinstance(body, (bytes, Section)):
            return None
        if "Transfer-Encoding" in request.headers or self._proxies.proxy_url_for(request.url):
            return None
        url = urlsplit(request.url)
        headers = {"host": _host_of(url.scheme, url.hostname or "", url.port)}
        for name, value in request.headers.items():
            headers[name.lower()] = value.decode() if isinstance(value, bytes) else str(value)
        headers["accept-encoding"] = "identity"
        if request.method in {"PUT", "POST"}:
            headers.setdefault(
                "content-length", str(len(body) if isinstance(body, bytes) else body.size)
            )
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        return Asked(request.method, target, headers, body)

    async def _answered(self, url: str, asked: Asked) -> Answer:
        parts = urlsplit(url)
        origin = parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]
        while True:
            wire = await self._free(origin)
            fresh = not wire.used
            answer = wire.ask(asked, self._silence_s, partial(self._over, origin))
            try:
                await wire.send(asked, answer)
                await answer.head()
            except ConnectionError:
                answer.close()
                if fresh or answer.started or asked.method not in _REPEATABLE:
                    raise
                continue
            except BaseException:
                answer.close()
                raise
            return answer

    def _over(self, origin: Origin, wire: Wire, keeps: bool) -> None:  # noqa: FBT001 - a callback
        if self._loop is None:
            wire.drop()
        elif keeps:
            wire.idle_since_s = time.monotonic()
            self._idle.setdefault(origin, []).append(wire)
        self._places.release()

    async def _free(self, origin: Origin) -> Wire:
        """A connection that nobody uses, the last one used first, or a new one."""
        await self._places.acquire()
        waiting = self._idle.get(origin, [])
        while waiting:
            wire = waiting.pop()
            if wire.open and time.monotonic() - wire.idle_since_s < KEEP_S:
                return wire
            wire.drop()
        try:
            return await self._connected(origin)
        except BaseException:
            self._places.release()
            raise

    async def _connected(self, origin: Origin) -> Wire:
        scheme, host, port = origin
        endpoint = f"{scheme}://{host}:{port}"
        if scheme == "https" and self._context is None:
            self._context = await asyncio.to_thread(trusting, self._trust)
        try:
            async with asyncio.timeout(self._connect_s):
                wire = await self._wired(host, port, self._context if scheme == "https" else None)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=endpoint, error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=endpoint, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=endpoint, error=error) from error
        return wire

    async def _wired(self, host: str, port: int, tls: ssl.SSLContext | None) -> Wire:
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        reached = await start_connection(
            addresses, happy_eyeballs_delay=SECOND_ADDRESS_AFTER_S, interleave=1
        )
        try:
            reached.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                reached = await encrypted(reached, tls, host, self._threads, self._connect_s)
        except BaseException:
            reached.close()
            raise
        return Wire(reached, self._threads)


@contextmanager
def _as_the_client_says_it(request: Any) -> Iterator[None]:  # noqa: ANN401 - as the client has it
    try:
        yield
    except TimeoutError as error:
        raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
    except ConnectionError as error:
        raise ConnectionClosedError(
            error=error, request=request, endpoint_url=request.url
        ) from error


def _host_of(scheme: str, host: str, port: int | None) -> str:
    """As it is signed: without the port that goes without saying."""
    name = f"[{host}]" if ":" in host else host
    return name if port in {None, _PORTS[scheme]} else f"{name}:{port}"

"""Requests on connections of our own, against servers that do what servers now and then do."""

from __future__ import annotations

import asyncio
import io
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop
from botocore.awsrequest import AWSRequest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from autodj.storage.base import ByteRange
from autodj.storage.s3.sections import body_of, reading_at
from autodj.storage.s3.session import LeanSession

LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Answers each connection by ``serve`` and remembers the heads of its requests."""

    serve: Serve
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def head(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        return head


@asynccontextmanager
async def listening(server: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    opened = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    try:
        yield f"{scheme}://127.0.0.1:{opened.sockets[0].getsockname()[1]}"
    finally:
        opened.close()


@asynccontextmanager
async def session(**options: Any) -> AsyncIterator[LeanSession]:
    async with LeanSession(**{"timeout": (60, 60), "max_pool_connections": 4, **options}) as opened:
        yield opened


def request(method: str, url: str, body: Any = None, **headers: str) -> Any:
    made = AWSRequest(method, url, {n.replace("_", "-"): v for n, v in headers.items()}, body)
    return made.prepare()


def answering(answer: bytes = OK) -> Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.head(reader)
            writer.write(answer)

    server = Server(serve)
    return server


async def test_requests_follow_each_other_on_one_connection() -> None:
    server = answering()
    async with listening(server) as url, session() as opened:
        for number in range(3):
            found = await opened.send(request("GET", f"{url}/a%20b?n={number}"))
            assert (found.status_code, await found.content) == (200, b"ok")

    assert server.connections == 1
    assert [head.split(b"\r\n")[0] for head in server.heads] == [
        f"GET /a%20b?n={number} HTTP/1.1".encode() for number in range(3)
    ]


async def test_a_body_is_taken_in_large_blocks() -> None:
    # A setting of asyncio's transports: another version may have another. Unset it is 256 KiB;
    # how much more is there at once is for the kernel to say.
    body = bytes(64 * 1024**2)
    server = answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    async with listening(server) as url, session() as opened:
        asked = request("GET", url)
        asked.stream_output = True
        found = await opened.send(asked)
        sizes = []
        while blocks := await found.raw.blocks():
            sizes += [len(block) for block in blocks]

    assert sum(sizes) == len(body)
    assert max(sizes) > 256 * 1024


async def test_no_more_connections_are_open_than_allowed() -> None:
    server = answering()
    async with listening(server) as url, session(max_pool_connections=2) as opened:
        await asyncio.gather(*(opened.send(request("GET", url)) for _ in range(12)))

    assert server.connections == 2
    assert len(server.heads) == 12


@pytest.mark.parametrize(("method", "repeated"), [("GET", True), ("POST", False)])
async def test_a_connection_closed_meanwhile_costs_nothing_where_that_is_safe(
    method: str, *, repeated: bool
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        writer.write(OK)
        if server.connections == 1:
            await server.head(reader)  # and is gone
        else:
            await reader.read()

    server = Server(serve)
    async with listening(server) as url, session() as opened:
        await opened.send(request("GET", url))
        if repeated:
            assert (await opened.send(request(method, url))).status_code == 200
        else:
            with pytest.raises(ConnectionClosedError):
                await opened.send(request(method, url))

    assert len(server.heads) == 3 if repeated else 2


async def test_a_new_connection_that_is_cut_is_a_fault() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await server.head(reader)

    server = Server(serve)
    async with listening(server) as url, session() as opened:
        with pytest.raises(ConnectionClosedError):
            await opened.send(request("GET", url))
    assert len(server.heads) == 1


async def test_a_body_is_kept_until_the_server_wants_it() -> None:
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        received.append(await reader.readexactly(3_000_000))
        writer.write(OK)
        await reader.read()

    server = Server(serve)
    content = bytes(range(250)) * 12_000
    async with listening(server) as url, session() as opened:
        body = body_of(reading_at(io.BytesIO(content)), ByteRange(0, 3_000_000))
        found = await opened.send(request("PUT", url, body, Expect="100-continue"))
    assert found.status_code == 200
    assert received == [content]


@pytest.mark.parametrize("wanted_first", [True, False])
async def test_a_server_that_refuses_gets_no_more_and_the_connection_is_not_used_again(
    *, wanted_first: bool
) -> None:
    refused = b"HTTP/1.1 412 No\r\nContent-Length: 2\r\n\r\nno"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        if wanted_first:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await reader.readexactly(1000)
        writer.write(refused)
        await writer.drain()
        await reader.read()

    server = Server(serve)
    async with listening(server) as url, session() as opened:
        for _ in range(2):
            body = body_of(lambda room, _place: len(room), ByteRange(0, 400_000_000))
            found = await opened.send(request("PUT", url, body, Expect="100-continue"))
            assert (found.status_code, await found.content) == (412, b"no")
    assert server.connections == 2


async def test_a_server_that_never_says_that_it_wants_a_body_gets_it() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        assert await reader.readexactly(4) == b"data"
        writer.write(OK)
        await reader.read()

    server = Server(serve)
    async with listening(server) as url, session() as opened:
        body = body_of(reading_at(io.BytesIO(b"data")), ByteRange(0, 4))
        found = await opened.send(request("PUT", url, body, Expect="100-continue"))
    assert found.status_code == 200


@pytest.mark.parametrize(("region", "status"), [(b"", None), (b"x-amz-bucket-region: x\r\n", 307)])
async def test_a_redirect_is_followed_only_to_a_region_that_is_named(
    region: bytes, status: int | None
) -> None:
    elsewhere = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.2:1/\r\n"
    server = answering(elsewhere + region + b"Content-Length: 0\r\n\r\n")
    async with listening(server) as url, session() as opened:
        if status is None:
            with pytest.raises(EndpointConnectionError, match="Could not connect"):
                await opened.send(request("GET", url))
        else:
            assert (await opened.send(request("GET", url))).status_code == status


async def test_silence_and_closed_doors_are_told_in_the_clients_words() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()

    async with listening(Server(serve)) as url, session(timeout=(60, 0.05)) as opened:
        with pytest.raises(ReadTimeoutError):
            await opened.send(request("GET", url))
    async with session() as opened:
        with pytest.raises(EndpointConnectionError):
            await opened.send(request("GET", url))
    async with session(timeout=(0, 60)) as opened:
        with pytest.raises(ConnectTimeoutError):
            await opened.send(request("GET", "http://127.0.0.1:9"))


async def test_a_cancelled_request_gives_its_place_back() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        if server.connections > 1:
            writer.write(OK)
        asked.set()
        await reader.read()

    asked = asyncio.Event()
    server = Server(serve)
    async with listening(server) as url, session(max_pool_connections=1) as opened:
        asking = asyncio.create_task(opened.send(request("GET", url)))
        await asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await opened.send(request("GET", url))).status_code == 200


async def test_a_header_cannot_become_a_second_request() -> None:
    server = answering()
    async with listening(server) as url, session() as opened:
        with pytest.raises(ValueError, match="header"):
            await opened.send(request("GET", url, None, A="b\r\nC: d"))
        assert (await opened.send(request("GET", url))).status_code == 200
    assert len(server.heads) == 1


async def test_only_who_is_trusted_is_spoken_to_over_tls(tmp_path: Path) -> None:
    certificate = certified(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n" + bytes(4_000_000))
    async with listening(server, context) as url:
        async with session(verify=str(certificate)) as opened:
            found = await opened.send(request("GET", url))
            assert await found.content == bytes(4_000_000)
        async with session() as opened:
            with pytest.raises(SSLError):
                await opened.send(request("GET", url))
        async with session(verify=False) as opened:
            assert (await opened.send(request("GET", url))).status_code == 200


async def test_a_proxy_is_used_where_there_is_one() -> None:
    server = answering()
    async with listening(server) as url, session(proxies={"http": url}) as opened:
        await opened.send(request("GET", "http://example.invalid/there"))

    assert server.heads[0].startswith(b"GET http://example.invalid/there HTTP/1.1")


def test_the_web_servers_event_loop_does_as_well(tmp_path: Path) -> None:
    async def go() -> None:
        await test_a_body_is_kept_until_the_server_wants_it()
        await test_a_cancelled_request_gives_its_place_back()
        await test_only_who_is_trusted_is_spoken_to_over_tls(tmp_path)

    uvloop.run(go())


def certified(folder: Path) -> Path:
    """A key and a certificate of its own for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([LOOPBACK]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file

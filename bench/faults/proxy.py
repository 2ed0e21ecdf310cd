"""A proxy in front of an S3 server that spoils some of what passes through it.

Requests are read whole and sent on over a connection of their own, so every fault has the whole
exchange before it: what was asked, and what the server truly answered.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

DRIP_S: Final = 0.05
BLOCK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer: its first line, its headers as they came, and its body."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def with_header(self, name: str, value: str | None) -> Message:
        kept = tuple(each for each in self.headers if each[0].lower() != name)
        return replace(self, headers=kept if value is None else (*kept, (name, value)))

    @property
    def method(self) -> str:
        return self.first.partition(" ")[0]

    @property
    def target(self) -> str:
        return self.first.split(" ")[1]

    def head(self) -> bytes:
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass
class Exchange:
    """One request, and the two sides of it."""

    request: Message
    writer: asyncio.StreamWriter
    forward: Callable[[Message], Awaitable[Message]]

    async def reply(self, answer: Message) -> None:
        self.writer.write(answer.head())
        for start in range(0, len(answer.body), BLOCK_BYTES):
            self.writer.write(answer.body[start : start + BLOCK_BYTES])
            await self.writer.drain()
        await self.writer.drain()

    async def pass_on(self) -> Message:
        return await self.forward(self.request)


Fault = Callable[[Exchange], Awaitable[None]]


class Cut(Exception):
    """The connection is to be dropped now."""


@dataclass
class FaultProxy:
    """``fault`` spoils the requests for which ``hits`` says so, counted from 0 since ``plan``."""

    upstream: str
    fault: Fault | None = None
    hits: Callable[[int], bool] = field(default=lambda _: False)
    count: int = 0
    spoilt: int = 0

    def plan(self, fault: Fault | None, hits: Callable[[int], bool]) -> None:
        self.fault, self.hits, self.count, self.spoilt = fault, hits, 0, 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await _read_request(reader, writer)
                exchange = Exchange(request, writer, self._forward)
                number, self.count = self.count, self.count + 1
                if self.fault is not None and self.hits(number):
                    self.spoilt += 1
                    await self.fault(exchange)
                else:
                    await exchange.reply(await exchange.pass_on())
        except (asyncio.IncompleteReadError, ConnectionError, Cut):
            pass  # the client has had enough, or the fault is that there is no more
        finally:
            writer.transport.abort()

    async def _forward(self, request: Message) -> Message:
        host, _, port = self.upstream.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=2**20)
        try:
            plain = request.with_header("expect", None).with_header("connection", "close")
            writer.write(plain.head())
            writer.write(request.body)
            await writer.drain()
            return await _read_answer(reader, request.method)
        finally:
            writer.close()


@asynccontextmanager
async def open_proxy(
    upstream: str, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[tuple[FaultProxy, str], None]:
    """The proxy and its URL; connections still open at the end are cut."""
    proxy = FaultProxy(upstream)
    running: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(proxy.serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0, limit=2**20, ssl=tls)
    scheme = "https" if tls else "http"
    try:
        yield proxy, f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Message:
    request = _parsed(await reader.readuntil(b"\r\n\r\n"))
    if request.header("expect"):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    length = int(request.header("content-length") or 0)
    return replace(request, body=await reader.readexactly(length))


async def _read_answer(reader: asyncio.StreamReader, method: str) -> Message:
    answer = _parsed(await reader.readuntil(b"\r\n\r\n"))
    length = answer.header("content-length")
    if method == "HEAD" or answer.first.split(" ")[1] in {"204", "304"}:
        return answer
    if length is not None:
        return replace(answer, body=await reader.readexactly(int(length)))
    if answer.header("transfer-encoding"):
        body = await _read_chunks(reader)
    else:
        body = await reader.read()
    plain = answer.with_header("transfer-encoding", None)
    return replace(plain.with_header("content-length", str(len(body))), body=body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return bytes(body)


def _parsed(head: bytes) -> Message:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Message(first, tuple((name, value.strip()) for name, _, value in pairs))

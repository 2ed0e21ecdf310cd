"""An HTTP server on loopback that misbehaves on request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass
class Exchange:
    """One request as it arrived, and the connection to answer on."""

    method: str
    target: str
    headers: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: bytes
    body: bytes = b""

    async def read_body(self) -> bytes:
        if self.headers.get("expect"):
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.body = await self.reader.readexactly(int(self.headers.get("content-length", "0")))
        return self.body


Answer = Callable[[Exchange], Awaitable[None]]


class FaultServer:
    """Answers each request with the next of ``answers``; the last one stays."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[Exchange] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                exchange = _parsed(head, reader, writer)
                self.requests.append(exchange)
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                await answer(exchange)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has had enough, as it should
        finally:
            writer.close()


@asynccontextmanager
async def served(server: FaultServer) -> AsyncIterator[str]:
    """The endpoint URL; connections still open at the end are cut."""
    running: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(server.serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _parsed(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange:
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, target, _version = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (li.partition(":") for li in lines)
    }
    return Exchange(method, target, headers, reader, writer, head)


def answering(
    status: str, body: bytes = b"", *, length: int | None = None, **headers: str
) -> Answer:
    """A whole answer; header names with ``_`` for ``-``; ``length`` lies about the body."""

    async def answer(exchange: Exchange) -> None:
        await exchange.read_body()
        _send_head(exchange, status, len(body) if length is None else length, headers)
        exchange.writer.write(b"" if exchange.method == "HEAD" else body)

    return answer


def failing(status: str, code: str) -> Answer:
    """An S3 error document."""
    body = f"<Error><Code>{code}</Code><Message>on purpose</Message></Error>".encode()
    return answering(status, body, content_type="application/xml")


def cutting(status: str, body: bytes, *, length: int, **headers: str) -> Answer:
    """A body that ends early with the connection."""

    async def answer(exchange: Exchange) -> None:
        await answering(status, body, length=length, **headers)(exchange)
        await exchange.writer.drain()
        raise ConnectionResetError

    return answer


def dripping(status: str, *, length: int, **headers: str) -> Answer:
    """One byte again and again, always before a read times out."""

    async def answer(exchange: Exchange) -> None:
        _send_head(exchange, status, length, headers)
        while True:
            exchange.writer.write(b"x")
            await exchange.writer.drain()
            await asyncio.sleep(0.05)

    return answer


async def hanging(_exchange: Exchange) -> None:
    await asyncio.Event().wait()


async def resetting(exchange: Exchange) -> None:
    exchange.writer.transport.abort()
    raise ConnectionResetError


async def losing_the_answer(exchange: Exchange) -> None:
    """Take the whole body, then reset: the client cannot know that it was stored."""
    await exchange.read_body()
    await resetting(exchange)


async def babbling(exchange: Exchange) -> None:
    await exchange.read_body()
    exchange.writer.write(b"\x00\x01 this is no HTTP\r\n\r\n")


def relaying(endpoint: str, change: Callable[[bytes], bytes]) -> Answer:
    """Pass the request on with its body changed, and the answer back."""
    host, _, port = endpoint.removeprefix("http://").partition(":")

    async def answer(exchange: Exchange) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(exchange.head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        writer.write(change(await exchange.read_body()))
        exchange.writer.write(await reader.read())
        writer.close()
        raise ConnectionResetError

    return answer


def _send_head(exchange: Exchange, status: str, length: int, headers: dict[str, str]) -> None:
    sized = [] if "transfer_encoding" in headers else [f"Content-Length: {length}"]
    lines = [f"HTTP/1.1 {status}", *sized]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    exchange.writer.write("\r\n".join([*lines, "", ""]).encode())

"""Small servers that say what they are told to, and sessions that ask them, encrypted or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSRequest

from autodj.storage.s3.session import LeanSession
from bench.storage.encrypted import Papers, serving

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


@dataclass(frozen=True)
class Way:
    """How servers are reached: with ``papers`` over TLS."""

    papers: Papers | None = None

    @asynccontextmanager
    async def listening(self, server: Server) -> AsyncIterator[str]:
        tls = serving(self.papers) if self.papers else None
        opened = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=tls)
        try:
            port = opened.sockets[0].getsockname()[1]
            yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        finally:
            opened.close()

    @asynccontextmanager
    async def session(self, **options: Any) -> AsyncIterator[LeanSession]:
        usual = {"timeout": (60, 60), "max_pool_connections": 4}
        trust = {"verify": str(self.papers.authority)} if self.papers else {}
        async with LeanSession(**{**usual, **trust, **options}) as opened:
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

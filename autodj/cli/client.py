"""The HTTP API as the commands use it; every refusal is an error with the server's own words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import aiohttp

from autodj.cli.refusals import ADDRESS, AwayServer, PassingFault, reason_of, refusal_of
from autodj.cli.where import Server
from autodj.errors import CommandError

API = "/api/v1"
BLOCK_BYTES = 256 * 1024
PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=180)
PAUSES_S = (1.0, 2.0, 4.0, 8.0)
PAGE = 200
Document = dict[str, Any]
Answer = TypeVar("Answer")
Query = Mapping[str, str | Sequence[str]]
"""By name; a value may be several."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a file: its track, and whether it was new."""

    track: Document
    created: bool


def unheard(_sent_bytes: int) -> None:
    """Nobody watches."""


class Client:
    """One server, asked by one user."""

    def __init__(self, http: aiohttp.ClientSession, server: Server) -> None:
        self._http = http
        self._server = server
        self._has_answered = False

    async def read(self, path: str, query: Query | None = None) -> Document:
        """The JSON under ``/api/v1``."""

        async def read() -> Document:
            async with self._ask("GET", path, params=query) as response:
                return await _document(response)

        return await self._patiently(read, AwayServer)

    async def save(self, path: str, query: Mapping[str, str], file: BinaryIO) -> None:
        """Write what the server sends into the file, block by block; all of it, or CommandError."""
        async with self._ask("GET", path, params=query) as response:
            async for block in response.content.iter_chunked(BLOCK_BYTES):
                await asyncio.to_thread(file.write, block)

    async def delete(self, path: str) -> None:
        async with self._ask("DELETE", path):
            pass

    async def order(self, path: str, order: Document | None = None) -> Document:
        """Order something of the server; the job to watch."""
        async with self._ask("POST", path, json=order) as response:
            return await _document(response)

    async def send_file(self, path: Path, on_sent: Callable[[int], None] = unheard) -> Sent:
        """Upload the file; ``on_sent`` hears how many of its bytes are on their way.

        Again from its start where the server was busy or away: what it has is not stored twice.
        """
        return await self._patiently(lambda: self._send_file(path, on_sent))

    async def tracks(self, query: Mapping[str, str]) -> AsyncIterator[Document]:
        """Every track that fits, newest first, page by page."""
        cursor: str | None = None
        while True:
            asked = {"limit": str(PAGE), **query, **({"cursor": cursor} if cursor else {})}
            page = await self.read("/tracks", asked)
            for track in page["items"]:
                yield track
            cursor = page["next_cursor"]
            if cursor is None:
                return

    async def watch(self, job_id: str) -> AsyncIterator[Document]:
        """The job now and at every change, until it is done or has failed."""
        failed = 0
        while True:
            try:
                async with self._ask("GET", f"/jobs/{job_id}/events") as response:
                    async for job in _events(response.content):
                        failed = 0
                        yield job
                        if job["state"] in {"done", "failed"}:
                            return
                await asyncio.sleep(PAUSES_S[0])  # the server went away in between
            except PassingFault as fault:
                await self._rest(fault, failed)
                failed += 1

    async def _patiently(
        self, ask: Callable[[], Awaitable[Answer]], passing: type[PassingFault] = PassingFault
    ) -> Answer:
        failed = 0
        while True:
            try:
                return await ask()
            except passing as fault:
                await self._rest(fault, failed)
                failed += 1

    async def _rest(self, fault: PassingFault, failed: int) -> None:
        """Wait for the next try; where there were enough, raise the fault. Of a server that stays
        away nothing more is hoped for until it has answered.
        """
        if failed == len(PAUSES_S):
            self._has_answered = False
            raise fault
        await asyncio.sleep(max(PAUSES_S[failed], fault.retry_after_s))

    async def _send_file(self, path: Path, on_sent: Callable[[int], None]) -> Sent:
        size_bytes = await asyncio.to_thread(lambda: path.stat().st_size)
        async with self._ask(
            "POST",
            "/tracks",
            params={"name": path.name.encode(errors="replace").decode()},
            data=_blocks(path, on_sent),
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Length": str(size_bytes),
            },
        ) as response:
            return Sent(await _document(response), created=response.status == 201)

    @asynccontextmanager
    async def _ask(
        self,
        method: str,
        path: str,
        **options: Any,  # noqa: ANN401 - aiohttp's own parameters
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        try:
            async with self._http.request(method, f"{API}{path}", **options) as response:
                self._has_answered = True
                if response.status >= 400:
                    raise await refusal_of(response)
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            kind = AwayServer if self._has_answered else CommandError
            raise kind(
                f"{self._server.url} does not answer ({reason_of(error)})",
                hint="Is it running, and is this its address? `autodj up` starts one here.",
            ) from error


@asynccontextmanager
async def open_client(server: Server) -> AsyncGenerator[Client]:
    """A client for the server; its connections are closed on leaving."""
    async with aiohttp.ClientSession(
        server.url,
        headers={"Authorization": f"Bearer {server.token}"},
        timeout=PATIENCE,
    ) as http:
        yield Client(http, server)


async def _document(response: aiohttp.ClientResponse) -> Document:
    """What an autodj answers with; CommandError for anything else."""
    try:
        document = json.loads(await response.read())
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise CommandError(f"{response.url.origin()} does not answer as autodj does", hint=ADDRESS)
    return document


async def _blocks(path: Path, on_sent: Callable[[int], None]) -> AsyncGenerator[bytes]:
    sent = 0
    with await asyncio.to_thread(path.open, "rb") as file:
        while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
            yield block
            sent += len(block)
            on_sent(sent)


async def _events(lines: aiohttp.StreamReader) -> AsyncGenerator[Document]:
    """The data of each server-sent event; one line of JSON each, as our API sends them."""
    async for line in lines:
        name, _, value = line.decode().rstrip("\r\n").partition(":")
        if name == "data" and value.strip():
            yield json.loads(value)

"""A connection to an S3 server, and how one request goes out on it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, cast

from autodj.storage.pouring import seen_through
from autodj.storage.s3.answers import Answer, Source
from autodj.storage.s3.hose import Hose
from autodj.storage.s3.sections import Section

# How long a server may take to say that it wants the body; one that never says so gets it then.
CONTINUE_WITHIN_S: Final = 1.0
# Written at a time: what the network does not take at once is kept, and moved along, by asyncio.
WRITE_BYTES: Final = 256 * 1024
# Taken at a time: asyncio asks the kernel for a quarter of this, and each turn of it costs.
READ_BYTES: Final = 1024 * 1024
# The same until the head is there: room is made for all of it, and an answer may be all head.
HEAD_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it goes out: ``target`` is path and query as they were signed."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | Section

    @property
    def waits(self) -> bool:
        return self.headers.get("expect", "").lower() == "100-continue"

    def head(self) -> bytes:
        """ValueError for what would be another request."""
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if any("\r" in line or "\n" in line or "\0" in line for line in lines):
            raise ValueError("A header would break the request.")
        return "\r\n".join([*lines, "", ""]).encode()


class Wire(asyncio.Protocol):
    """One request after the other; ``over`` hears when one is answered or the wire is lost."""

    def __init__(self, threads: Executor) -> None:
        """``threads`` read the bodies that are not encrypted, where somebody wants that."""
        self.open = True
        self.used = False
        self.idle_since_s = 0.0
        self._answer: Answer | None = None
        self._transport: asyncio.Transport | None = None
        self._full = False
        self._sent = True
        self._hose: Hose | None = None
        self._cut = False
        self._room: asyncio.Future[None] | None = None
        self._threads = threads
        self._source: Source | None = None

    def ask(self, asked: Asked, silence_s: float, over: Callable[[Wire, bool], None]) -> Answer:
        """Send the head; the answer fills as it arrives."""
        transport = self._sure()
        written = asked.head()

        def answered(keeps: bool) -> None:  # noqa: FBT001 - a callback's one argument
            self._answer = None
            self.used = True
            keeps = keeps and self._sent and not self._full and not self._cut
            if not keeps:
                self.drop()
            over(self, keeps)

        answer = Answer(
            asked.method, silence_s, flow=self._flow, over=answered, source=self._source
        )
        self._answer = answer
        self._read_at_most(HEAD_BYTES)
        self._sent = isinstance(asked.body, bytes) and not asked.waits
        if isinstance(asked.body, bytes) and self._sent:
            written += asked.body
        transport.write(written)
        return answer

    async def send(self, asked: Asked, answer: Answer) -> None:
        """Send the body, unless the server says its last word before that."""
        if self._sent:
            return
        if asked.waits:
            await _at_most(answer.may_send, CONTINUE_WITHIN_S)
        if isinstance(asked.body, bytes):
            self._sent = await self._write(asked.body, answer)
            return
        section = asked.body
        if self._source is not None and not self._sure().get_write_buffer_size():
            await self._push(section, answer)
            return
        section.seek(0)
        while section.tell() < section.length:
            if not await self._write(await section.next_block(), answer):
                return
        # Nothing is awaited after the last block: the answer may come at once.
        self._sent = True

    async def _push(self, section: Section, answer: Answer) -> None:
        if answer.headed or not self.open:
            return
        hose = self._hose = Hose(self._taken(), section)

        def push() -> None:
            self._sent = hose.push()  # in time for the answer, which may be first in the event loop

        try:
            await seen_through(push, self._threads, stop=hose.stop)
        finally:
            self._hose = None
            hose.close()

    def drop(self) -> None:
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    async def _write(self, block: bytes | memoryview, answer: Answer) -> bool:
        view = memoryview(block)
        for place in range(0, len(view), WRITE_BYTES):
            while self._full and not answer.headed:
                self._room = asyncio.get_running_loop().create_future()
                await self._room
            if answer.headed or not self.open:
                return False
            self._sure().write(view[place : place + WRITE_BYTES])
        return True

    def _sure(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    def _flow(self, wanted: bool) -> None:  # noqa: FBT001 - a callback's one argument
        if self.open:
            if wanted:
                self._sure().resume_reading()
            else:
                self._sure().pause_reading()

    def _read_at_most(self, count: int) -> None:
        transport = self._sure()
        if hasattr(transport, "max_size"):  # only where sockets are read by asyncio itself
            transport.max_size = count

    def _taken(self) -> socket.socket:
        """A handle of its own of the connection, for whoever reads it in a thread."""
        known = self._sure().get_extra_info("socket")
        try:
            fd = os.dup(known.fileno())
        except OSError as error:
            raise ConnectionError("the connection cannot be read") from error
        return socket.socket(known.family, known.type, known.proto, fd)

    def _move(self) -> None:
        if self._hose is not None and not self._sent:
            self._cut = True
            self._hose.stop()
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # Not 0: that of TLS is as full as that when it is empty, and nobody hears when it is not.
        self._transport.set_write_buffer_limits(high=1)
        if transport.get_extra_info("sslcontext") is None:
            self._source = Source(self._threads, self._taken)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.drop()  # nobody asked
        else:
            self._answer.feed(data)
            if self._answer is not None and self._answer.headed:
                self._read_at_most(READ_BYTES)
                self._move()

    def eof_received(self) -> None:
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._answer is not None:
            self._answer.lost(exc)
        self._move()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._move()


async def _at_most(event: asyncio.Event, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return

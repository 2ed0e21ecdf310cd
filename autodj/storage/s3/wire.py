"""A connection to an S3 server, and how one request goes out on it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Final

from autodj.storage.pouring import seen_through
from autodj.storage.s3.answers import Answer, Source
from autodj.storage.s3.hose import Hose
from autodj.storage.s3.line import Line, cut
from autodj.storage.s3.sections import Section

# How long a server may take to say that it wants the body; one that never says so gets it then.
CONTINUE_WITHIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it goes out: ``target`` is path and query as they were signed."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | Section

    def __post_init__(self) -> None:
        """ValueError for what would be another request."""
        if any(mark in line for line in self._lines for mark in "\r\n\0"):
            raise ValueError("A header would break the request.")

    @property
    def waits(self) -> bool:
        return self.headers.get("expect", "").lower() == "100-continue"

    def head(self) -> bytes:
        return "\r\n".join([*self._lines, "", ""]).encode()

    @property
    def _lines(self) -> list[str]:
        first = f"{self.method} {self.target} HTTP/1.1"
        return [first, *(f"{name}: {value}" for name, value in self.headers.items())]


class Wire:
    """One request after the other; ``over`` hears when one is answered or the wire is lost."""

    def __init__(self, connected: socket.socket, threads: Executor) -> None:
        """``threads`` read and send the bodies."""
        self.used = False
        self.idle_since_s = 0.0
        self._line = Line(connected, heard=self._heard, lost=self._lost)
        self._threads = threads
        self._answer: Answer | None = None
        self._sent = True

    @property
    def open(self) -> bool:
        return self._line.open

    def ask(self, asked: Asked, silence_s: float, over: Callable[[Wire, bool], None]) -> Answer:
        """Send the head; the answer fills as it arrives."""
        written = asked.head()

        def answered(keeps: bool) -> None:  # noqa: FBT001 - a callback's one argument
            self._answer = None
            self.used = True
            keeps = keeps and self._sent and self._line.clear
            if not keeps:
                self.drop()
            over(self, keeps)

        source = Source(self._threads, self._line)
        answer = Answer(asked.method, silence_s, flow=self._line.flow, over=answered, source=source)
        self._answer = answer
        self._sent = isinstance(asked.body, bytes) and not asked.waits
        if isinstance(asked.body, bytes) and self._sent:
            written += asked.body
        self._line.write(written)
        return answer

    async def send(self, asked: Asked, answer: Answer) -> None:
        """Send the body, unless the server says its last word before that."""
        if self._sent:
            return
        if asked.waits:
            await _at_most(answer.may_send, CONTINUE_WITHIN_S)
        if isinstance(asked.body, bytes):
            if not answer.headed:
                self._sent = True
                self._line.write(asked.body)
            return
        hose = Hose(asked.body)
        while not (hose.whole or hose.broken or answer.headed):
            with self._line.lent() as taken:
                await seen_through(
                    partial(hose.push, taken), self._threads, stop=partial(cut, taken)
                )
            self._sent = hose.whole
            self._line.read()

    def drop(self) -> None:
        self._line.drop()

    def _heard(self, data: bytes) -> None:
        if self._answer is None:
            self.drop()  # nobody asked
        else:
            self._answer.feed(data)

    def _lost(self, error: Exception | None) -> None:
        if self._answer is not None:
            self._answer.lost(error)


async def _at_most(event: asyncio.Event, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return

"""One answer of an S3 server as it arrives, taken apart without copying its body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Final

import httptools

from autodj.storage.pouring import Sink, seen_through
from autodj.storage.s3.line import Line, cut
from autodj.storage.s3.tap import Tap

MAX_HEAD_BYTES: Final = 64 * 1024
# What has arrived and nobody has taken; more stays with the network until it is wanted.
MAX_WAITING_BYTES: Final = 3 * 1024 * 1024

_CONTINUE: Final = 100
_OK: Final = 200
_BODILESS: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rest of a body can be had without the event loop, and who fetches it."""

    threads: Executor
    line: Line


class Answer:
    """Status, headers (names in lower case) and the body, in blocks as they came.

    Whoever waits for more than ``silence_s`` without a byte gets TimeoutError; a connection
    that breaks, or says what is not HTTP, raises ConnectionError, also in the middle of a body.
    """

    def __init__(
        self,
        method: str,
        silence_s: float,
        *,
        flow: Callable[[bool], None],
        over: Callable[[bool], None],
        source: Source | None = None,
    ) -> None:
        """``flow`` stops (False) and goes on (True) reading; ``over`` hears once that nothing
        more will come, and whether the connection may be used again. With a ``source`` a body
        stays with the network until somebody wants it.
        """
        self.status = 0
        self.headers: dict[str, str] = {}
        self.may_send = asyncio.Event()
        self.started = False
        self._method = method
        self._silence_s = silence_s
        self._flow = flow
        self._over = over
        self._source = source
        self._wanted = False
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._head_bytes = 0
        self._left: int | None = None
        self._keeps = False
        self._headed = self._done = self._stopped = self._told = False
        self._error: Exception | None = None
        self._blocks: list[bytes] = []
        self._waiting_bytes = 0
        self._news: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        return self._done or self._error is not None

    @property
    def headed(self) -> bool:
        """Whether the head of the last word is there, so that nothing more need be sent."""
        return self._headed or self._error is not None

    async def head(self) -> None:
        while not self._headed:
            await self._more()

    async def blocks(self) -> list[bytes]:
        """All that has arrived since the last call, waiting for some; empty at the end."""
        self._wanted = True
        while not self._blocks and not self._done:
            self._go_on()
            await self._more()
        taken = self._taken()
        self._go_on()
        return taken

    @property
    def pours(self) -> bool:
        """Whether the rest of the body can be had by ``pour``."""
        return self._source is not None and self._left is not None and not self.ended

    async def pour(self, sink: Sink, within_s: float) -> None:
        """The rest of the body to ``sink``, read from the network by a thread.

        ``within_s`` bounds the time that it waits; that of ``sink`` does not count.
        """
        assert self._source is not None
        assert self._left is not None
        self._stop()
        try:
            with self._source.line.lent() as taken:
                tap = Tap(taken, self._taken(), self._left, self._silence_s)
                quiet = await seen_through(
                    lambda: tap.pour(sink, within_s),
                    self._source.threads,
                    stop=partial(cut, taken),
                )
        except BaseException:
            self.close()
            raise
        self._left, self._done = 0, True
        self._keeps = self._keeps and quiet
        self._settle()

    async def read(self) -> bytes:
        """The rest of the body. Whoever does not get it needs the connection no more."""
        found: list[bytes] = []
        try:
            while blocks := await self.blocks():
                found += blocks
        except BaseException:
            self.close()
            raise
        return b"".join(found)

    def close(self) -> None:
        """Nobody wants the rest."""
        self.fail(ConnectionError("closed here"))

    def feed(self, data: bytes) -> None:
        self.started = True
        if self._left is None:
            self._parse(data)
        elif len(data) > self._left:
            self.fail(ConnectionError("more than was announced"))
        else:
            self._left -= len(data)
            self._done = not self._left
            self._take(data)
        if self._headed and self.pours and not self._wanted:
            self._stop()
        self._settle()

    def lost(self, error: Exception | None) -> None:
        """The connection is gone: the end of a body that tells no length, else a fault."""
        endless = self._left is None and "transfer-encoding" not in self.headers
        if self._headed and endless and error is None:
            self._keeps, self._done = False, True
            self._settle()
        else:
            self.fail(ConnectionError(f"the connection was lost: {error or 'by its end'}"))

    def fail(self, error: Exception) -> None:
        if not self.ended:
            self._error = error
            self._keeps = False
        self._settle()

    async def _more(self) -> None:
        if self._error is not None:
            raise self._error
        self._news = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(self._silence_s):
            await self._news

    def _settle(self) -> None:
        if self.ended and not self._told:
            self._told = True
            self._go_on()  # for whoever asks next
            self._over(self._keeps)
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
        if self.headed:
            self.may_send.set()

    def _parse(self, data: bytes) -> None:
        assert self._parser is not None
        if not self._headed:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._keeps = False
            self.fail(ConnectionError(f"this is no HTTP: {error}"))
            return
        if not self._headed and self._head_bytes > MAX_HEAD_BYTES:
            self.fail(ConnectionError("the head does not end"))
        elif self._left is not None and not self._done:
            self._parser = None  # the rest of the body is taken as it comes

    def _take(self, block: bytes) -> None:
        self._blocks.append(block)
        self._waiting_bytes += len(block)
        if self._waiting_bytes >= MAX_WAITING_BYTES and not self._done:
            self._stop()

    def _taken(self) -> list[bytes]:
        taken, self._blocks, self._waiting_bytes = self._blocks, [], 0
        return taken

    def _stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            self._flow(False)

    def _go_on(self) -> None:
        if self._stopped:
            self._stopped = False
            self._flow(True)

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._headed:
            self._keeps = False  # more than was asked for
        else:
            self.headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:  # else a trailer, or another answer
            self.headers[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status == _CONTINUE:
            self.may_send.set()
        if status < _OK or self._headed:
            return
        self.status = status
        self._headed = True
        self._keeps = self._parser.should_keep_alive()
        if self._method == "HEAD" or status in _BODILESS:
            self._left = 0
            self._done = True
        elif "transfer-encoding" not in self.headers and "content-length" in self.headers:
            self._left = int(self.headers["content-length"])

    def on_body(self, body: bytes) -> None:
        if self._done:
            self._keeps = False  # a body where none belongs
            return
        if self._left is not None:
            self._left -= len(body)
        self._take(body)

    def on_message_complete(self) -> None:
        self._done = self._done or self._headed

"""Sending an answer to a viewer who may leave at any time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from starlette.types import Receive, Send

from autodj.laptop.edge.answers import Answer

RawHeaders = Sequence[tuple[bytes, bytes]]


class Sending:
    """One answer on its way, and what is to be said of it afterwards: times in seconds from
    ``began_s`` (monotonic), and the bytes of its head and body.
    """

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        self.first_byte_after_s = 0.0
        self.sent_bytes = 0
        self.complete = False

    @property
    def taken_s(self) -> float:
        return time.monotonic() - self._began_s

    async def send(
        self, answer: Answer, headers: RawHeaders, *, head_only: bool, receive: Receive, send: Send
    ) -> None:
        """Returns early when the viewer leaves. An origin that fails in the middle raises, which
        makes the server cut the connection: only that tells the viewer the truth.
        """
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        self.sent_bytes += sum(len(name) + len(value) + 4 for name, value in headers)
        self.first_byte_after_s = self.taken_s
        if answer.stream is None or head_only:
            body = b"" if head_only else answer.body
            await send({"type": "http.response.body", "body": body})
            self.sent_bytes += len(body)
            self.complete = True
        else:
            async with aclosing(answer.stream) as stream:
                await self._pass_on(stream, receive, send)

    async def _pass_on(self, stream: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            async for piece in stream:
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                self.sent_bytes += len(piece)
            await send({"type": "http.response.body"})
            self.complete = True
        finally:
            gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

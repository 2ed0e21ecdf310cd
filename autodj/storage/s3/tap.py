"""The rest of a body, taken from its connection by the thread that has use for it.

A byte that the event loop receives is copied into memory that is new each time, and waits there
until a thread has its turn. A thread that reads by itself fills one small piece of memory again
and again, and threads do it side by side.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from typing import Final

from autodj.storage.pouring import Sink
from autodj.storage.s3.line import WOULD_WAIT, ready

# A file system takes memory for what is written in pieces as large as the write. A quarter of
# this costs a tenth more processor time, twice as much saves nothing.
ROOM_BYTES: Final = 1024 * 1024


class Tap:
    """``ahead`` is what has arrived already, ``left_bytes`` what the socket still has to give."""

    def __init__(
        self, taken: socket.socket, ahead: Sequence[bytes], left_bytes: int, silence_s: float
    ) -> None:
        self._socket = taken
        self._ahead = ahead
        self._left = left_bytes
        self._silence_s = silence_s
        self._waited_s = 0.0

    def pour(self, sink: Sink, within_s: float) -> bool:
        """Every byte to ``sink``, and whether the connection may be used again.

        Whatever has arrived before a fault has reached ``sink`` as well. TimeoutError after so
        long a silence, or when waiting took more than ``within_s`` in all; ConnectionError when
        the connection breaks, or says more than it announced.
        """
        for block in self._ahead:
            sink(block)
        room = memoryview(bytearray(min(self._left, ROOM_BYTES)))
        while self._left:
            self._pass_on(room[: self._left], sink, within_s)
        return self._is_quiet()

    def _pass_on(self, room: memoryview, sink: Sink, within_s: float) -> None:
        filled = 0
        try:
            while filled < len(room):
                filled += self._receive(room[filled:], within_s)
        finally:
            self._left -= filled
            if filled:
                sink(room[:filled])

    def _receive(self, room: memoryview, within_s: float) -> int:
        while True:
            try:
                count = self._socket.recv_into(room)
            except WOULD_WAIT:
                self._wait(within_s)
                continue
            except OSError as error:
                raise ConnectionError(f"the body breaks off: {error}") from error
            if not count:
                raise ConnectionError("the body ends before its length")
            return count

    def _wait(self, within_s: float) -> None:
        patience_s = min(self._silence_s, within_s - self._waited_s)
        began_s = time.monotonic()
        if patience_s <= 0 or not ready(self._socket, select.POLLIN, patience_s):
            raise TimeoutError("the body takes too long")
        self._waited_s += time.monotonic() - began_s

    def _is_quiet(self) -> bool:
        """What comes now would be taken for the answer to what is asked next."""
        try:
            more = self._socket.recv(1)
        except WOULD_WAIT:
            return True
        except OSError:
            return False
        if more:
            raise ConnectionError("more than was announced")
        return False

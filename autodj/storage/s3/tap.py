"""The rest of a body, taken from its connection by the thread that has use for it.

A byte that the event loop receives is copied into memory that is new each time, and waits there
until a thread has its turn. A thread that reads by itself fills one small piece of memory again
and again, which stays in the processor's cache, and threads do it side by side.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from autodj.storage.pouring import Sink
from autodj.storage.s3.sections import ROOM_BYTES


class Tap:
    """``ahead`` is what has arrived already, ``left_bytes`` what the socket still has to give."""

    def __init__(
        self, taken: socket.socket, ahead: Sequence[bytes], left_bytes: int, silence_s: float
    ) -> None:
        """``taken`` is a handle of its own of a connection, which stays open when it is closed."""
        self._socket = taken
        self._ahead = ahead
        self._left = left_bytes
        self._silence_s = silence_s
        self._patience_s = -1.0
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

    def stop(self) -> None:
        """From another thread: no more is received, and the connection is of no use."""
        with suppress(OSError):  # broken already
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()

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
        patience_s = min(self._silence_s, within_s - self._waited_s)
        if patience_s <= 0:
            raise TimeoutError("the body takes too long")
        if patience_s != self._patience_s:
            self._socket.settimeout(patience_s)
            self._patience_s = patience_s
        began_s = time.monotonic()
        count = self._socket.recv_into(room)
        self._waited_s += time.monotonic() - began_s
        if not count:
            raise ConnectionError("the body ends before its length")
        return count

    def _is_quiet(self) -> bool:
        """What comes now would be taken for the answer to what is asked next."""
        self._socket.settimeout(0)
        try:
            more = self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        if more:
            raise ConnectionError("more than was announced")
        return False

"""One connection, encrypted or not, that the event loop and threads have by turns.

Two sides may not be at an encrypted connection at once, not even one that reads and one that
writes, so whoever has it has all of it: the event loop for heads, a thread for each body.
"""

from __future__ import annotations

import asyncio
import math
import select
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

READ_BYTES: Final = 64 * 1024
# Read before the event loop has another turn: records of TLS come one by one.
TURN_BYTES: Final = 256 * 1024

# What a socket that never waits says instead of waiting.
WOULD_WAIT: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Line:
    """``heard`` is called with what arrives, ``lost`` once, when nothing more can: with the fault,
    or None where the other side ended it properly.
    """

    def __init__(
        self,
        connected: socket.socket,
        *,
        heard: Callable[[bytes], None],
        lost: Callable[[Exception | None], None],
    ) -> None:
        """``connected`` does not wait, and is closed by this."""
        self.open = True
        self._socket = connected
        self._fd = connected.fileno()
        self._heard = heard
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._unsent = b""
        self._wanted = True
        self._lent = self._reads = self._writes = False
        self._watch()

    @property
    def clear(self) -> bool:
        """Whether all that was written is out."""
        return not self._unsent

    def write(self, data: bytes) -> None:
        """Send it, now or as soon as the network takes it."""
        if self.open:
            self._unsent += data
            self._send()

    def flow(self, wanted: bool) -> None:  # noqa: FBT001 - a callback's one argument
        """Go on reading, or leave what comes to the network."""
        self._wanted = wanted
        self._watch()

    def read(self) -> None:
        """What has arrived, if anything has."""
        read_bytes = 0
        while self._listens and read_bytes < TURN_BYTES:
            try:
                data = self._socket.recv(READ_BYTES)
            except WOULD_WAIT:
                return
            except OSError as error:
                self._lose(error)
                return
            if not data:
                self._lose(None)
                return
            read_bytes += len(data)
            self._heard(data)

    @contextmanager
    def lent(self) -> Iterator[socket.socket]:
        """The socket for one thread, which has let go of it when this ends."""
        if not self.open or self._unsent:
            raise ConnectionError("the connection cannot be had")
        self._lent = True
        self._watch()
        try:
            yield self._socket
        finally:
            self._lent = False
            self._settle()

    def drop(self) -> None:
        if not self.open:
            return
        self.open = False
        if self._lent:
            cut(self._socket)
        self._settle()

    @property
    def _listens(self) -> bool:
        return self.open and self._wanted and not self._lent

    def _send(self) -> None:
        try:
            while self._unsent and self.open:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except WOULD_WAIT:
            pass
        except OSError as error:
            self._lose(error)
        self._watch()

    def _lose(self, error: Exception | None) -> None:
        self.drop()
        self._lost(error)

    def _settle(self) -> None:
        self._watch()
        if not self.open and not self._lent:
            self._socket.close()

    def _watch(self) -> None:
        reads, writes = self._listens, self.open and bool(self._unsent)
        if reads != self._reads:
            self._reads = reads
            if reads:
                self._loop.add_reader(self._fd, self.read)
            else:
                self._loop.remove_reader(self._fd)
        if writes != self._writes:
            self._writes = writes
            if writes:
                self._loop.add_writer(self._fd, self._send)
            else:
                self._loop.remove_writer(self._fd)


def cut(taken: socket.socket) -> None:
    """No more passes in either direction, and whoever waits for it knows; from any thread."""
    # Not by its own method: that of an encrypted socket first forgets that it is encrypted, and
    # what a thread sends in between would be readable.
    with suppress(OSError):  # broken already
        socket.socket.shutdown(taken, socket.SHUT_RDWR)


def ready(taken: socket.socket, events: int, within_s: float | None = None) -> int:
    """Which of these (``select.POLLIN``...) or of its faults there are; 0 for none in time."""
    waiting = select.poll()
    waiting.register(taken, events)
    found = waiting.poll(None if within_s is None else math.ceil(within_s * 1000))
    return found[0][1] if found else 0

"""A body on its way out, sent by the thread that reads it."""

from __future__ import annotations

import select
import socket

from autodj.storage.s3.line import WOULD_WAIT, ready
from autodj.storage.s3.sections import ROOM_BYTES, Section


class Hose:
    """Sends what ``body`` gives, 256 KiB at a time, from one small piece of memory."""

    def __init__(self, body: Section) -> None:
        body.seek(0)
        self.whole = self.broken = False
        self._body = body
        self._room = memoryview(bytearray(min(ROOM_BYTES, body.length)))
        # What the network did not take yet: with TLS it has to be the same when it is tried again.
        self._rest = self._room[:0]

    def push(self, taken: socket.socket) -> None:
        """Send until all is out (``whole``), nothing can be (``broken``), or the server says
        something, which is to be heard before it is called again.
        """
        while self._rest or self._refilled():
            if ready(taken, select.POLLIN, 0):
                return
            try:
                self._rest = self._rest[taken.send(self._rest) :]
            except WOULD_WAIT:
                ready(taken, select.POLLIN | select.POLLOUT)
            except OSError:
                self.broken = True
                return
        self.whole = True

    def _refilled(self) -> bool:
        self._rest = self._room[: self._body.read_into(self._room)]
        return bool(self._rest)

"""A body on its way out, sent by the thread that reads it."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

from autodj.storage.s3.sections import ROOM_BYTES, Section

# A server may be slow to take a body: whoever waits for the whole has a deadline for it.
ENDLESS_S: Final = 24 * 3600.0


class Hose:
    """Sends what ``body`` gives, 256 KiB at a time, from one small piece of memory."""

    def __init__(self, taken: socket.socket, body: Section) -> None:
        """``taken`` is a handle of its own of a connection, which stays open when it is closed."""
        self._socket = taken
        self._body = body

    def push(self) -> bool:
        """Whether the network took all of it; what else the server says, it says in its answer."""
        self._socket.settimeout(ENDLESS_S)
        self._body.seek(0)
        room = memoryview(bytearray(min(ROOM_BYTES, self._body.length)))
        while count := self._body.read_into(room):
            try:
                self._socket.sendall(room[:count])
            except OSError:
                return False
        return True

    def stop(self) -> None:
        """From another thread: nothing more is sent, though the server may still be heard."""
        with suppress(OSError):  # broken already
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()

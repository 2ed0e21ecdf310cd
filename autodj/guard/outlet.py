"""What an answer is written to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from fcntl import ioctl
from struct import pack, unpack
from termios import TIOCOUTQ
from typing import Any, Final

from autodj.guard.pace import Sending

# Answers have heads of some hundred bytes.
_HEAD_BYTES: Final = 4096
_UNSENT_BYTES: Final = 256 * 1024


class Outlet(asyncio.Transport):
    """The transport of a connection for its answers: counts the bytes, sends a head together
    with what follows it, and leaves it to the connection how to end.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        sending: Sending,
        finish: Callable[[], None],
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._sending = sending
        self._finish = finish
        self._held: bytes | bytearray | memoryview[Any] = b""
        self.finished = False

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        count = len(data)
        if not count:
            self.flush()
            return
        self._sending.written += count
        if self._held:
            # Two writes would be two packets, and two times that the client wakes up.
            held, self._held = self._held, b""
            self._transport.writelines((held, data))
        elif count < _HEAD_BYTES:
            self._held = data
            self._loop.call_soon(self.flush)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send what was held back for what might follow at once."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def close(self) -> None:
        self.flush()
        self.finished = True
        self._finish()

    def is_closing(self) -> bool:
        return self.finished or self._transport.is_closing()


def waiting_bytes(transport: asyncio.Transport) -> int:
    """How much waits for the client; 0 unless more waits than the kernel would take.

    What the kernel holds counts too: it makes room for us in steps of up to a megabyte, so a
    slow listener would else seem to have taken nothing for a minute.
    """
    in_process = transport.get_write_buffer_size()
    if in_process == 0:
        return 0
    try:
        raw = ioctl(transport.get_extra_info("socket").fileno(), TIOCOUTQ, bytes(4))
    except (OSError, AttributeError):
        # Not every system says it for sockets, and a socket may be closed by now.
        return in_process
    in_kernel: int = unpack("i", raw)[0]
    return in_process + in_kernel


def bound_kernel(transport: asyncio.Transport) -> None:
    """Let the kernel hold little that it has not sent yet.

    Else it takes megabytes for each client that reads slowly or not at all.
    """
    option: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if option is not None:
        with suppress(OSError, AttributeError):  # not TCP, or not a socket
            found = transport.get_extra_info("socket")
            found.setsockopt(socket.IPPROTO_TCP, option, _UNSENT_BYTES)


def cut(transport: asyncio.Transport) -> None:
    """End the connection and drop what the kernel still holds for the client.

    A plain close would go on offering it for minutes, from memory that nobody counts.
    """
    with suppress(OSError, AttributeError):  # closed by now, or not a socket
        found = transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
    transport.abort()

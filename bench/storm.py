"""Thousands of ranges asked for at the same moment, and each answer compared byte by byte."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)", re.IGNORECASE)
_BUFFER_BYTES = 256 * 1024


@dataclass(slots=True)
class _Range:
    socket: socket.socket
    start: int
    head: bytes = b""
    status: int = 0
    position: int = 0
    missing: int = -1


@dataclass(slots=True)
class Storm:
    """``outcomes``: exact, refused (a whole 503 with Retry-After), short, wrong or reset."""

    content: bytes
    range_bytes: int
    outcomes: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0

    def run(self, port: int, request: str, count: int) -> None:
        """Open ``count`` connections, then ask for a range of its own on each.

        ``request`` has a place ``{range}``.
        """
        ranges = [self._connect(port, number) for number in range(count)]
        began_s = time.perf_counter()
        with selectors.EpollSelector() as selector:
            for each in ranges:
                span = f"bytes={each.start}-{each.start + self.range_bytes - 1}"
                each.socket.send(request.format(range=span).encode())
                selector.register(each.socket, selectors.EVENT_READ, each)
            buffer = memoryview(bytearray(_BUFFER_BYTES))
            while selector.get_map():
                for key, _ in selector.select():
                    outcome = self._take(key.data, buffer)
                    if outcome is not None:
                        self.outcomes[outcome] += 1
                        selector.unregister(key.fileobj)
        self.took_s = time.perf_counter() - began_s
        for each in ranges:
            each.socket.close()

    def _connect(self, port: int, number: int) -> _Range:
        client = socket.create_connection(("127.0.0.1", port))
        client.setblocking(False)
        last = len(self.content) - self.range_bytes
        return _Range(client, start=number * 7919 * 64 % last)

    def _take(self, each: _Range, buffer: memoryview) -> str | None:
        """What became of the range, or None while more is to come."""
        try:
            count = each.socket.recv_into(buffer)
        except ConnectionError:
            return "reset"
        if count == 0:
            return "short"
        data = buffer[:count]
        if each.missing < 0:
            each.head += data
            end = each.head.find(b"\r\n\r\n")
            if end < 0:
                return None
            self._read_head(each, end)
            data = memoryview(each.head)[end + 4 :]
        return self._read_body(each, data)

    @staticmethod
    def _read_head(each: _Range, end: int) -> None:
        length = _LENGTH.search(each.head, 0, end + 2)
        assert length is not None, each.head[:300]
        each.status = int(each.head[9:12])
        each.missing = int(length[1])
        each.position = each.start

    def _read_body(self, each: _Range, data: memoryview) -> str | None:
        each.missing -= len(data)
        if each.status == 206:
            if data != memoryview(self.content)[each.position : each.position + len(data)]:
                return "wrong"
            each.position += len(data)
        if each.missing > 0:
            return None
        if each.status == 206 and each.position == each.start + self.range_bytes:
            return "exact"
        told = each.status == 503 and b"\r\nretry-after: " in each.head
        return "refused" if told else "wrong"

"""Takes large answers off a server as fast as it sends them, with as little work as possible."""

from __future__ import annotations

import re
import selectors
import socket
import time
from dataclasses import dataclass

from bench.load import Rate, cpu_s

_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)", re.IGNORECASE)
_BUFFER_BYTES = 1024 * 1024


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    head: bytes = b""
    missing: int = -1


class Puller:
    """Connections that ask the same again and again; the answers are counted and thrown away."""

    def __init__(self, port: int, request: bytes, *, status: int, connections: int) -> None:
        self._request = request
        self._status = b"HTTP/1.1 %d " % status
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._selector = selectors.EpollSelector()
        self.answers = 0
        self.bytes = 0
        for _ in range(connections):
            client = socket.create_connection(("127.0.0.1", port))
            client.setblocking(False)
            self._selector.register(client, selectors.EVENT_READ, _Connection(client))
            client.send(request)

    def run(self, seconds: float) -> None:
        end_s = time.perf_counter() + seconds
        while time.perf_counter() < end_s:
            for key, _ in self._selector.select(0.1):
                self._take(key.data)

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()

    def _take(self, connection: _Connection) -> None:
        count = connection.socket.recv_into(self._buffer)
        assert count, "the server closed the connection"
        self.bytes += count
        if connection.missing < 0:
            connection.head += self._buffer[:count]
            end = connection.head.find(b"\r\n\r\n")
            if end < 0:
                return
            assert connection.head.startswith(self._status), connection.head[:300]
            length = _LENGTH.search(connection.head, 0, end + 2)
            assert length is not None
            connection.missing = int(length[1]) - (len(connection.head) - end - 4)
            connection.head = b""
        else:
            connection.missing -= count
        if connection.missing == 0:
            connection.missing = -1
            self.answers += 1
            connection.socket.send(self._request)


def pull(
    port: int, pids: list[int], request: bytes, *, status: int, connections: int, seconds: float
) -> Rate:
    """The rate of whole answers; ``pids`` are the processes whose work is counted."""
    puller = Puller(port, request, status=status, connections=connections)
    try:
        puller.run(seconds / 4)  # what is only slow at first is not measured
        puller.answers = puller.bytes = 0
        began_s, worked_s = time.perf_counter(), sum(map(cpu_s, pids))
        puller.run(seconds)
        took_s = time.perf_counter() - began_s
        worked_s = sum(map(cpu_s, pids)) - worked_s
    finally:
        puller.close()
    answers = max(puller.answers, 1)
    return Rate(puller.answers / took_s, puller.bytes / took_s, worked_s / answers)

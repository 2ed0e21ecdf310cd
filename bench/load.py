"""A small load generator: keep-alive connections that repeat one request as fast as answered."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rate:
    """What one round measured; ``cpu_s`` is the server's work for one request."""

    requests_per_s: float
    bytes_per_s: float
    cpu_s: float


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], status: bytes, counts: list[int]) -> None:
        self._requests = requests
        self._status = b"HTTP/1.1 " + status
        self._counts = counts
        self._buffer = bytearray()
        self._missing = -1
        self.failed: bytes | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._counts[1] += len(data)
        if self._missing >= 0:
            self._missing -= len(data)
        else:
            self._buffer += data
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._buffer, 0, end + 2)
            if length is None or not self._buffer.startswith(self._status):
                self.failed = bytes(self._buffer)
                self._transport.close()
                return
            self._missing = end + 4 + int(length[1]) - len(self._buffer)
            self._buffer.clear()
        if self._missing == 0:
            self._missing = -1
            self._counts[0] += 1
            self._transport.write(next(self._requests))


async def load(
    port: int,
    pid: int,
    paths: Sequence[str],
    *,
    status: int,
    seconds: float,
    connections: int,
    headers: dict[str, str],
) -> Rate:
    """Ask process ``pid`` for the paths, over and over; another status ends it with an error."""
    lines = [f"Host: 127.0.0.1:{port}", *(f"{name}: {value}" for name, value in headers.items())]
    rest = "\r\n".join([*lines, "", ""])
    requests = cycle([f"GET {path} HTTP/1.1\r\n{rest}".encode() for path in paths])
    counts = [0, 0]
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(
            lambda: _Connection(requests, str(status).encode(), counts), "127.0.0.1", port
        )
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds / 4)  # what is only slow at first is not measured
    counts[:] = [0, 0]
    began_s, worked_s = time.perf_counter(), cpu_s(pid)
    await asyncio.sleep(seconds)
    took_s = time.perf_counter() - began_s
    rate = Rate(counts[0] / took_s, counts[1] / took_s, (cpu_s(pid) - worked_s) / max(counts[0], 1))
    for transport, connection in opened:
        transport.abort()
        if connection.failed is not None:
            raise AssertionError(connection.failed[:500].decode(errors="replace"))
    return rate


def cpu_s(pid: int) -> float:
    """Processor time of all threads of the process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

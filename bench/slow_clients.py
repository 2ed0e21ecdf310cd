"""Whether slow clients can hold the web process: ``python -m bench.slow_clients``.

A quarter of the sockets each sends nothing, sends its headers byte by byte, sends a body byte by
byte, and stops reading a large file. Meanwhile the health check is asked ten times a second over
new connections. The server is the whole web process with the limits of production, so a run takes
about as long as the longest of them.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from autodj.guard import Limits
from autodj.laptop.ports import free_ports
from bench.library import build, environment

KINDS = ("silent", "headers", "body", "reader")
GRACE_S = 5.0
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@dataclass
class Attack:
    """Sockets of every kind at one server; ``closed_s`` is how long it kept each."""

    port: int
    target: str
    token: str = ""
    dribble_s: float = 1.0
    closed_s: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    held: dict[socket.socket, tuple[str, float]] = field(default_factory=dict)

    def run(self, each: int, *, until_s: float) -> None:
        """Hold ``each`` sockets of every kind until the server has closed them, or ``until_s``."""
        with selectors.DefaultSelector() as selector:
            for kind in KINDS * each:
                self._begin(selector, kind)
            began_s = dribbled_s = time.monotonic()
            while self.held and time.monotonic() < began_s + until_s:
                for key, _ in selector.select(0.05) if selector.get_map() else ():
                    self._hear(selector, key)
                if time.monotonic() >= dribbled_s + self.dribble_s:
                    dribbled_s = time.monotonic()
                    for client in list(self.held):
                        self._dribble(selector, client)
        for client in self.held:
            client.close()

    def _begin(self, selector: selectors.BaseSelector, kind: str) -> None:
        client = socket.socket()
        if kind == "reader":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", self.port))
        client.sendall(self._opening(kind))
        self.held[client] = (kind, time.monotonic())
        if kind != "reader":
            selector.register(client, selectors.EVENT_READ)

    def _opening(self, kind: str) -> bytes:
        login = f"Authorization: Bearer {self.token}\r\n" if self.token else ""
        return {
            "silent": "",
            "headers": "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
            "body": "POST /api/v1/tracks HTTP/1.1\r\nHost: x\r\nContent-Type: audio/mpeg\r\n"
            f"{login}Content-Length: 100000\r\n\r\n",
            "reader": f"GET {self.target} HTTP/1.1\r\nHost: x\r\n{login}\r\n",
        }[kind].encode()

    def _hear(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        assert isinstance(key.fileobj, socket.socket)
        try:
            if key.fileobj.recv(65536):
                return
        except OSError:
            pass
        self._end(selector, key.fileobj)

    def _dribble(self, selector: selectors.BaseSelector, client: socket.socket) -> None:
        kind, _ = self.held[client]
        try:
            if kind in {"headers", "body"}:
                client.send(b"a")
        except OSError:
            self._end(selector, client)
        if kind == "reader" and _was_reset(client):
            self._end(selector, client)

    def _end(self, selector: selectors.BaseSelector, client: socket.socket) -> None:
        kind, began_s = self.held.pop(client)
        self.closed_s[kind].append(time.monotonic() - began_s)
        if kind != "reader":
            selector.unregister(client)
        client.close()


def _was_reset(client: socket.socket) -> bool:
    """Whether the server has given the connection up, without reading what it sent before."""
    state = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    established = 1
    return state != established


def ask_health(port: int, stop: threading.Event, times_s: list[float], every_s: float) -> None:
    """Ask again and again until ``stop``; a failure counts as forever."""
    while not stop.is_set():
        began_s = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
                client.sendall(HEALTH)
                answer = b""
                while piece := client.recv(4096):
                    answer += piece
            ok = answer.startswith(b"HTTP/1.1 200 ")
        except OSError:
            ok = False
        times_s.append(time.monotonic() - began_s if ok else float("inf"))
        stop.wait(every_s)


def deadlines(limits: Limits) -> dict[str, float]:
    return {
        "silent": limits.header_s,
        "headers": limits.header_s,
        "body": limits.average_after_s,
        "reader": limits.write_stall_s,
    }


def report(attack: Attack, times_s: Sequence[float], limits: Limits) -> bool:
    """Print one line a kind and one for the health check; whether all promises were kept."""
    kept = True
    print(f"{'kind':10}{'sockets':>9}{'closed':>8}{'deadline':>10}{'last, s':>9}")
    for kind, deadline_s in deadlines(limits).items():
        closed = attack.closed_s[kind]
        last_s = max(closed, default=0.0)
        count = len(closed) + sum(left == kind for left, _ in attack.held.values())
        kept &= len(closed) == count and last_s <= deadline_s + GRACE_S
        print(f"{kind:10}{count:9}{len(closed):8}{deadline_s:10.1f}{last_s:9.1f}")
    p99_s = statistics.quantiles(times_s, n=100)[98]
    kept &= p99_s < 0.25
    print(
        f"health meanwhile: {len(times_s)} asked, "
        f"median {statistics.median(times_s) * 1e3:.0f} ms, "
        f"p99 {p99_s * 1e3:.0f} ms, worst {max(times_s) * 1e3:.0f} ms"
    )
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000)
    asked = parser.parse_args()
    _make_room(asked.sockets + 256)
    limits = Limits()
    with tempfile.TemporaryDirectory(prefix="autodj-bench-") as folder:
        url = f"sqlite+aiosqlite:///{folder}/autodj.db"
        library = asyncio.run(build(Path(folder), url, cold=1))
        [port] = free_ports(1)
        with subprocess.Popen(
            [sys.executable, "-m", "autodj", "serve", f"--port={port}", "--notice=0"],
            env=environment(library, LOG_LEVEL="error"),
            stderr=subprocess.DEVNULL,
        ) as server:
            try:
                target = f"/api/v1/tracks/{library.local.id}/audio/stream"
                each = asked.sockets // len(KINDS)
                kept = _attack(port, target, library.token, each, limits)
                _print_metrics(port)
            finally:
                server.terminate()
    sys.exit(0 if kept else 1)


def _attack(port: int, target: str, token: str, each: int, limits: Limits) -> bool:
    _wait_for(port)
    stop, times_s = threading.Event(), list[float]()
    asking = threading.Thread(target=ask_health, args=(port, stop, times_s, 0.1))
    asking.start()
    attack = Attack(port, target, token)
    attack.run(each, until_s=max(deadlines(limits).values()) + 2 * GRACE_S)
    stop.set()
    asking.join()
    return report(attack, times_s, limits)


def _wait_for(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


def _print_metrics(port: int) -> None:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(("autodj_connections", "process_resident")):
                print(line)


def _make_room(wanted: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(wanted, 1024), hard), hard))


if __name__ == "__main__":
    main()

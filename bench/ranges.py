"""How fast local files are sent, beside FileResponse and nginx: ``python -m bench.ranges``.

Starlette's FileResponse, our answer on the same bare application, the whole web process, and
nginx take turns on one core while another core asks, over 16 connections; medians of the rounds,
and ratios within a round. ``--storm 10000`` asks the whole web process for that many ranges at the
same moment and compares every body with the file.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

from autodj.laptop.ports import free_ports
from bench.http import CORES
from bench.library import Library, build, environment
from bench.load import Rate
from bench.nginx import nginx
from bench.pull import pull
from bench.storm import Storm

SIZES = {"64 KiB": 64 * 1024, "1 MiB": 1024 * 1024, "8 MiB": 8 * 1024 * 1024}
CONNECTIONS = 16
START = 4096
MAX_STORM_RSS = 400e6
BOOT = """
import os, sys, uvicorn
from autodj.guard import GuardedProtocol
os.sched_setaffinity(0, [int(sys.argv[3])])
http = GuardedProtocol if sys.argv[4] == "guarded" else "auto"
uvicorn.run(sys.argv[1], factory=True, port=int(sys.argv[2]), access_log=False,
            log_level="warning", http=http, ws="none" if sys.argv[4] == "guarded" else "auto")
"""
NGINX = """
server {{
    listen 127.0.0.1:{port} backlog=4096;
    keepalive_requests 100000000;
    location = /audio {{ alias {file}; default_type audio/mpeg; sendfile on; tcp_nopush on; }}
}}
"""


@dataclass
class Contender:
    name: str
    port: int
    pids: list[int]
    path: str = "/audio"
    headers: dict[str, str] = field(default_factory=dict)

    def request(self, span: str) -> bytes:
        lines = [f"GET {self.path} HTTP/1.1", "Host: x", f"Range: {span}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()


@contextmanager
def python(app: str, kind: str, env: dict[str, str]) -> Iterator[tuple[int, int]]:
    """A Python server on the serving core; its port and process id."""
    [port] = free_ports(1)
    with subprocess.Popen(
        [sys.executable, "-c", BOOT, app, str(port), str(CORES[-1]), kind],
        env={"PATH": os.environ["PATH"], **env},  # noqa: TID251 - not the product
    ) as process:
        try:
            _wait_for(port, process)
            yield port, process.pid
        finally:
            process.terminate()


def contenders(library: Library, stack: ExitStack) -> list[Contender]:
    file = {"BENCH_FILE": str(library.file)}
    found = []
    for name, app, kind, env in (
        ("FileResponse", "bench.range_apps:file_response", "plain", file),
        ("ours, bare", "bench.range_apps:file_bytes", "guarded", file),
        ("ours, whole", "autodj.api.app:create_app", "guarded", environment(library)),
    ):
        port, pid = stack.enter_context(python(app, kind, env))
        found.append(Contender(name, port, [pid]))
    found[-1].path = f"/api/v1/tracks/{library.local.id}/audio/stream"
    found[-1].headers = {"Authorization": f"Bearer {library.token}"}
    [port] = free_ports(1)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autodj-nginx-")))
    affinity = f"worker_cpu_affinity {1 << CORES[-1]:b};"
    servers = NGINX.format(port=port, file=library.file)
    master = stack.enter_context(nginx(folder, servers, port=port, more=affinity))
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    found.append(Contender("nginx", port, [int(pid) for pid in children]))
    return found


def compare(found: Sequence[Contender], size: int, *, rounds: int, seconds: float) -> None:
    rates: dict[str, list[Rate]] = {each.name: [] for each in found}
    for _ in range(rounds):
        for each in found:
            request = each.request(f"bytes={START}-{START + size - 1}")
            rates[each.name].append(
                pull(
                    each.port,
                    each.pids,
                    request,
                    status=206,
                    connections=CONNECTIONS,
                    seconds=seconds,
                )
            )
    for name, measured in rates.items():
        per_s = statistics.median(rate.requests_per_s for rate in measured)
        megabytes = statistics.median(rate.bytes_per_s for rate in measured) / 1e6
        cpu_us = statistics.median(rate.cpu_s for rate in measured) * 1e6
        print(
            f"{'':10}{name:16}{per_s:10.0f}{megabytes:9.0f}{cpu_us:9.0f}"
            f"{_ratio(measured, rates['FileResponse']):>16}{_ratio(measured, rates['nginx']):>10}"
            f"{_less_work(measured, rates['FileResponse']):>12}",
            flush=True,
        )


def _ratio(ours: Sequence[Rate], theirs: Sequence[Rate]) -> str:
    found = statistics.median(
        a.requests_per_s / b.requests_per_s for a, b in zip(ours, theirs, strict=True)
    )
    return f"{found:.2f}"


def _less_work(ours: Sequence[Rate], theirs: Sequence[Rate]) -> str:
    """How many times less processor time an answer takes; it holds on a busy machine too."""
    found = statistics.median(b.cpu_s / a.cpu_s for a, b in zip(ours, theirs, strict=True))
    return f"{found:.2f}"


def measure(library: Library, sizes: Sequence[str], *, rounds: int, seconds: float) -> None:
    with ExitStack() as stack:
        found = contenders(library, stack)
        heads = f"{'range':10}{'server':16}{'req/s':>10}{'MB/s':>9}{'us CPU':>9}"
        print(f"{heads}{'to FileResponse':>16}{'to nginx':>10}{'less work':>12}")
        os.sched_setaffinity(0, CORES[:1])
        for name in sizes:
            print(name)
            size = SIZES[name]
            compare(
                found,
                min(size, len(library.file.read_bytes()) - START),
                rounds=rounds,
                seconds=seconds,
            )


def storm(library: Library, count: int) -> bool:
    """Print what became of the ranges; whether every promise was kept."""
    _make_room(2 * (count + 100) + 1024)
    content = library.file.read_bytes()
    env = environment(library, MAX_CONNECTIONS=str(count + 100))
    [port] = free_ports(1)
    with subprocess.Popen(
        [sys.executable, "-m", "autodj", "serve", f"--port={port}", "--notice=0"],
        env=env,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for(port, process)
            asked = Storm(content, SIZES["64 KiB"])
            request = (
                f"GET /api/v1/tracks/{library.local.id}/audio/stream HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {library.token}\r\nRange: {{range}}\r\n\r\n"
            )
            asked.run(port, request, count)
            peak = _peak_rss(process.pid)
        finally:
            process.terminate()
    told = ", ".join(f"{number} {what}" for what, number in sorted(asked.outcomes.items()))
    print(f"{count} ranges at once: {told}; {asked.took_s:.1f} s; at most {peak / 1e6:.0f} MB")
    return not asked.outcomes.keys() - {"exact", "refused"} and peak < MAX_STORM_RSS


def _peak_rss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) * 1024
    raise AssertionError("the system does not say how much memory a process has had")


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            urlopen(Request(f"http://127.0.0.1:{port}/healthz")).close()
        except OSError:
            continue
        return
    raise AssertionError("the server ended at once")


def _make_room(wanted: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    print(f"open files: {allowed} allowed, {wanted} wanted")
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="*", choices=SIZES, default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--storm", type=int, metavar="COUNT")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autodj-bench-") as folder:
        url = f"sqlite+aiosqlite:///{folder}/autodj.db"
        library = asyncio.run(build(Path(folder), url, cold=1))
        if asked.storm:
            sys.exit(0 if storm(library, asked.storm) else 1)
        measure(library, asked.sizes, rounds=asked.rounds, seconds=asked.seconds)


if __name__ == "__main__":
    main()

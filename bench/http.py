"""How fast the busiest routes answer on one core, beside Starlette alone: ``python -m bench.http``.

Server and load each have a core of their own where there are two. Ours and the bare server
take turns, so that a busy machine spoils both alike: read the ratios. The processor time for
each request depends least on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import uvloop
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from autodj.laptop.ports import free_ports
from autodj.tracks.places import MAX_TRACKS
from bench.library import TRACKS, Library, build, environment
from bench.load import Rate, cpu_s, load

CONNECTIONS = 32
CORES = sorted(os.sched_getaffinity(0))
BOOT = (
    "import os, sys, uvicorn; "
    "os.sched_setaffinity(0, [int(sys.argv[3])]); "
    "uvicorn.run(sys.argv[1], factory=True, port=int(sys.argv[2]), access_log=False, "
    "log_level='warning')"
)


@dataclass(frozen=True)
class Case:
    """One thing asked of both servers: of ours by ``paths`` in turn. Ours logs its requests
    where ``logged``; the bare one wears our layer where ``layered``.
    """

    name: str
    paths: Sequence[str]
    bare: str
    status: int
    headers: dict[str, str]
    logged: bool = False
    layered: bool = False


@dataclass(frozen=True)
class Server:
    """A running server; ``start_s`` passed until it first answered, ``start_cpu_s`` of them
    at work.
    """

    port: int
    pid: int
    start_s: float
    start_cpu_s: float


@dataclass(frozen=True)
class Servers:
    """All that a run compares; only the one that is asked has anything to do."""

    ours: Server
    logging: Server
    bare: Server
    layered: Server

    def of(self, case: Case) -> Server:
        if case.layered:
            return self.layered
        return self.logging if case.logged else self.ours


@contextmanager
def serving(app: str, environment: dict[str, str]) -> Iterator[Server]:
    """The app on a core of its own, answering."""
    [port] = free_ports(1)
    began_s = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", BOOT, app, str(port), str(CORES[-1])],
        env={"PATH": os.environ["PATH"], **environment},  # noqa: TID251 - not the product
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz", process)
            start_s = time.perf_counter() - began_s
            yield Server(port, process.pid, start_s, cpu_s(process.pid))
        finally:
            process.terminate()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            urlopen(url).close()
        except URLError as error:
            if not hasattr(error, "status"):  # nobody listens yet
                time.sleep(0.005)
                continue
        return
    raise AssertionError("the server ended at once")


def cdn() -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "CLOUDFRONT_DOMAIN": "d111111abcdef8.cloudfront.net",
        "CLOUDFRONT_KEY_PAIR_ID": "K2JCJMDEHXQW5F",
        "CLOUDFRONT_PRIVATE_KEY": pem,
    }


def cases(library: Library) -> list[Case]:
    """What the goals are about: links to a signing CDN."""
    bearer = {"Authorization": f"Bearer {library.token}"}
    there = f"{TRACKS}/{library.on_s3.id}/audio"
    link, redirect = f"/link/{library.on_s3.id}", f"/redirect/{library.on_s3.id}"
    # The scheme in small letters is as good, but nothing that is expected ahead of the router.
    routed = {"Authorization": f"bearer {library.token}"}
    return [
        Case("307, ahead of the router", [f"{there}/stream"], redirect, 307, bearer),
        Case("307, and logged", [f"{there}/stream"], redirect, 307, bearer, logged=True),
        Case("307, routed", [f"{there}/stream"], redirect, 307, routed),
        Case("/audio/url, ahead of the router", [f"{there}/url"], link, 200, bearer),
        Case("/audio/url, and logged", [f"{there}/url"], link, 200, bearer, logged=True),
        Case("/audio/url, routed", [f"{there}/url"], link, 200, routed),
        Case(
            "/audio/url, cold, ECDSA",
            [f"{TRACKS}/{each}/audio/url" for each in library.many],
            link,
            200,
            bearer,
        ),
        Case("the layer alone, 307", [redirect], redirect, 307, bearer, layered=True),
    ]


def compare(case: Case, servers: Servers, *, rounds: int, seconds: float) -> str:
    """One line of the table: medians, and the ratio within each round."""
    ours: list[Rate] = []
    bare: list[Rate] = []
    for _ in range(rounds):
        turns = ((servers.of(case), case.paths, ours), (servers.bare, [case.bare], bare))
        for server, paths, rates in turns:
            rates.append(
                uvloop.run(
                    load(
                        server.port,
                        server.pid,
                        paths,
                        status=case.status,
                        seconds=seconds,
                        connections=CONNECTIONS,
                        headers=case.headers,
                    )
                )
            )
    pairs = list(zip(ours, bare, strict=True))
    cells = [
        f"{statistics.median(a.requests_per_s / b.requests_per_s for a, b in pairs):8.2f}",
        f"{statistics.median(b.cpu_s / a.cpu_s for a, b in pairs):8.2f}",
        f"{statistics.median(rate.requests_per_s for rate in ours):10.0f}",
        f"{statistics.median(rate.requests_per_s for rate in bare):10.0f}",
        f"{statistics.median(rate.cpu_s for rate in ours) * 1e6:10.0f}",
        f"{statistics.median(rate.cpu_s for rate in bare) * 1e6:10.0f}",
    ]
    return f"{case.name:34}" + "".join(cells)


HEAD = (
    f"{'on one core':34}{'ratio':>8}{'by CPU':>8}{'req/s':>10}{'bare':>10}"
    f"{'us CPU':>10}{'bare':>10}"
)


def measure(library: Library, *, rounds: int, seconds: float) -> Iterator[str]:
    """Lines of the report, as they are measured."""
    app, given = "autodj.api.app:create_app", environment(library, **cdn())
    with ExitStack() as stack:
        ours = stack.enter_context(serving(app, given))
        yield (
            f"start to first answer {ours.start_s:.2f} s, {ours.start_cpu_s:.2f} s of them "
            f"at work; {_resident(ours.port)}"
        )
        url = f"http://127.0.0.1:{ours.port}{TRACKS}/{library.on_s3.id}/audio/url"
        asked = Request(url, headers={"Authorization": f"Bearer {library.token}"})
        with urlopen(asked) as answer:
            link: dict[str, Any] = json.load(answer)
        servers = Servers(
            ours=ours,
            logging=stack.enter_context(serving(app, given | {"LOG_LEVEL": "info"})),
            bare=stack.enter_context(_bare(link, layered=False)),
            layered=stack.enter_context(_bare(link, layered=True)),
        )
        yield HEAD
        for case in cases(library):
            yield compare(case, servers, rounds=rounds, seconds=seconds)


def _bare(link: dict[str, Any], *, layered: bool) -> AbstractContextManager[Server]:
    given = json.dumps({"link": link, "layered": layered})
    return serving("bench.bare:create_app", {"BENCH_ANSWERS": given})


def _resident(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    [line] = [each for each in text.splitlines() if each.startswith("process_resident_memory")]
    return f"{float(line.split()[1]) / 1e6:.0f} MB resident"


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{folder}/autodj.db"
        return
    from tests.servers import create_database, postgres_server  # noqa: PLC0415 - a test's server

    with postgres_server() as server:
        yield asyncio.run(create_database(server))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="autodj-bench-") as name,
        database(asked.database, Path(name)) as url,
    ):
        library = asyncio.run(build(Path(name), url, cold=MAX_TRACKS + 2000))
        os.sched_setaffinity(0, CORES[:1])
        for line in measure(library, rounds=asked.rounds, seconds=asked.seconds):
            print(line, flush=True)


if __name__ == "__main__":
    main()

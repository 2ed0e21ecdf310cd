"""How fast the busiest routes answer on one core, beside Starlette alone: ``python -m bench.http``.

Server and load each have a core of their own where there are two. Ours and the bare server
take turns, so that a busy machine spoils both alike: read the ratios. The processor time for
each request depends least on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from autodj.db import AnalysisState, FileSource, FileState, Origin, Track, open_database
from autodj.db.schema import upgrade
from autodj.laptop.ports import free_ports
from autodj.storage.keys import track_key
from autodj.storage.local import LocalStorage
from autodj.users.login import ensure_user
from autodj.users.tokens import Audience, issue
from bench.load import Rate, cpu_s, load

FILE_BYTES = 8 * 1024 * 1024
RANGE_BYTES = 64 * 1024
CONNECTIONS = 32
SECRET = secrets.token_urlsafe(32)
CORES = sorted(os.sched_getaffinity(0))
BOOT = (
    "import os, sys, uvicorn; "
    "os.sched_setaffinity(0, [int(sys.argv[3])]); "
    "uvicorn.run(sys.argv[1], factory=True, port=int(sys.argv[2]), access_log=False, "
    "log_level='warning')"
)


@dataclass(frozen=True)
class Library:
    """A database and a store with one track here and one on S3."""

    folder: Path
    token: str
    local: Track
    on_s3: Track

    @property
    def file(self) -> Path:
        return self.folder / "media" / str(self.local.file_path)


@dataclass(frozen=True)
class Case:
    """One thing asked of both servers."""

    name: str
    ours: str
    bare: str
    status: int
    headers: dict[str, str]


@dataclass(frozen=True)
class Server:
    """A running server; ``start_s`` passed until it first answered, ``start_cpu_s`` of them
    at work.
    """

    port: int
    pid: int
    start_s: float
    start_cpu_s: float


async def build(folder: Path) -> Library:
    url = f"sqlite+aiosqlite:///{folder}/autodj.db"
    await upgrade(url)
    content = secrets.token_bytes(FILE_BYTES)
    digest = hashlib.sha256(content).hexdigest()
    async with open_database(url) as db:
        user = await ensure_user(db, "bench")
        here, there = _track(user.id, digest, local=True), _track(user.id, digest, local=False)
        async with db.transaction() as session:
            session.add_all([here, there])
    store = LocalStorage(folder / "media")
    await store.put(str(here.file_path), content, sha256=digest, content_type="audio/mpeg")
    token = issue(SECRET, user.id, Audience.API, now=datetime.now(UTC), ttl_s=86400)
    return Library(folder, token, here, there)


def _track(owner_id: UUID, digest: str, *, local: bool) -> Track:
    track_id, now = uuid4(), datetime.now(UTC)
    sha256 = digest if local else hashlib.sha256(digest.encode()).hexdigest()
    key = track_key(track_id, 0 if local else 1, sha256, "mp3")
    return Track(
        id=track_id,
        owner_id=owner_id,
        created_at=now,
        updated_at=now,
        title="Bench",
        origin=Origin.UPLOAD,
        content_type="audio/mpeg",
        extension="mp3",
        codec="mp3",
        sample_rate_hz=44100,
        channels=2,
        duration_s=240.0,
        sha256=sha256,
        size_bytes=FILE_BYTES,
        file_state=FileState.STABLE,
        file_source=FileSource.LOCAL if local else FileSource.S3,
        file_path=key if local else None,
        s3_object_key=None if local else key,
        analysis_state=AnalysisState.PENDING,
    )


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


def environment(library: Library, **more: str) -> dict[str, str]:
    return {
        "AUTODJ_SECRET": SECRET,
        "AUTODJ_DATA_DIR": str(library.folder),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        **more,
    }


def cdn(*, signed: bool) -> dict[str, str]:
    plain = {"CLOUDFRONT_DOMAIN": "d111111abcdef8.cloudfront.net"}
    if not signed:
        return plain
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {**plain, "CLOUDFRONT_KEY_PAIR_ID": "K2JCJMDEHXQW5F", "CLOUDFRONT_PRIVATE_KEY": pem}


def cases(library: Library, *, signed: bool) -> list[Case]:
    bearer = {"Authorization": f"Bearer {library.token}"}
    part = bearer | {"Range": f"bytes=1048576-{1048576 + RANGE_BYTES - 1}"}
    here, there = (f"/api/v1/tracks/{each.id}/audio" for each in (library.local, library.on_s3))
    bare = f"{{}}/{library.local.id}"
    how = "signed by ECDSA" if signed else "plain CDN"
    found = [
        Case(f"/audio/url, {how}", f"{there}/url", bare.format("/link"), 200, bearer),
        Case(f"/audio/stream, {how}", f"{there}/stream", bare.format("/redirect"), 307, bearer),
    ]
    if not signed:
        found += [
            Case("/audio/url, local link", f"{here}/url", bare.format("/link"), 200, bearer),
            Case("64 KiB range of a file", f"{here}/stream", bare.format("/file"), 206, part),
            Case("8 MiB file", f"{here}/stream", bare.format("/file"), 200, bearer),
        ]
    return found


def compare(case: Case, here: Server, bare_one: Server, *, rounds: int, seconds: float) -> str:
    """One line of the table: medians, and the ratio within each round."""
    ours: list[Rate] = []
    bare: list[Rate] = []
    for _ in range(rounds):
        for server, path, rates in ((here, case.ours, ours), (bare_one, case.bare, bare)):
            rates.append(
                asyncio.run(
                    load(
                        server.port,
                        server.pid,
                        path,
                        status=case.status,
                        seconds=seconds,
                        connections=CONNECTIONS,
                        headers=case.headers,
                    )
                )
            )
    ratio = statistics.median(
        a.requests_per_s / b.requests_per_s for a, b in zip(ours, bare, strict=True)
    )
    cells = [
        f"{statistics.median(rate.requests_per_s for rate in ours):10.0f}",
        f"{statistics.median(rate.requests_per_s for rate in bare):10.0f}",
        f"{ratio:8.2f}",
        f"{statistics.median(rate.cpu_s for rate in ours) * 1e6:10.0f}",
        f"{statistics.median(rate.cpu_s for rate in bare) * 1e6:10.0f}",
        f"{statistics.median(rate.bytes_per_s for rate in ours) / 1e6:8.0f}",
    ]
    return f"{case.name:34}" + "".join(cells)


def measure(library: Library, *, signed: bool, rounds: int, seconds: float) -> Iterator[str]:
    """Lines of the report, as they are measured."""
    with serving("autodj.api.app:create_app", environment(library, **cdn(signed=signed))) as ours:
        if not signed:
            yield (
                f"start to first answer {ours.start_s:.2f} s, {ours.start_cpu_s:.2f} s of them "
                f"at work; {_resident(ours.port)}"
            )
            yield (
                f"{'on one core':34}{'req/s':>10}{'bare':>10}{'ratio':>8}"
                f"{'us CPU':>10}{'bare':>10}{'MB/s':>8}"
            )
        url = f"http://127.0.0.1:{ours.port}/api/v1/tracks/{library.on_s3.id}/audio/url"
        asked = Request(url, headers={"Authorization": f"Bearer {library.token}"})
        with urlopen(asked) as answer:
            link: dict[str, Any] = json.load(answer)
        answers = json.dumps({"link": link, "file": str(library.file)})
        with serving("bench.bare:create_app", {"BENCH_ANSWERS": answers}) as bare:
            for case in cases(library, signed=signed):
                yield compare(case, ours, bare, rounds=rounds, seconds=seconds)


def _resident(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    [line] = [each for each in text.splitlines() if each.startswith("process_resident_memory")]
    return f"{float(line.split()[1]) / 1e6:.0f} MB resident"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    asked = parser.parse_args()
    os.sched_setaffinity(0, CORES[:1])
    with tempfile.TemporaryDirectory(prefix="autodj-bench-") as folder:
        library = asyncio.run(build(Path(folder)))
        for signed in (False, True):
            for line in measure(library, signed=signed, rounds=asked.rounds, seconds=asked.seconds):
                print(line, flush=True)


if __name__ == "__main__":
    main()

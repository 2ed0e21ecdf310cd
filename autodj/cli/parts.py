"""The programs of our own that a laptop installation consists of, beside broker and S3 server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from autodj.errors import AutodjError
from autodj.jobs import open_jobs
from autodj.laptop.ports import LOOPBACK
from autodj.laptop.process import Program
from autodj.settings import Settings

# -P: a module beside the data must not be taken for one of ours.
PYTHON = (sys.executable, "-P", "-m")
PROBE_S = 5.0
ASK_EVERY_S = 0.1
DRAIN_S = 5


def web_program(data_dir: Path, port: int, environment: Mapping[str, str]) -> Program:
    """The web process, on loopback only."""
    return Program(
        name="web process",
        command=(
            *PYTHON,
            "autodj",
            "serve",
            f"--host={LOOPBACK}",
            f"--port={port}",
            # Nobody balances between one.
            "--notice=0",
            f"--grace={DRAIN_S}",
        ),
        directory=data_dir,
        log_file=data_dir / "logs" / "web.log",
        environment=environment,
        answers=_answers_http(f"http://{LOOPBACK}:{port}/readyz", status=200),
        stop_within_s=DRAIN_S + 3,
    )


def worker_program(data_dir: Path, settings: Settings, environment: Mapping[str, str]) -> Program:
    """One worker; it ends by itself once the job in hand is done."""
    return Program(
        name="worker",
        command=(*PYTHON, "arq", "workers.settings.WorkerSettings"),
        directory=data_dir,
        log_file=data_dir / "logs" / "worker.log",
        environment=environment,
        answers=_answers_jobs(settings),
        # What it does is on the rows: killed in the middle, another worker goes on from there.
        stop_within_s=5.0,
    )


def edge_program(data_dir: Path, url: str, environment: Mapping[str, str]) -> Program:
    """The edge. Without a link it answers 403, which shows that it is there."""
    return Program(
        name="edge",
        command=(
            *PYTHON,
            "autodj",
            "edge",
            f"--logs={data_dir / 'edge' / 'access'}",
        ),
        directory=data_dir,
        log_file=data_dir / "logs" / "edge.log",
        environment=environment,
        answers=_answers_http(url, status=403),
    )


def _answers_http(url: str, *, status: int) -> Callable[[], Awaitable[bool]]:
    async def answers() -> bool:
        try:
            async with asyncio.timeout(PROBE_S):
                answered = await _status(url) == status
        except (OSError, ValueError):
            answered = False
        return answered or await _not_yet()

    return answers


async def _status(url: str) -> int:
    """Asked without a client: one takes longer to load than all else that is needed here."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        writer.write(f"{request}Connection: close\r\n\r\n".encode())
        _, status, *_ = (await reader.readline()).split()
        return int(status)
    finally:
        writer.close()


def _answers_jobs(settings: Settings) -> Callable[[], Awaitable[bool]]:
    async def answers() -> bool:
        try:
            async with open_jobs(settings.redis_url, settings.queue_name) as jobs:
                lives = await jobs.worker_lives()
        except AutodjError:
            lives = False
        return lives or await _not_yet()

    return answers


async def _not_yet() -> bool:
    # Asking costs more than waiting, on the cores that the program needs to start.
    await asyncio.sleep(ASK_EVERY_S)
    return False

"""The embedded S3 server, kept by a process of its own, so that the one that forks has no loop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from autodj.laptop.s3server import open_s3_server
from autodj.storage.s3 import S3Config
from bench.crash.supervise import fork, stop

BUCKET: Final = "crash"
POLL_S: Final = 0.05


@contextmanager
def s3_server(root: Path) -> Iterator[S3Config]:
    """A server with its objects under ``root``, and how to reach a bucket on it."""
    answer, faults = root / "s3.json", root / "s3.faults"
    pid = fork(lambda: _keep(root, answer), faults=faults, change=lambda: None)
    while not answer.exists():
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            raise RuntimeError(f"The S3 server did not start: {faults.read_text()}")
        time.sleep(POLL_S)
    server = json.loads(answer.read_text())
    try:
        yield S3Config(bucket=BUCKET, path_style=True, **server)
    finally:
        stop(pid)


async def _keep(root: Path, answer: Path) -> None:
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    async with open_s3_server(root) as server:
        unfinished = answer.with_suffix(".new")
        unfinished.write_text(json.dumps(asdict(server)))
        unfinished.replace(answer)
        await over.wait()

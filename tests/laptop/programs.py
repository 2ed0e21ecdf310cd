"""Small real programs to supervise, and questions to the kernel about processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from autodj.laptop.process import Program, at_once


def shell(
    name: str,
    script: str,
    data_dir: Path,
    *,
    answers: Callable[[], Awaitable[bool]] = at_once,
    **options: Any,
) -> Program:
    """A program that runs the script in ``data_dir``."""
    return Program(
        name=name,
        command=("/bin/sh", "-c", script),
        directory=data_dir,
        log_file=data_dir / "logs" / f"{name}.log",
        environment={"PATH": "/usr/bin:/bin"},
        answers=answers,
        **options,
    )


def exists(file: Path) -> Callable[[], Awaitable[bool]]:
    async def answers() -> bool:
        return file.exists()

    return answers


@asynccontextmanager
async def killed_parent(script: str, *arguments: str) -> AsyncGenerator[str]:
    """Run the Python script until it has printed a line, give that, then kill it with -9."""
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode().strip()
        assert line, "the script printed nothing"
        yield line
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def is_gone(pid: int) -> bool:
    """Wait until no such process lives, for a minute at most."""
    for _ in range(1200):
        if not _lives(pid):
            return True
        await asyncio.sleep(0.05)
    return False


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process whose parent was killed waits for init to take note of its end.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def listening_addresses(pid: int) -> set[str]:
    """Where the process listens for TCP, as the kernel writes it: address and port in hex."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(fields[1])
    return found


LOOPBACK_HEX = "0100007F"

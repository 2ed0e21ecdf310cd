"""Locks on files, which the kernel lifts when the holder ends, however it ended."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autodj.errors import CommandError
from autodj.laptop.faults import plain_faults

_PATIENCE_S = 1.0
_POLL_S = 0.05


def try_lock(file: Path) -> int | None:
    """A descriptor that holds the file until every copy of it is closed; None if it is held."""
    with plain_faults(file.parent):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


async def lock_soon(file: Path, *, refusal: str) -> int:
    """As ``try_lock``, but wait for a holder that is about to end; CommandError(refusal) after.

    A program whose parent was killed needs a moment to be gone as well.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while (descriptor := try_lock(file)) is None:
        if time.monotonic() >= deadline:
            raise CommandError(refusal)
        await asyncio.sleep(_POLL_S)
    return descriptor


async def wait_unused(file: Path, *, refusal: str) -> None:
    """Return once nobody holds the file; CommandError(refusal) when somebody goes on to."""
    os.close(await lock_soon(file, refusal=refusal))


@contextmanager
def only_instance(data_dir: Path, *, url: str) -> Iterator[None]:
    """Hold the data directory; a second holder gets a CommandError naming the first."""
    file = data_dir / "lock"
    descriptor = try_lock(file)
    if descriptor is None:
        raise CommandError(_already_running(file))
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps({"pid": os.getpid(), "url": url}).encode())
        yield
    finally:
        os.close(descriptor)


def _already_running(file: Path) -> str:
    try:
        holder = json.loads(file.read_text())
        pid, url = int(holder["pid"]), str(holder["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"autodj is already running on {file.parent}."
    return (
        f"autodj is already running at {url} (process {pid}) on {file.parent}; "
        f"open that, or stop it with: kill {pid}"
    )

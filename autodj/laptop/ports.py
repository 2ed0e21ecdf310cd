"""Ports on the loopback interface: finding free ones, and keeping them from start to start."""

from __future__ import annotations

import errno
import json
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

from autodj.laptop.private import write_private

LOOPBACK = "127.0.0.1"
# Below the range from which the kernel gives ports to outgoing connections, so that a port found
# free is not taken a moment later by somebody's request.
_CANDIDATES = range(20_000, 30_000)


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def free_ports(count: int) -> list[int]:
    """Different ports that were free a moment ago."""
    found: list[int] = []
    while len(found) < count:
        port = secrets.choice(_CANDIDATES)
        if port not in found and is_free(port):
            found.append(port)
    return found


def kept_ports(file: Path, names: Sequence[str]) -> dict[str, int]:
    """One port for each name, the same as last time unless one of them is now taken.

    Links and other programs' configurations hold these numbers, so they should not wander.
    """
    kept = _read(file)
    if set(kept) == set(names) and all(is_free(port) for port in kept.values()):
        return {name: kept[name] for name in names}
    chosen = dict(zip(names, free_ports(len(names)), strict=True))
    write_private(file, json.dumps(chosen))
    return chosen


def _read(file: Path) -> dict[str, int]:
    try:
        return {str(name): int(port) for name, port in json.loads(file.read_text()).items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}

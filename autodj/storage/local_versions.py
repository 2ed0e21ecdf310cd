"""Where the former states of local objects lie."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from autodj.errors import ObjectNotFound
from autodj.storage.powers import ObjectVersion

VERSIONS: Final = ".versions"

_STAMP: Final = re.compile(r"[0-9a-f]{1,16}")


def version_path(root: Path, key: str, version_id: str) -> Path:
    """The file of that state; ObjectNotFound for what cannot be an id of one."""
    if not _STAMP.fullmatch(version_id):
        raise ObjectNotFound(f"{key} has no such version.")
    return root / VERSIONS / f"{key}@{version_id}"


def former_states(root: Path, key: str) -> list[ObjectVersion]:
    """The newest first."""
    path = root / VERSIONS / f"{key}@"
    if not path.parent.is_dir():
        return []
    named = (
        (each.name.removeprefix(path.name), each) for each in path.parent.glob(f"{path.name}*")
    )
    found = [pair for pair in named if _STAMP.fullmatch(pair[0])]
    versions = []
    for stamp, each in sorted(found, key=lambda pair: int(pair[0], 16), reverse=True):
        with suppress(FileNotFoundError):  # deleted meanwhile
            versions.append(_version(key, stamp, each))
    return versions


def _version(key: str, stamp: str, path: Path) -> ObjectVersion:
    found = path.stat()
    modified_at = datetime.fromtimestamp(found.st_mtime, UTC)
    return ObjectVersion(key, stamp, found.st_size, modified_at, current=False)

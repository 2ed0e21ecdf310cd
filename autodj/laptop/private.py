"""Files that only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path

from autodj.laptop.faults import plain_faults


def write_private(file: Path, text: str) -> None:
    """Write the file (mode 0600) whole or not at all, making its directory (0700) if needed."""
    with plain_faults(file.parent):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = file.with_name(f".{file.name}.{os.getpid()}")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(descriptor)
        unfinished.replace(file)


def read_private(file: Path) -> str:
    """The text of the file, its mode put right first; FileNotFoundError when there is none."""
    text = file.read_text(encoding="utf-8")
    if file.stat().st_mode & 0o077:
        file.chmod(0o600)
    return text

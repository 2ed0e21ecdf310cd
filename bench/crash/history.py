"""What happened, one JSON line each, written so that no kill can take a line back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class History:
    """Many processes append to one file; each line is one write, on the disk before it returns."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def add(self, did: str, **facts: object) -> None:
        line = json.dumps({"did": did, **facts}, default=str) + "\n"
        os.write(self._fd, line.encode())
        os.fsync(self._fd)


def read_history(file: Path) -> list[dict[str, Any]]:
    """Every line so far, oldest first."""
    return [json.loads(line) for line in file.read_text().splitlines()]

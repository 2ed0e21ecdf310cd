"""The names in folders, in order, large ones remembered for as long as they cannot have changed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Smaller folders are read as quickly as they are looked up.
LARGE_NAMES: Final = 1000
MOST_REMEMBERED: Final = 4
# File systems tell times as coarsely as this, and what changes twice within it changes once.
SETTLED_NS: Final = 2 * 10**9


@dataclass(frozen=True, slots=True)
class _Known:
    state: tuple[int, int, int]
    names: Sequence[str]


class Folders:
    """Folders below ``root``; pages of a list ask for the same ones again and again.

    Whatever appears in a folder or goes from it changes the time of the folder itself, which
    nobody can set. So names are what they were while that time stands still, if it had stood
    still for a while when they were read.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def names(self, folder: str) -> Sequence[str]:
        """What lies directly in it, folders with a slash at their end; nothing where none is.

        A folder sorts as its name with the slash that its keys have there.
        """
        path = self._root / folder
        try:
            found = path.stat()
            state = found.st_dev, found.st_ino, found.st_ctime_ns
            known = self._known.get(folder)
            if known is not None and known.state == state:
                return known.names
            began_ns = time.time_ns()
            names = _read(path)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        if len(names) >= LARGE_NAMES and found.st_ctime_ns + SETTLED_NS <= began_ns:
            self._remember(folder, _Known(state, names))
        return names

    def _remember(self, folder: str, known: _Known) -> None:
        with self._lock:
            self._known.pop(folder, None)
            if len(self._known) == MOST_REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[folder] = known


def _read(path: Path) -> Sequence[str]:
    with os.scandir(path) as entries:
        return sorted(
            f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
            for entry in entries
            if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
        )

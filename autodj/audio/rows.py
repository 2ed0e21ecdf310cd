"""What is kept of a track over time, in one piece of memory however it arrives."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = TypeVar("Kind", bound=np.floating[Any])


class Rows(Generic[Kind]):
    """Rows of ``width`` values that follow each other, ``at_once`` of which are made room for.

    Room that nothing was written to costs addresses and no memory, so there may be plenty of it:
    to join what was kept apart would hold it all twice.
    """

    def __init__(self, width: int, kind: type[Kind], at_once: int) -> None:
        self._at_once = at_once
        self._room: NDArray[Kind] = np.empty((at_once, width), kind)
        self._count = 0

    def add(self, rows: NDArray[Any]) -> None:
        """Append ``[rows, width]``, converted as they are written."""
        stop = self._count + len(rows)
        if stop > len(self._room):
            wanted = -(-stop // self._at_once) * self._at_once
            room = np.empty((wanted, self._room.shape[1]), self._room.dtype)
            room[: self._count] = self._room[: self._count]
            self._room = room
        self._room[self._count : stop] = rows
        self._count = stop

    def taken(self) -> NDArray[Kind]:
        """All rows; none are left here, so that who takes them may let them go."""
        rows = self._room[: self._count]
        self._room, self._count = self._room[:0], 0
        return rows

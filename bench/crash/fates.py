"""When a process is killed or stopped: at a numbered step, at a named one, or at some time."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

Role = Literal["web", "worker"]
Step = Callable[[str], None]

IN_TRANSACTION: Final = "db.commit"
MOST_STEPS: Final[dict[Role, int]] = {"web": 300, "worker": 600}
NEVER: Final = 1 << 60


@dataclass(frozen=True, slots=True)
class Fate:
    """How one process ends.

    It ends at its ``at``-th step, counting only those called ``named`` if that is given. With
    ``paused_s`` it is stopped there, woken so much later among its successors, when also
    ``paused_kills`` others have died, and killed ``haunts_s`` after that. ``kill_after_s`` kills
    it at a time instead of a step.
    """

    at: int = NEVER
    named: str | None = None
    paused_s: float | None = None
    paused_kills: int = 0
    haunts_s: float = 0.3
    kill_after_s: float | None = None


Draw = Callable[[Random, Role], Fate]

# Moments at which a process that sleeps too long, or dies, would hurt most.
SORE_SPOTS: Final[dict[Role, tuple[Fate, ...]]] = {
    "web": (
        # The bytes are in place, the row is about to be settled.
        Fate(at=3, named="db.begin", paused_s=1.0),
        Fate(at=1, named="local.rename"),
        Fate(at=2, named="local.rename", paused_s=0.8),
        Fate(at=1, named="web.answers"),
    ),
    "worker": (
        Fate(at=1, named="s3.delete", paused_s=0.8),
        Fate(at=1, named="s3.put"),
        Fate(at=1, named="s3.verified", paused_s=0.8),
        Fate(at=1, named="local.delete", paused_s=0.8),
        Fate(at=1, named="local.deleted"),
        Fate(at=1, named="s3.deleted"),
    ),
}


def any_fate(chance: Random, role: Role) -> Fate:
    """Mostly a kill at any step; one in five by time, one in five stopped, some at sore spots."""
    kind = chance.random()
    at = chance.randint(1, MOST_STEPS[role])
    if kind < 0.2:
        return Fate(kill_after_s=chance.uniform(0.005, 0.6))
    if kind < 0.4:
        paused_s, haunts_s = chance.uniform(0.2, 1.0), chance.uniform(0.02, 0.4)
        return Fate(at=at, paused_s=paused_s, haunts_s=haunts_s)
    if kind < 0.55:
        return chance.choice(SORE_SPOTS[role])
    return Fate(at=at)


class Steps:
    """Counts the steps of this process and lets its fate happen.

    ``tell`` is called with the name and number of the step just before the end.
    """

    def __init__(self, fate: Fate, tell: Callable[[str, int], None]) -> None:
        self._fate = fate
        self._tell = tell
        self._counted = 0
        self._over = False

    def __call__(self, name: str) -> None:
        if self._fate.named in {None, name}:
            self._counted += 1
        if self._over or self._counted < self._fate.at:
            return
        if self._fate.paused_s is None:
            self._end(name, signal.SIGKILL)
        elif name != IN_TRANSACTION:  # stopped there, it would keep SQLite's lock from everybody
            self._end(name, signal.SIGSTOP)

    def _end(self, name: str, how: signal.Signals) -> None:
        self._over = True
        self._tell(name, self._counted)
        os.kill(os.getpid(), how)

"""Careless ways to take a file. A run that does not turn red for each of them proves nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.mutations.careless import (
    ABANDONED,
    Boundless,
    Endless,
    Hasty,
    Leaking,
    Littering,
    Unreaped,
    confined,
    in_process,
)
from bench.mutations.mutate import mutant
from bench.mutations.poison import poisoned
from bench.mutations.seeds import Seed
from bench.mutations.ward import OpenTaker, Tally, run

CONTROL_S: Final = 8.0
_BESIDE: Final = 4


@dataclass(frozen=True, slots=True)
class Control:
    """A careless taker, the poison in its files, and a word of the fault that must be found;
    None for the one taker that is careful.
    """

    name: str
    taker: OpenTaker
    poison: str
    finding: str | None


CONTROLS: Final = (
    Control("the sandbox itself, poisoned", confined(Hasty), "crash", None),
    Control("the sandbox itself, kept busy", confined(Hasty), "spins", None),
    Control("decoding in the worker", in_process, "crash", "another"),
    Control("no limit of time", confined(Endless), "spins", "in time"),
    Control("descriptors that are not closed", confined(Leaking), "crash", "descriptors"),
    Control("files that are not removed", confined(Littering), "crash", "files left"),
    Control("programs that nobody waits for", confined(Unreaped), "crash", "zombies"),
    # The last, because of a process's children the largest ever is what is known.
    Control("no limit of memory", confined(Boundless), "grows", "memory"),
)


def judge(control: Control, seeds: Sequence[Seed], folder: Path) -> tuple[bool, Tally]:
    """Whether the control came out as it must, and what it did."""

    def files() -> Iterator[tuple[int, Seed]]:
        for number in range(_BESIDE):
            yield number, mutant(seeds, 1, number)
        yield _BESIDE, Seed(seeds[0].extension, poisoned(seeds[0].data, control.poison))

    tally = run(files(), folder, control.taker, good=seeds[0], workers=1, longest_s=CONTROL_S)
    _put_away(folder)
    if control.finding is None:
        return tally.good and tally.child_deaths + tally.late > 0, tally
    return any(control.finding in fault for fault in tally.faults), tally


def _put_away(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    for left in ABANDONED:
        if isinstance(left, subprocess.Popen):
            left.wait()
        else:
            left.close()
    ABANDONED.clear()

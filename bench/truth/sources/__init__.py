"""Where the pieces come from."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autodj.audio.frames import Floats
from bench.truth.piece import Part, Truth


@dataclass(frozen=True, slots=True)
class Order:
    """One piece to be made. ``dice`` decides all that is open, from a seed of its own."""

    composition: str
    part: Part
    dice: random.Random
    pop909: Path | None = None


Made = tuple[Floats, Truth]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Pieces of one kind and licence.

    ``compositions(part, pop909)`` names what there is for a part, nothing where the packages
    are not installed; ``make`` renders one of them, None where it is not fit. ``weights`` is
    the share of a part's pieces; ``renders`` how often a composition may appear, each time
    arranged anew.
    """

    name: str
    compositions: Callable[[Part, Path | None], Sequence[str]]
    make: Callable[[Order], Made | None]
    weights: dict[Part, float]
    renders: dict[Part, int]

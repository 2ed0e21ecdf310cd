"""Grooves that change their tempo for good: medleys, long climbs, and sets of several songs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from bench.truth.piece import Part
from bench.truth.sources import Made, Order, Source
from bench.truth.sources.grooves import invent
from bench.truth.styles import STYLES
from bench.truth.tempo import Pace

_PACES: dict[Pace, float] = {"climb": 0.35, "passage": 0.3, "set": 0.35}


def compositions(part: Part, _: Path | None) -> Sequence[str]:
    """``STYLE/changing-PART``; styles that are held out appear in the test part alone."""
    names = [name for name, style in STYLES.items() if part == "test" or not style.held_out]
    return [f"{name}/changing-{part}" for name in names]


def make(order: Order) -> Made:
    """The piece that the style and the dice give."""
    return invent(order, SOURCE.name, _PACES, _duration_s)


def _duration_s(dice: random.Random) -> float:
    return dice.uniform(90, 200)


SOURCE = Source(
    "changes",
    compositions,
    make,
    weights={"tuning": 0.03, "test": 20},
    renders={"tuning": 1, "test": 1},
)

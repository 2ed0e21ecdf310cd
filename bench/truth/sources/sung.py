"""Songs with a made-up singer: those of POP909 by a band, and sessions whose tune is sung.

For the training alone: a voice is the loudest thing in most songs, and seldom quite on the beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.truth.feels import HEARD_IN_TRAINING
from bench.truth.piece import Part
from bench.truth.sources import Made, Order, Source, covers, sessions

_NUMBERS = 12


def compositions(part: Part, folder: Path | None) -> Sequence[str]:
    """Songs and ``STYLE/NUMBER`` by turns, in the tuning part alone."""
    if part == "test":
        return []
    songs = covers.compositions(part, folder)
    invented = [f"{name}/sung-{n}" for n in range(_NUMBERS) for name in HEARD_IN_TRAINING]
    turns = min(len(songs), len(invented))
    mixed = [each for pair in zip(songs, invented, strict=False) for each in pair]
    return [*mixed, *songs[turns:], *invented[turns:]]


def make(order: Order) -> Made | None:
    """None where a song's bars are not of four beats throughout."""
    if "/" in order.composition:
        return sessions.played(order, SOURCE.name, lambda _dice, _song: (), is_sung=True)
    return covers.played(order, SOURCE.name, is_sung=True)


SOURCE = Source(
    "sung",
    compositions,
    make,
    weights={"tuning": 0.2},
    renders={"tuning": 1, "test": 1},
)

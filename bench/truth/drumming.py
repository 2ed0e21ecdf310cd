"""The drum part of a groove: the rows of its style, with sections, fills and accents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from bench.truth.styles import (
    CLAP,
    CLOSED_HAT,
    CRASH,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MID_TOM,
    RIDE,
    SHAKER,
    SNARE,
    VELOCITIES,
    Style,
)

_SECTIONS = {"full": 0.72, "nothing": 0.1, "no drums but cymbals": 0.1, "kick and hats": 0.08}
_LOUD = frozenset({KICK, SNARE, CLAP, CRASH})
_FINE = frozenset({CLOSED_HAT, SHAKER, RIDE})
_FILLED = (SNARE, HIGH_TOM, MID_TOM, LOW_TOM)

Rows = dict[int, str]


@dataclass(frozen=True, slots=True)
class Hit:
    """A stroke at a place counted in beats."""

    beat: float
    drum: int
    velocity: int


def drum_part(dice: random.Random, style: Style, bars: int) -> list[Hit]:
    """Every stroke of a piece of ``bars`` bars."""
    usual, other = _rows(dice, style), _rows(dice, style)
    every = dice.choice((4, 8, 8, 16))
    unevenness = dice.choice((0, 0, 4, 8))
    hits: list[Hit] = []
    for bar, section in enumerate(_sections(dice, bars)):
        if section == "nothing":
            continue
        rows = other if bar % 2 and dice.random() < 0.35 else usual
        hits += _bar(dice, style, bar, _heard(rows, section), unevenness)
        if bar and bar % every == 0 and dice.random() < 0.75:
            hits += _fill(dice, style, bar)
    return hits


def _rows(dice: random.Random, style: Style) -> Rows:
    return {drum: dice.choice(rows) for drum, rows in style.rows.items()}


def _sections(dice: random.Random, bars: int) -> list[str]:
    sections: list[str] = []
    while len(sections) < bars:
        name = dice.choices(list(_SECTIONS), list(_SECTIONS.values()))[0]
        sections += [name] * dice.choice((4, 8, 8, 16))
    return sections[:bars]


def _heard(rows: Rows, section: str) -> Rows:
    if section == "full":
        return rows
    if section == "kick and hats":
        return {drum: row for drum, row in rows.items() if drum in {KICK, CLOSED_HAT}}
    return {drum: row for drum, row in rows.items() if drum not in _LOUD}


def _bar(dice: random.Random, style: Style, bar: int, rows: Rows, unevenness: int) -> Iterator[Hit]:
    for drum, row in rows.items():
        for step, sign in enumerate(row):
            if sign == "x":
                weak = 14 if drum in _FINE and step % 2 else 0
                velocity = VELOCITIES[drum] + dice.randint(-unevenness, unevenness) - weak
                beat = bar * style.beats + step / style.steps
                yield Hit(beat, drum, max(20, min(127, velocity)))


def _fill(dice: random.Random, style: Style, bar: int) -> Iterator[Hit]:
    """Strokes that lead into a bar, most often with a crash on its first beat."""
    downbeat = bar * style.beats
    for step in range(dice.choice((2, 3, 4))):
        yield Hit(downbeat - (step + 1) / style.steps, dice.choice(_FILLED), 100)
    if dice.random() < 0.7:
        yield Hit(downbeat, CRASH, 100)

"""Drums alone, as DJs' tools and introductions have them. For the training alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from bench.truth.band import HANDS, play_drums, write_song
from bench.truth.drumming import Hit
from bench.truth.feels import HEARD_IN_TRAINING
from bench.truth.performance import perform
from bench.truth.piece import Part, Truth, moments
from bench.truth.sources import Made, Order, Source
from bench.truth.styles import CLOSED_HAT, KICK, OPEN_HAT, SHAKER, VELOCITIES, Style
from bench.truth.tempo import make_clock

_STYLES = {name: style for name, style in HEARD_IN_TRAINING.items() if KICK in style.rows}
_NUMBERS = 12
_HATS = frozenset({KICK, CLOSED_HAT, OPEN_HAT, SHAKER})
_TAIL_BEATS = 4


def compositions(part: Part, _: Path | None) -> Sequence[str]:
    """``STYLE/NUMBER``, in the tuning part alone."""
    numbers = range(_NUMBERS if part == "tuning" else 0)
    return [f"{name}/drums-{number}" for number in numbers for name in _STYLES]


def make(order: Order) -> Made:
    """One bar over and over, or with sections and fills."""
    dice = order.dice
    style = _STYLES[order.composition.partition("/")[0]]
    electronic = dice.random() < style.electronic
    bpm = style.draw_bpm(dice)
    bars = max(4, round(dice.uniform(45, 70) * bpm / 60 / style.beats))
    hits = _loop(dice, style, bars)
    if dice.random() < 0.35:
        song = write_song(dice, style, bars, has_drums=True)
        hits, bars = play_drums(dice, song), song.bars
    beats = bars * style.beats
    swing = dice.uniform(*style.swing) if style.steps == 4 else 0.0
    clock = make_clock(dice, bpm, beats + _TAIL_BEATS, "steady", dice.uniform(0, 0.6), swing)
    samples = perform(
        dice, (), hits, clock.seconds, float(clock.beats_s[beats]), order.part,
        electronic=electronic, beat_s=60 / bpm,
    )  # fmt: skip
    return samples, Truth(
        source=SOURCE.name,
        licence="public domain",
        composition=order.composition,
        bpm=bpm,
        steady=True,
        metre=style.beats,
        beats_s=moments(clock.beats_s[:beats]),
        downbeats_s=moments(clock.beats_s[: beats : style.beats]),
    )


def _loop(dice: random.Random, style: Style, bars: int) -> list[Hit]:
    """All the drums, or kick and hats, or only some of the others beside the kick."""
    rows = {drum: dice.choice(each) for drum, each in style.rows.items()}
    roll = dice.random()
    if roll < 0.3:
        rows = {drum: row for drum, row in rows.items() if drum in _HATS}
    elif roll < 0.45:
        kept = {KICK, dice.choice(list(rows))}
        rows = {drum: row for drum, row in rows.items() if drum in kept}
    return [
        Hit(bar * style.beats + step / style.steps, drum, VELOCITIES.get(drum, 76) + HANDS[sign])
        for bar in range(bars)
        for drum, row in rows.items()
        for step, sign in enumerate(row)
        if sign != "."
    ]


SOURCE = Source(
    "drums",
    compositions,
    make,
    weights={"tuning": 0.06},
    renders={"tuning": 1, "test": 1},
)

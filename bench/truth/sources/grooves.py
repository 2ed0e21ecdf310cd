"""Invented pieces: drums of a style, chords, bass and a tune in a key."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.truth.arrangement import Note, arrange, tells_the_key
from bench.truth.drumming import drum_part
from bench.truth.harmony import make_harmony
from bench.truth.performance import perform
from bench.truth.piece import Part, Truth, moments
from bench.truth.smf import Played, Voice
from bench.truth.sources import Made, Order, Source
from bench.truth.styles import STYLES, Style
from bench.truth.tempo import Clock, Pace, make_clock

_PACES: dict[Pace, float] = {"steady": 0.84, "wandering": 0.09, "jump": 0.03, "rubato": 0.04}
_TAIL_BEATS = 4
_NUMBERS: dict[Part, int] = {"tuning": 400, "test": 12}
_DRIFT_S = 240.0


def compositions(part: Part, _: Path | None) -> Sequence[str]:
    """``STYLE/NUMBER``; styles that are held out appear in the test part alone."""
    names = [name for name, style in STYLES.items() if part == "test" or not style.held_out]
    return [f"{name}/{part}-{number}" for number in range(_NUMBERS[part]) for name in names]


def make(order: Order) -> Made:
    """The piece that the style and the dice give."""
    return invent(order, SOURCE.name, _PACES, _duration_s)


def invent(
    order: Order,
    source: str,
    paces: Mapping[Pace, float],
    duration_s: Callable[[random.Random], float],
) -> Made:
    """A groove of the composition's style; ``paces`` says how often its time goes how."""
    dice = order.dice
    style = STYLES[order.composition.partition("/")[0]]
    electronic = dice.random() < style.electronic
    bpm = _tempo(dice, style)
    pace = dice.choices(list(paces), list(paces.values()))[0]
    bars = round(duration_s(dice) * bpm / 60 / style.beats / 2) * 2
    harmony = make_harmony(dice, bars, style.beats)
    notes = arrange(dice, harmony, style, bars, electronic=electronic)
    hits = drum_part(dice, style, bars)
    if notes and dice.random() < 0.06:
        hits = []
    beats = bars * style.beats
    swing = dice.uniform(*style.swing) if style.steps == 4 else 0.0
    clock = make_clock(dice, bpm, beats + _TAIL_BEATS, pace, dice.uniform(0, 0.6), swing)
    end_s = float(clock.beats_s[beats])
    samples = perform(
        dice, _voices(dice, notes, clock, even=electronic), hits, clock.seconds, end_s,
        order.part, electronic=electronic, beat_s=60 / bpm,
    )  # fmt: skip
    return samples, Truth(
        source=source,
        licence="public domain",
        composition=order.composition,
        bpm=bpm,
        steady=pace == "steady",
        metre=style.beats,
        beats_s=moments(clock.beats_s[:beats]),
        downbeats_s=moments(clock.beats_s[: beats : style.beats]),
        key=harmony.key if tells_the_key(notes) and not harmony.has_two_keys else None,
    )


def _tempo(dice: random.Random, style: Style) -> float:
    """Between the style's bounds, most often a whole number."""
    bpm = style.draw_bpm(dice)
    return float(round(bpm)) if dice.random() < 0.6 else round(bpm, 3)


def _duration_s(dice: random.Random) -> float:
    """A minute or so, and now and then the four of a whole track."""
    return _DRIFT_S if dice.random() < 0.08 else dice.uniform(60, 80)


def _voices(dice: random.Random, notes: Sequence[Note], clock: Clock, *, even: bool) -> list[Voice]:
    noise = np.random.default_rng(dice.randrange(2**32))
    spread_s = 0.0 if even else dice.choice((0, 0, 0.004, 0.008))
    played: dict[tuple[str, int], list[Played]] = {}
    for note in notes:
        late_s = float(noise.normal(0, spread_s))
        start_s = max(0.0, clock.seconds(note.start) + late_s)
        end_s = clock.seconds(note.end) + late_s
        played.setdefault((note.part, note.program), []).append(
            Played(start_s, end_s, note.pitch, note.velocity)
        )
    return [Voice(program, False, tuple(each)) for (_, program), each in played.items()]


SOURCE = Source(
    "grooves",
    compositions,
    make,
    weights={"tuning": 0.5, "test": 70},
    renders={"tuning": 1, "test": 1},
)

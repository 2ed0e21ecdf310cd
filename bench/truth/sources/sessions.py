"""Invented pieces of another kind: a band with sections, made-up figures and a human pulse.

For the training alone: what the other sources test has nothing of this band's ways.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from autodj.audio.keynames import MODES, key_name
from bench.truth.arrangement import Note
from bench.truth.band import Song, moved, play_drums, play_notes, write_song
from bench.truth.feels import HEARD_IN_TRAINING
from bench.truth.performance import perform
from bench.truth.piece import Part, Truth, moments, tempo_of
from bench.truth.smf import Played, Voice
from bench.truth.sources import Made, Order, Source
from bench.truth.tempo import Clock, Pace, make_clock

_NUMBERS = 40
_DRUMLESS = 0.14
_WITHOUT_DRUMS: tuple[Pace, ...] = ("steady", "wandering", "rubato")
_TAIL_BEATS = 4
_SLOW_WAVE_BEATS = (16, 120)


def compositions(part: Part, _: Path | None) -> Sequence[str]:
    """``STYLE/NUMBER``, in the tuning part alone."""
    numbers = range(_NUMBERS if part == "tuning" else 0)
    return [f"{name}/session-{number}" for number in numbers for name in HEARD_IN_TRAINING]


def make(order: Order) -> Made:
    """The piece that the style and the dice give."""
    return played(order, SOURCE.name, lambda _dice, _song: ())


def played(
    order: Order, name: str, beside: Callable[[random.Random, Song], Sequence[Note]]
) -> Made:
    """A piece of the source of that name, with what ``beside`` gives to the band's notes."""
    dice = order.dice
    style = HEARD_IN_TRAINING[order.composition.partition("/")[0]]
    electronic = dice.random() < style.electronic
    has_drums = electronic or dice.random() >= _DRUMLESS
    bpm = style.draw_bpm(dice)
    bars = max(4, round(dice.uniform(60, 85) * bpm / 60 / style.beats))
    song = write_song(dice, style, bars, has_drums=has_drums)
    clock = _clock(dice, song, bpm, has_drums=has_drums, electronic=electronic)
    notes, hits = play_notes(dice, song), play_drums(dice, song)
    notes += beside(dice, song)
    late = {part: 0.0 if electronic else dice.gauss(0, 0.02) for part in ("bass", "chords", "tune")}
    voices = _voices(dice, moved(notes, late), clock, even=electronic)
    beats = song.bars * style.beats
    samples = perform(
        dice, voices, hits, clock.seconds, float(clock.beats_s[beats]), order.part,
        electronic=electronic, beat_s=60 / bpm,
    )  # fmt: skip
    beats_s = moments(clock.beats_s[:beats])
    paced, steady = tempo_of(beats_s)
    return samples, Truth(
        source=name,
        licence="public domain",
        composition=order.composition,
        bpm=paced,
        steady=steady,
        metre=style.beats,
        beats_s=beats_s,
        downbeats_s=beats_s[:: style.beats],
        key=key_name(song.tonic, song.mode) if song.mode in MODES else None,
    )


def _clock(
    dice: random.Random, song: Song, bpm: float, *, has_drums: bool, electronic: bool
) -> Clock:
    """A machine's clock, or people's: even at best in the long run."""
    style = song.style
    beats = song.bars * style.beats + _TAIL_BEATS
    pace: Pace = "steady" if has_drums else dice.choice(_WITHOUT_DRUMS)
    if has_drums and not electronic:
        pace = dice.choices(("steady", "wandering"), (0.75, 0.25))[0]
    swing = dice.uniform(*style.swing) if style.steps == 4 else 0.0
    clock = make_clock(dice, bpm, beats, pace, dice.choice((0, 0.1, 0.6, 2.0)), swing)
    if electronic or dice.random() < 0.4:
        return clock
    wave = dice.uniform(*_SLOW_WAVE_BEATS)
    sway_s = dice.uniform(0, 0.02) * np.sin(np.arange(clock.beats_s.size) * 2 * np.pi / wave)
    return Clock(clock.beats_s + sway_s - min(0.0, float(sway_s[0])), swing)


def _voices(dice: random.Random, notes: Sequence[Note], clock: Clock, *, even: bool) -> list[Voice]:
    noise = np.random.default_rng(dice.randrange(2**32))
    spread_s = 0.0 if even else dice.choice((0.002, 0.006, 0.012))
    played: dict[tuple[str, int], list[Played]] = {}
    for note in notes:
        late_s = float(noise.normal(0, spread_s))
        start_s = max(0.0, clock.seconds(note.start) + late_s)
        end_s = max(start_s + 0.04, clock.seconds(note.end) + late_s)
        played.setdefault((note.part, note.program), []).append(
            Played(start_s, end_s, min(108, max(24, note.pitch)), note.velocity)
        )
    return [Voice(program, False, tuple(each)) for (_, program), each in played.items()]


SOURCE = Source(
    "sessions",
    compositions,
    make,
    weights={"tuning": 0.27},
    renders={"tuning": 1, "test": 1},
)

"""Sessions in which somebody plays across the beat: every third sixteenth, triplets over straight
beats and the like, and echoes of the tune. For the training alone: such a figure is the most
even thing in a piece, and yet it is not the beat.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.truth.arrangement import Note
from bench.truth.band import Section, Song
from bench.truth.feels import HEARD_IN_TRAINING
from bench.truth.piece import Part
from bench.truth.sources import Made, Order, Source
from bench.truth.sources.sessions import played

# The distance from one note to the next, in beats, by the steps of a beat; how likely.
_ACROSS = {
    4: {0.75: 6.0, 1.5: 2.0, 2 / 3: 1.5, 1.25: 1.0, 4 / 3: 0.5},
    3: {2 / 3: 4.0, 4 / 3: 2.0, 0.5: 1.0, 0.75: 1.0},
}
_PROGRAMS = (
    0, 4, 5, 6, 7, 11, 12, 13, 24, 25, 26, 27, 38, 39, 46, 80, 81, 84, 87, 88, 98, 104, 108,
)  # fmt: skip
# Semitones above the tonic that hurt over few chords.
_PEDALS = ((0,), (0, 7), (0, 12), (0, 7, 12), (0, 12, 7, 12), (0, 7, 10), (12, 7, 0, 7))
_BARS_UNTIL_ANEW = (1, 2, 2, 4, 4, 8, 1000)
_NUMBERS = 12
_FADE = 0.6


def compositions(part: Part, _: Path | None) -> Sequence[str]:
    """``STYLE/NUMBER``, in the tuning part alone."""
    numbers = range(_NUMBERS if part == "tuning" else 0)
    return [f"{name}/ostinato-{number}" for number in numbers for name in HEARD_IN_TRAINING]


def make(order: Order) -> Made:
    return played(order, SOURCE.name, across)


def across(dice: random.Random, song: Song) -> list[Note]:
    """One or two figures across the beat, each through most of the sections."""
    return [
        note
        for _ in range(dice.choice((1, 1, 2)))
        for note in _echoed(dice, list(_figure(dice, song)), song)
    ]


def _figure(dice: random.Random, song: Song) -> Iterator[Note]:
    chances = _ACROSS[song.style.steps]
    apart = dice.choices(list(chances), list(chances.values()))[0]
    program, pitches = dice.choice(_PROGRAMS), dice.choice(_PEDALS)
    around = song.tonic + dice.choice((36, 48, 48, 60, 60, 72))
    anew, length = dice.choice(_BARS_UNTIL_ANEW), dice.uniform(0.3, 0.95)
    velocity = dice.randint(70, 112)
    for section in song.sections:
        if dice.random() < 0.75:
            for index, start in _places(section, song.style.beats, apart, anew):
                pitch = around + pitches[index % len(pitches)]
                yield Note("tune", program, start, start + length * apart, pitch, velocity)


def _places(section: Section, beats: int, apart: float, anew: int) -> Iterator[tuple[int, float]]:
    """Number and start, in beats of the piece, of each note; the count begins anew with bars."""
    for bar in range(0, section.bars, anew):
        room = min(anew, section.bars - bar) * beats
        first = (section.first + bar) * beats
        for index in range(int((room - 1e-6) / apart) + 1):
            yield index, first + index * apart


def _echoed(dice: random.Random, notes: list[Note], song: Song) -> list[Note]:
    """Now and then with one or two echoes, as a delay set to the tempo gives."""
    if dice.random() < 0.7:
        return notes
    late, times = dice.choice((0.75, 0.75, 0.5, 1.5)), dice.choice((1, 2))
    end = song.bars * song.style.beats
    echoes = [
        replace(
            note,
            start=note.start + late * time,
            end=note.end + late * time,
            velocity=max(20, round(note.velocity * _FADE**time)),
        )
        for note in notes
        for time in range(1, times + 1)
        if note.start + late * time < end
    ]
    return [*notes, *echoes]


SOURCE = Source(
    "ostinati",
    compositions,
    make,
    weights={"tuning": 0.1},
    renders={"tuning": 1, "test": 1},
)

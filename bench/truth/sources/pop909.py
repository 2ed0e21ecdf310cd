"""POP909: piano arrangements of pop songs with beats, bars and keys, in a folder that is given.

Wang and others, "POP909: a pop-song dataset for music arrangement generation" (ISMIR 2020); MIT.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from autodj.audio.keynames import PITCHES, key_name
from bench.truth.drumming import Hit
from bench.truth.performance import perform
from bench.truth.piece import Part, Truth, tempo_of
from bench.truth.smf import Doubles, Song, read
from bench.truth.sources import Made, Order, Source
from bench.truth.sources.midi_files import Excerpt, excerpt
from bench.truth.styles import STYLES, VELOCITIES

# Melody, bridge and piano are given instruments by chance.
_PROGRAMS = (
    (0, 0, 1, 4, 5, 24, 25, 73, 40, 11, 80),
    (0, 4, 11, 48, 50, 88),
    (0, 0, 0, 1, 4, 24, 25, 46, 5),
)
_ADDED_DRUMS = (
    "pop", "ballad", "soul", "rock", "house", "slow house", "boom bap", "disco",
)  # fmt: skip
_MODES = {"maj": "major", "min": "minor"}
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "b": -1}
_TEST_EVERY = 10


@dataclass(frozen=True, slots=True)
class Marks:
    """When the beats of a song fall, and which begin a bar."""

    beats_s: Doubles
    downbeats_s: Doubles


def compositions(part: Part, folder: Path | None) -> Sequence[str]:
    """The numbers of the songs; every tenth is for the test."""
    if folder is None:
        return []
    numbers = sorted(path.name for path in folder.iterdir() if path.name.isdigit())
    return [n for n in numbers if (int(n) % _TEST_EVERY == 0) == (part == "test")]


def make(order: Order) -> Made | None:
    assert order.pop909 is not None
    dice, folder = order.dice, order.pop909 / order.composition
    marks = read_marks(folder)
    song = read((folder / f"{order.composition}.mid").read_bytes())
    marked = replace(song, beats_s=marks.beats_s, downbeats_s=marks.downbeats_s)
    part = excerpt(dice, _instrumented(dice, marked), dice.uniform(60, 80))
    if len(part.beats_s) < 32 or len(part.downbeats_s) < 4:
        return None
    bpm, steady = tempo_of(part.beats_s)
    hits = _drums(dice, part) if dice.random() < 0.5 else []
    samples = perform(
        dice, part.voices, hits, part.seconds, part.duration_s, order.part,
        electronic=dice.random() < 0.4, beat_s=60 / bpm,
    )  # fmt: skip
    return samples, Truth(
        source=SOURCE.name,
        licence="MIT",
        composition=order.composition,
        bpm=bpm,
        steady=steady,
        metre=4,
        beats_s=part.beats_s,
        downbeats_s=part.downbeats_s,
        key=key_of(folder, part.shift),
    )


def read_marks(folder: Path) -> Marks:
    """Third column: the downbeats of 4/4."""
    rows = np.loadtxt(folder / "beat_midi.txt")
    return Marks(rows[:, 0], rows[rows[:, 2] == 1, 0])


def read_chords(folder: Path) -> list[tuple[float, str]]:
    """When each chord begins, in seconds, and its name, as ``C#:min7/b3``; ``N`` is silence."""
    lines = [line.split() for line in (folder / "chord_midi.txt").read_text().splitlines()]
    return [(float(line[0]), line[2]) for line in lines if len(line) > 2]


def _instrumented(dice: random.Random, song: Song) -> Song:
    voices = tuple(
        replace(voice, program=dice.choice(programs))
        for voice, programs in zip(song.voices, _PROGRAMS, strict=False)
    )
    return replace(song, voices=voices)


def _drums(dice: random.Random, part: Excerpt) -> list[Hit]:
    """A style's pattern laid along the true beats."""
    style = STYLES[dice.choice(_ADDED_DRUMS)]
    rows = {drum: dice.choice(each) for drum, each in style.rows.items()}
    first = part.beats_s.index(part.downbeats_s[0])
    return [
        Hit(beat + step / 4, drum, VELOCITIES[drum])
        for beat in range(len(part.beats_s) - 1)
        for drum, row in rows.items()
        for step, sign in enumerate(row[(beat - first) % 4 * 4 :][:4])
        if sign == "x"
    ]


def key_of(folder: Path, shift: int = 0) -> str | None:
    """The key of a song that stays in one, ``shift`` semitones higher."""
    lines = [line.split() for line in (folder / "key_audio.txt").read_text().splitlines()]
    names = {line[-1] for line in lines if line}
    if len(names) != 1:
        return None
    pitch, _, mode = names.pop().partition(":")
    return key_name((pitch_class(pitch) + shift) % len(PITCHES), _MODES[mode[:3]])


def pitch_class(name: str) -> int:
    """Of ``C``, ``F#`` or ``Bb``."""
    return (_LETTERS[name[0]] + sum(_ACCIDENTALS[sign] for sign in name[1:])) % len(PITCHES)


SOURCE = Source(
    "pop909",
    compositions,
    make,
    weights={"tuning": 0.3, "test": 25},
    renders={"tuning": 3, "test": 1},
)

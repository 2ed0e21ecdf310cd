"""Bass, chords and a tune over a harmony."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.truth.harmony import Chord, Harmony, near
from bench.truth.styles import Style

PartName = Literal["bass", "chords", "tune"]

# Where a part plays inside each beat, and how long: (offset, length).
_IN_EACH_BEAT: dict[str, tuple[tuple[float, float], ...]] = {
    "beats": ((0, 0.9),),
    "offbeats": ((0.5, 0.45),),
    "eighths": ((0, 0.45), (0.5, 0.45)),
    "sixteenths": ((0, 0.2), (0.25, 0.2), (0.5, 0.2), (0.75, 0.2)),
    "rolling": ((0.25, 0.22), (0.5, 0.22), (0.75, 0.22)),
}
# Where it plays inside each chord.
_IN_EACH_CHORD: dict[str, tuple[tuple[float, ...], ...]] = {
    "syncopated": ((0, 1.5, 3), (0, 0.75, 1.5, 2.5), (0, 1.5, 2, 3.5), (0, 0.75, 2.25, 3)),
    "strummed": ((0, 1, 1.5, 2.5, 3, 3.5),),
    "strummed in three": ((0, 1, 5 / 3, 2, 3, 11 / 3),),
    "pushed": ((0, 0.75, 1.5, 2.5, 3.25),),
    "pushed in three": ((0, 2 / 3, 2, 8 / 3),),
}
_BASS = ("long", "long", "beats", "offbeats", "eighths", "sixteenths", "syncopated", "walking")
_CLUB_BASS = ("offbeats", "eighths", "syncopated", "sixteenths", "long", "long", "rolling")
_CHORDS = ("long", "long", "eighths", "offbeats", "arpeggio", "strummed", "beats", "pushed")
_WALKS = (0, 4, 7, 3, 2, 5, 9, -1)
_BASS_PROGRAMS, _CLUB_BASS_PROGRAMS = (32, 33, 34, 35, 36, 43), (38, 39, 81, 87)
_CHORD_PROGRAMS = (88, 89, 90, 91, 48, 50, 52, 4, 5, 0, 16, 19, 24, 25, 27, 29, 30, 61)
_TUNE_PROGRAMS = (80, 81, 84, 0, 73, 56, 65, 11, 12, 26, 40, 66, 104, 62, 63, 71)


@dataclass(frozen=True, slots=True)
class Note:
    """A note of a part; ``start`` and ``end`` in beats."""

    part: PartName
    program: int
    start: float
    end: float
    pitch: int
    velocity: int


def arrange(
    dice: random.Random, harmony: Harmony, style: Style, bars: int, *, electronic: bool
) -> list[Note]:
    """The notes of all parts."""
    notes = [
        *_bass(dice, harmony, electronic=electronic),
        *_accompaniment(dice, harmony, in_three=style.steps == 3),
    ]
    if dice.random() < 0.75:
        notes += _tune(dice, harmony, style, bars)
    return _thinned(dice, notes, bars * style.beats, style.beats)


def tells_the_key(notes: Sequence[Note]) -> bool:
    """Whether chords sound, and a bass below them."""
    return {"bass", "chords"} <= {note.part for note in notes}


def _bass(dice: random.Random, harmony: Harmony, *, electronic: bool) -> Iterator[Note]:
    program = dice.choice(_CLUB_BASS_PROGRAMS if electronic else _BASS_PROGRAMS)
    manner = dice.choice(_CLUB_BASS if electronic else _BASS)
    velocity, around = dice.randint(80, 115), dice.choice((34, 36, 38, 40))
    for chord in harmony.chords:
        root = near(chord.root, around)
        for index, (start, beats) in enumerate(_places(dice, manner, chord)):
            step = dice.choice(_WALKS) if manner == "walking" and index else 0
            accent = 0 if index % 2 == 0 else 8
            yield Note("bass", program, start, start + beats, root + step, velocity - accent)


def _accompaniment(dice: random.Random, harmony: Harmony, *, in_three: bool) -> Iterator[Note]:
    program, manner = dice.choice(_CHORD_PROGRAMS), dice.choice(_CHORDS)
    velocity, around = dice.randint(50, 95), dice.choice((55, 60, 64))
    if in_three and manner in {"strummed", "pushed"}:
        manner += " in three"
    for chord in harmony.chords:
        pitches = [near(each, around) for each in chord.classes]
        if manner == "arpeggio":
            yield from _arpeggio(chord, pitches, program, velocity, 3 if in_three else 4)
            continue
        for index, (start, beats) in enumerate(_places(dice, manner, chord)):
            accent = 0 if index % 2 == 0 else 10
            for pitch in pitches:
                yield Note("chords", program, start, start + beats, pitch, velocity - accent)


def _arpeggio(
    chord: Chord, pitches: list[int], program: int, velocity: int, steps: int
) -> Iterator[Note]:
    for step in range(round(chord.beats * steps)):
        octave = 12 * (step // len(pitches) % 2)
        start = chord.start + step / steps
        pitch = pitches[step % len(pitches)] + octave
        yield Note("chords", program, start, start + 1.2 / steps, pitch, velocity)


def _tune(dice: random.Random, harmony: Harmony, style: Style, bars: int) -> Iterator[Note]:
    """A figure of two bars, repeated with changes, silent in every third group of eight."""
    program, velocity = dice.choice(_TUNE_PROGRAMS), dice.randint(60, 105)
    figure, length = _figure(dice, style), 2 * style.beats
    base = dice.choice((60, 72)) + harmony.tonic
    for repeat in range(bars // 2):
        if repeat // 4 % 3 == 2:
            continue
        for start, beats, degree in figure:
            played = degree if dice.random() < 0.8 else dice.randint(-2, 6)
            pitch = base + harmony.scale[played % 7] + 12 * (played // 7)
            at = repeat * length + start
            yield Note("tune", program, at, at + 0.9 * beats, pitch, velocity)


def _figure(dice: random.Random, style: Style) -> list[tuple[float, float, int]]:
    steps = dice.choice((2, 2, 4)) if style.steps == 4 else 3
    figure, at = [], 0.0
    while at < 2 * style.beats:
        beats = dice.choice((1, 1, 2, 2, 3, 4)) / steps
        if dice.random() < 0.78:
            figure.append((at, beats, dice.randint(-2, 6)))
        at += beats
    return figure


def _places(dice: random.Random, manner: str, chord: Chord) -> Iterator[tuple[float, float]]:
    """Where a part plays during a chord: (start, length) in beats of the piece."""
    if manner in _IN_EACH_CHORD:
        for offset in dice.choice(_IN_EACH_CHORD[manner]):
            if offset < chord.beats:
                yield chord.start + offset, 0.45
    elif manner == "long":
        yield chord.start, 0.97 * chord.beats
    else:
        inside = _IN_EACH_BEAT["beats" if manner == "walking" else manner]
        for beat in range(round(chord.beats)):
            for offset, beats in inside:
                yield chord.start + beat + offset, beats


def _thinned(dice: random.Random, notes: list[Note], beats: int, metre: int) -> list[Note]:
    """Parts rest for a while here and there; now and then only the bass plays, or nothing."""
    roll = dice.random()
    if roll < 0.04:
        return []
    if roll < 0.16:
        notes = [note for note in notes if note.part == "bass"]
    span = 8 * metre
    rests = {
        (part, group)
        for part in ("bass", "chords", "tune")
        for group in range(beats // span + 1)
        if dice.random() < 0.2
    }
    return [note for note in notes if (note.part, int(note.start // span)) not in rests]

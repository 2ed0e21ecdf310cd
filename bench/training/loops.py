"""Dance music without sound, for the training of the key alone: rounds of chords, riffs, stabs.

Vamps on one or two chords, rounds of four, minor keys with natural, harmonic and dorian chords,
major ones with the lowered seventh, chords moved in parallel, and a bass that stays on the tonic.
A round begins on its tonic or comes to rest on it, so that there is one to be heard. Nothing is
shared with the players of the truth set.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.truth.arrangement import Note, PartName
from bench.truth.harmony import near

_MINOR_SHARE: Final = 0.65
_PEDAL, _PARALLEL, _POWER = 0.12, 0.12, 0.08
# Roots in semitones above the tonic, minor triads marked by "m".
_ROUNDS: Final = {
    "minor": (
        "0m", "0m", "0m 10", "0m 8", "0m 5m", "0m 7m", "0m 5", "0m 1", "0m 3", "0m 2m",
        "0m 10m", "0m 8 3 10", "0m 10 8 10", "0m 8 10 0m", "0m 5m 8 7m", "0m 3 10 8",
        "0m 8 5m 7m", "0m 7m 8 5m", "0m 10 8 7", "0m 0m 8 10", "0m 0m 5m 7", "0m 0m 0m 10",
        "0m 3 5m 10", "0m 5m 10 3", "0m 5m 7 0m", "0m 8 5m 10", "0m 3 8 7", "0m 10 5 0m",
        "0m 7m 5m 5m", "8 10 0m 0m", "5m 7 0m 0m", "8 7 0m 0m", "0m 0m 10m 8", "0m 7 0m 5m",
    ),
    "major": (
        "0", "0 5", "0 10", "0 7", "0 9m", "0 2m", "0 5m", "0 7 9m 5", "0 9m 5 7", "0 5 7 5",
        "0 5 9m 7", "0 4m 5 7", "0 9m 2m 7", "2m 7 0 0", "0 4m 9m 5", "0 10 5 0", "5 7 0 0",
        "0 2m 5 7", "0 7 5 7", "0 0 5 7", "0 5 0 7", "0 4m 2m 7", "0 5 5m 0", "2m 7 0 9m",
    ),
}  # fmt: skip
# Natural, pentatonic, dorian, phrygian and harmonic minor; major, pentatonic and mixolydian.
_SCALES: Final = {
    "minor": (
        (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 8, 10), (0, 3, 5, 7, 10), (0, 3, 5, 7, 10),
        (0, 2, 3, 5, 7, 9, 10), (0, 1, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 8, 11),
    ),
    "major": ((0, 2, 4, 5, 7, 9, 11), (0, 2, 4, 7, 9), (0, 2, 4, 5, 7, 9, 10)),
}  # fmt: skip
_THIRDS: Final = {"major": 4, "minor": 3}
_BASS_PLACES: Final = {"off": (0.5,), "eighths": (0.0, 0.5), "rolling": (0.25, 0.5, 0.75)}
_BASS_MANNERS: Final = ("long", "off", "eighths", "riff", "riff", "rolling")
_RIFF_PLACES: Final = (0, 0.5, 0.75, 1, 1.5, 2, 2.5, 2.75, 3, 3.5)
_STAB_PLACES: Final = (0, 0.5, 0.75, 1.5, 2, 2.5, 3, 3.5)
_PLAYING: Final[dict[PartName, float]] = {"bass": 0.92, "chords": 0.9, "tune": 0.6}
_REST: Final = 0.25
_SECTION_BEATS, _TUNE_BEATS = 32, 8


@dataclass(frozen=True, slots=True)
class Step:
    """A chord of a loop: pitch classes from ``start`` for ``beats`` beats, over a bass note."""

    start: float
    beats: float
    bass: int
    classes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """Its key, and the chords of all its bars of four."""

    tonic: int
    mode: str
    steps: tuple[Step, ...]


def make_loop(dice: random.Random, bars: int) -> Loop:
    """One round, or two in turns of sixteen bars."""
    mode = "minor" if dice.random() < _MINOR_SHARE else "major"
    tonic, beats = dice.randrange(12), dice.choice((2, 4, 4, 4, 8))
    rounds = [dice.choice(_ROUNDS[mode]).split() for _ in range(dice.choice((1, 1, 1, 2)))]
    seventh = dice.choice((0.0, 0.0, 0.5, 1.0))
    third = _THIRDS[mode] if dice.random() < _PARALLEL else None
    has_thirds, is_pedal = dice.random() >= _POWER, dice.random() < _PEDAL
    steps = []
    for index, start in enumerate(range(0, 4 * bars, beats)):
        turn = rounds[start // 64 % len(rounds)]
        chord = _chord(turn[index % len(turn)], third, has_seventh=dice.random() < seventh)
        if not has_thirds:
            del chord[1]
        classes = tuple((tonic + each) % 12 for each in chord)
        steps.append(Step(start, beats, tonic if is_pedal else classes[0], classes))
    return Loop(tonic, mode, tuple(steps))


def _chord(name: str, third: int | None, *, has_seventh: bool) -> list[int]:
    """Semitones above the tonic; minor triads and the dominant take the minor seventh."""
    root, is_minor = int(name.removesuffix("m")), name.endswith("m")
    chord = [root, root + (third or _THIRDS["minor" if is_minor else "major"]), root + 7]
    if has_seventh:
        chord.append(root + (10 if chord[1] - root == _THIRDS["minor"] or root == 7 else 11))
    return chord


def play_loop(dice: random.Random, loop: Loop) -> list[Note]:
    """Its bass, stabs or pads, and a figure of two bars; parts rest for eight bars by chance."""
    beats = loop.steps[-1].start + loop.steps[-1].beats
    playing = {part for part, share in _PLAYING.items() if dice.random() < share}
    if not playing & {"chords", "tune"}:
        playing |= {"bass", "chords"}
    rests = {
        (part, section)
        for part in sorted(playing)
        for section in range(int(beats) // _SECTION_BEATS + 1)
        if dice.random() < _REST
    }
    notes = (*_bass(dice, loop), *_chords(dice, loop), *_tune(dice, loop, int(beats)))
    return [
        note
        for note in notes
        if note.part in playing and (note.part, int(note.start) // _SECTION_BEATS) not in rests
    ]


def _bass(dice: random.Random, loop: Loop) -> Iterator[Note]:
    manner, lowest = dice.choice(_BASS_MANNERS), near(loop.tonic, dice.choice((34, 36, 38, 40)))
    above = (0, 0, 0, 0, 12, 7, 10, _THIRDS[loop.mode], 5)
    riff = [(dice.choice(_RIFF_PLACES), dice.choice(above)) for _ in range(dice.randint(2, 6))]
    for step in loop.steps:
        root = near(step.bass, lowest)
        if manner == "long":
            yield _note("bass", step.start, 0.95 * step.beats, root)
        for bar in range(0, int(step.beats), 4) if manner == "riff" else ():
            for place, more in riff:
                if place < step.beats:
                    yield _note("bass", step.start + bar + place, 0.5, root + more)
        for beat in range(int(step.beats)):
            for place in _BASS_PLACES.get(manner, ()):
                yield _note("bass", step.start + beat + place, 0.4, root)


def _chords(dice: random.Random, loop: Loop) -> Iterator[Note]:
    places = sorted({dice.choice(_STAB_PLACES) for _ in range(dice.randint(1, 5))})
    longest, is_pad = dice.choice((0.3, 0.6, 2, 4)), dice.random() < 0.35
    for step in loop.steps:
        pitches = [near(each, 60) for each in step.classes]
        for bar in range(0, int(step.beats), 4):
            for place in (0.0,) if is_pad else places:
                left = step.beats - bar - place
                for pitch in pitches if left > 0 else ():
                    length = min(left, 4.0 if is_pad else longest)
                    yield _note("chords", step.start + bar + place, length, pitch)


def _tune(dice: random.Random, loop: Loop, beats: int) -> Iterator[Note]:
    scale = dice.choice(_SCALES[loop.mode])
    figure = [
        (dice.randrange(4 * _TUNE_BEATS) / 4, dice.randint(-3, 8), dice.choice((0.25, 0.5, 1, 2)))
        for _ in range(dice.randint(3, 14))
    ]
    for start in range(0, beats, _TUNE_BEATS):
        for place, degree, length in figure:
            octave, of_scale = divmod(degree, len(scale))
            pitch = 60 + loop.tonic + scale[of_scale] + 12 * octave
            yield _note("tune", start + place, length, pitch)


def _note(part: PartName, start: float, beats: float, pitch: int) -> Note:
    return Note(part, 0, start, start + beats, pitch, 90)

"""Chords in a key."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from autodj.audio.keynames import MODES, key_name

_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
_PROGRESSIONS = {
    "major": (
        (0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 4), (0, 3, 0, 4), (5, 3, 0, 4), (1, 4, 0, 0),
        (0, 2, 3, 4),
    ),
    "minor": (
        (0, 5, 2, 6), (0, 3, 5, 4), (0, 6, 5, 6), (0, 0, 3, 4), (0, 3, 6, 2), (0, 5, 6, 0),
        (0, 3, 0, 4), (0, 0, 0, 0), (0, 0, 5, 6),
    ),
}  # fmt: skip
_DOMINANT = 4
_ABOVE_RELATIVE_MAJOR = {"major": 0, "minor": 9}


@dataclass(frozen=True, slots=True)
class Chord:
    """Pitch classes that sound for ``beats`` from ``start``, over a root."""

    start: float
    beats: float
    root: int
    classes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Harmony:
    """The chords of a piece and the key they are in; ``scale`` in semitones above ``tonic``.

    ``has_two_keys``: the round goes, from the same first chord on, as one of another key does.
    """

    tonic: int
    mode: str
    chords: tuple[Chord, ...]
    has_two_keys: bool = False

    @property
    def key(self) -> str:
        return key_name(self.tonic, self.mode)

    @property
    def scale(self) -> tuple[int, ...]:
        return _SCALES[self.mode]


def make_harmony(dice: random.Random, bars: int, metre: int) -> Harmony:
    """A progression that goes round until the bars are filled."""
    mode = dice.choice((*MODES, "minor"))
    tonic = dice.randrange(12)
    degrees = dice.choice(_PROGRESSIONS[mode])
    halves = metre == 4 and dice.random() < 0.2
    beats = metre // 2 if halves else metre * dice.choice((1, 1, 1, 2))
    starts = range(0, bars * metre, beats)
    chords = tuple(
        _chord(dice, tonic, mode, degrees[index % len(degrees)], start, beats)
        for index, start in enumerate(starts)
    )
    return Harmony(tonic, mode, chords, has_two_keys((mode, degrees)))


def has_two_keys(round_of_chords: tuple[str, tuple[int, ...]]) -> bool:
    """Whether mode and degrees give the chords of a round that is here under another mode too:
    vi IV I V of a major key is i VI III VII of its relative minor, chord by chord, so that its
    key is not heard but decided. With the dominant made major, a minor round is its own.
    """
    chords = _steps(*round_of_chords)
    same = [each for each in _rounds() if _steps(*each) == chords]
    return len(same) > 1


def _rounds() -> Iterator[tuple[str, tuple[int, ...]]]:
    for mode, each_mode in _PROGRESSIONS.items():
        for degrees in each_mode:
            yield mode, degrees


def _steps(mode: str, degrees: tuple[int, ...]) -> tuple[int, ...]:
    """The roots, in semitones above the tonic of the major key that has the same notes; a minor
    dominant is marked, as it is most often made major.
    """
    raised = 100 if mode == "minor" else 0
    return tuple(
        (_SCALES[mode][degree] + _ABOVE_RELATIVE_MAJOR[mode]) % 12
        + (raised if degree == _DOMINANT else 0)
        for degree in degrees
    )


def _chord(
    dice: random.Random, tonic: int, mode: str, degree: int, start: float, beats: float
) -> Chord:
    scale = _SCALES[mode]
    classes = [(tonic + scale[(degree + third) % 7]) % 12 for third in (0, 2, 4)]
    if mode == "minor" and degree == _DOMINANT and dice.random() < 0.6:
        classes[1] = (classes[0] + 4) % 12
    if dice.random() < 0.2:
        classes.append((tonic + scale[(degree + 6) % 7]) % 12)
    return Chord(start, beats, classes[0], tuple(classes))


def near(pitch_class: int, pitch: int) -> int:
    """The MIDI pitch of the class that lies closest to ``pitch``."""
    above = pitch + (pitch_class - pitch) % 12
    return above if above - pitch < 7 else above - 12

"""When each beat of a piece falls."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pace = Literal["steady", "wandering", "jump", "rubato", "climb", "passage", "set"]
_PHRASE_BEATS = 16
_TRIPLET = 1 / 6
# Another tempo is so many times as fast or as slow, and music stays within these.
_LEAST_CHANGE, _MOST_CHANGE = 1.06, 1.5
_SLOWEST_BPM, _FASTEST_BPM = 64.0, 184.0

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of every beat, and how far every second sixteenth is late (1 is a triplet)."""

    beats_s: Doubles
    swing: float = 0.0

    def seconds(self, beat: float) -> float:
        """The time of a place in the piece, counted in beats from its start."""
        return float(np.interp(swung(beat, self.swing), np.arange(self.beats_s.size), self.beats_s))


def swung(beat: float, swing: float) -> float:
    """``beat`` with the second half of each eighth delayed."""
    if swing <= 0:
        return beat
    eighth = math.floor(2 * beat + 1e-9)
    inside = 2 * beat - eighth
    middle = 0.5 + swing * _TRIPLET
    return (eighth + float(np.interp(inside, (0, 0.5, 1), (0, middle, 1)))) / 2


def make_clock(
    dice: random.Random, bpm: float, beats: int, pace: Pace, start_s: float, swing: float
) -> Clock:
    """A clock of ``beats`` beats at about ``bpm``."""
    period_s = np.full(beats, 60 / bpm)
    noise = np.random.default_rng(dice.randrange(2**32))
    if pace == "wandering":
        walk = np.cumsum(noise.normal(0, dice.uniform(0.004, 0.012), beats))
        period_s = 60 / np.clip(bpm * np.exp(walk), 0.8 * bpm, 1.25 * bpm)
    elif pace == "jump":
        period_s[beats // 2 :] *= dice.uniform(0.85, 1.18)
    elif pace == "rubato":
        period_s = period_s * _breathing(beats, dice.uniform(0.1, 0.35))
        period_s *= np.exp(noise.normal(0, 0.015, beats))
    elif pace in {"climb", "passage", "set"}:
        period_s = 60 / _changing(dice, bpm, beats, pace)
    return Clock(start_s + np.concatenate([[0.0], np.cumsum(period_s)]), swing)


def _changing(dice: random.Random, bpm: float, beats: int, pace: Pace) -> Doubles:
    """Beats a minute at each beat: of one long way to another tempo, of a passage in another, or
    of three or four songs in a row.
    """
    if pace == "climb":
        return np.geomspace(bpm, _other(dice, bpm), beats)
    songs = 3 if pace == "passage" else dice.choice((3, 4))
    tempi = [bpm]
    while len(tempi) < songs:
        tempi.append(_other(dice, tempi[-1]))
    if pace == "passage":
        tempi[-1] = bpm
    return np.repeat(tempi, np.diff(np.linspace(0, beats, songs + 1).astype(int)))


def _other(dice: random.Random, bpm: float) -> float:
    """A tempo that is clearly another one."""
    ratio = math.exp(dice.uniform(math.log(_LEAST_CHANGE), math.log(_MOST_CHANGE)))
    slower, faster = bpm / ratio, bpm * ratio
    if faster > _FASTEST_BPM or (slower >= _SLOWEST_BPM and dice.random() < 0.5):
        return slower
    return faster


def _breathing(beats: int, depth: float) -> Doubles:
    """Every phrase sets off a little faster than its middle and slows down towards its end."""
    place = (np.arange(beats) % _PHRASE_BEATS) / _PHRASE_BEATS
    return np.asarray(1 - depth / 3 + depth * place**3)

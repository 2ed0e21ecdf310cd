"""Which beats begin a bar, and of how many beats the bars are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import FRAMES_PER_S
from autodj.audio.rhythm.bands import Levels
from autodj.audio.rhythm.readings import peak_of_three

_METRES = (4, 3)
_BREAK_COST = 60.0
# A logistic fit to the beats of pieces that training held back (`python -m bench.training weigh`):
# what the network's odds weigh, what each change of harmony does, and how rare a downbeat is.
_HEARD = 0.72
_CHANGED = np.array([0.29, 0.34, 0.34, -0.06], np.float32)
_RARE = -2.93
_HEARD_BIAS, _LEAST_HEARD, _MOST_HEARD = 2.0, -5.0, 5.0
DOUBT, _DOUBT_FADES_BY = 0.5, 0.94
# Less than the price of a break, however long the track.
_OPENS, _MOST_OPENING = 0.4, 50.0
_OPENING_NEAR_S = 0.05
_HEARD_SHARE, _LOUD_PERCENTILE = 0.15, 95


@dataclass(frozen=True, slots=True)
class Bars:
    """``downbeats`` are indices into the beats, ``metre`` the beats of most bars, ``margin`` how
    far the downbeats stand above the next best place in the bar, in mean log odds.
    """

    metre: int
    downbeats: NDArray[np.int_]
    margin: float

    @property
    def confidence(self) -> float:
        """How likely the downbeats are right, from a half on."""
        return 1.0 - DOUBT * float(np.exp(-self.margin / _DOUBT_FADES_BY))


def bar_odds(heard: Floats, changes: Floats) -> Floats:
    """The log odds that a beat at each frame begins a bar, from what the network heard and how
    the harmony changes there.
    """
    weights = np.append(np.float32(_HEARD), _CHANGED)
    return np.asarray(evidence(heard, changes) @ weights + np.float32(_RARE))


def evidence(heard: Floats, changes: Floats) -> Floats:
    """``[frames, 5]``: what ``bar_odds`` weighs."""
    raised = np.clip(peak_of_three(heard) + _HEARD_BIAS, _LEAST_HEARD, _MOST_HEARD)
    return np.column_stack([raised, changes])


def opening_s(levels: Levels) -> float | None:
    """When the first sound comes that is not far below what is loud in the track; None for
    silence.
    """
    loudness = levels.mean(axis=1, dtype=np.float32)
    loud = np.percentile(loudness, _LOUD_PERCENTILE) if loudness.size else 0.0
    sounding = np.flatnonzero(loudness > _HEARD_SHARE * loud)
    return float(sounding[0] / FRAMES_PER_S) if sounding.size else None


def find_bars(odds: Floats, beats_s: NDArray[np.float64], opening_s: float | None = None) -> Bars:
    """The most likely bars, from the log odds of a downbeat at each frame (at least one beat).

    A path through bars of three or four beats (Viterbi): each downbeat counts what its odds
    say, and a bar that breaks off or changes its metre has its price. Music begins with a bar
    more often than not: where the first sound falls on a beat, that one counts a little more for
    every bar there may be. What is cut out of music begins between two beats nearly always.
    """
    frames = np.rint(beats_s * FRAMES_PER_S).astype(int).clip(0, odds.size - 1)
    heard = peak_of_three(odds)[frames]
    if opening_s is not None:
        first = int(np.abs(beats_s - opening_s).argmin())
        if abs(beats_s[first] - opening_s) < _OPENING_NEAR_S:
            heard[first] += min(_OPENS * beats_s.size / _METRES[0], _MOST_OPENING)
    metres = np.repeat(_METRES, _METRES)
    places = np.concatenate([np.arange(metre) for metre in _METRES])
    path = _best_path(heard, places)
    metre = int(np.bincount(metres[path]).argmax())
    downbeats = np.flatnonzero(places[path] == 0)
    return Bars(metre, downbeats, _margin(heard, downbeats, metre))


def _best_path(heard: Floats, places: NDArray[np.int_]) -> NDArray[np.int_]:
    """The state of every beat; a state is a metre and a place in the bar."""
    starts = np.cumsum([0, *_METRES[:-1]])
    before = np.arange(places.size) - 1
    before[starts] = starts + np.array(_METRES) - 1
    gain = np.where(places == 0, 1.0, 0.0)
    total = heard[0] * gain
    came_from = np.zeros((heard.size, places.size), int)
    for beat in range(1, heard.size):
        leap = int(total.argmax())
        broke = total[leap] - _BREAK_COST > total[before]
        came_from[beat] = np.where(broke, leap, before)
        total = np.where(broke, total[leap] - _BREAK_COST, total[before])
        total = total + heard[beat] * gain
    path = np.zeros(heard.size, int)
    path[-1] = total.argmax()
    for beat in range(heard.size - 1, 0, -1):
        path[beat - 1] = came_from[beat, path[beat]]
    return path


def _margin(heard: Floats, downbeats: NDArray[np.int_], metre: int) -> float:
    """How far the downbeats stand above the next best place in the bar, in mean log odds."""
    if heard.size < 2 * metre:
        return 0.0
    shifted = [
        heard[(downbeats + step)[downbeats + step < heard.size]].mean() for step in range(metre)
    ]
    return max(0.0, float(shifted[0] - max(shifted[1:])))

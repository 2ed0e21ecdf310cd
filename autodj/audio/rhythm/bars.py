"""Which beats begin a bar, and of how many beats the bars are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import FRAMES_PER_S
from autodj.audio.rhythm.opening import opens
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
_OPENS = 0.6

_Doubles = NDArray[np.float64]


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


def find_bars(odds: Floats, beats_s: _Doubles, opening: float | None = None) -> Bars:
    """The most likely bars, from the log odds of a downbeat at each frame (at least one beat).

    A path through bars of three or four beats (Viterbi): each downbeat counts what its odds
    say, and a bar that breaks off or changes its metre has its price. Bars through the beat on
    which the music begins, at ``opening`` seconds, count a little more.
    """
    frames = np.rint(beats_s * FRAMES_PER_S).astype(int).clip(0, odds.size - 1)
    heard = peak_of_three(odds)[frames]
    likely = {metre: heard + _opened(beats_s, opening, metre) for metre in _METRES}
    metres = np.repeat(_METRES, _METRES)
    places = np.concatenate([np.arange(metre) for metre in _METRES])
    gains = np.column_stack([likely[metre] for metre in metres]) * (places == 0)
    path = _best_path(gains)
    metre = int(np.bincount(metres[path]).argmax())
    downbeats = np.flatnonzero(places[path] == 0)
    return Bars(metre, downbeats, _margin(likely[metre], downbeats, metre))


def _opened(beats_s: _Doubles, opening: float | None, metre: int) -> _Doubles:
    """What each beat gains that is whole bars from the one on which the music begins."""
    gain = np.zeros(beats_s.size)
    firsts = np.flatnonzero(opens(beats_s, opening))
    if firsts.size:
        gain[firsts[0] % metre :: metre] = _OPENS
    return gain


def _best_path(gains: _Doubles) -> NDArray[np.int_]:
    """The state of every beat, from what each gains there; a state is a metre and a place in the
    bar.
    """
    starts = np.cumsum([0, *_METRES[:-1]])
    before = np.arange(gains.shape[1]) - 1
    before[starts] = starts + np.array(_METRES) - 1
    total = gains[0]
    came_from = np.zeros(gains.shape, int)
    for beat in range(1, len(gains)):
        leap = int(total.argmax())
        broke = total[leap] - _BREAK_COST > total[before]
        came_from[beat] = np.where(broke, leap, before)
        total = np.where(broke, total[leap] - _BREAK_COST, total[before]) + gains[beat]
    path = np.zeros(len(gains), int)
    path[-1] = total.argmax()
    for beat in range(len(gains) - 1, 0, -1):
        path[beat - 1] = came_from[beat, path[beat]]
    return path


def _margin(heard: _Doubles, downbeats: NDArray[np.int_], metre: int) -> float:
    """How far the downbeats stand above the next best place in the bar, in mean log odds."""
    if heard.size < 2 * metre:
        return 0.0
    shifted = [
        heard[(downbeats + step)[downbeats + step < heard.size]].mean() for step in range(metre)
    ]
    return max(0.0, float(shifted[0] - max(shifted[1:])))

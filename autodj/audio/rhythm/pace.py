"""How fast a track goes over time, where it does not go at one pace from start to end."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import FRAMES_PER_S as ODDS_PER_S
from autodj.audio.rhythm.activation import Heard
from autodj.audio.rhythm.grid import evenness
from autodj.audio.rhythm.onsets import FRAMES_PER_S as ONSETS_PER_S
from autodj.audio.rhythm.readings import even_beats, peak_of_three, prior

HOP_S = 2.0
_WINDOW_S = 8.0
# In natural logarithms, up to 1.6 times as fast or as slow: no pace is the half of another.
_STEP, _STEPS = 0.02, 24
_LEAST_ODDS, _MOST_ODDS = -4.0, 5.0
# A stretch without beats says no more against one pace than against another, per window.
_NONE = -16.0
_PRIOR_WEIGHT = 0.5
_STEP_COST, _LEAP_COST = 4.0, 80.0
_OTHER_STEPS, _OTHER_WINDOWS = 3, 5
# A beat may come so much early or late, in natural logarithms, and still keep its pace.
_FREE = 0.1

_Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Paces:
    """Beats a minute in every two seconds of a track, where there are beats at all, and the log
    odds that beats at these paces collect a second.
    """

    bpm: _Doubles
    beaten: NDArray[np.bool_]
    score: float


def find_paces(heard: Heard, bpm: float) -> Paces:
    """The paces of a track that goes at about ``bpm`` as a whole.

    The path (Viterbi) along which windows of eight seconds collect most odds of beats, each at
    the phase that suits it; it pays for every change, and for a leap once however far it goes.
    """
    paces = bpm * np.exp(_STEP * np.arange(-_STEPS, _STEPS + 1))
    odds = _gains(peak_of_three(heard.odds[:, 0]), paces)
    gains = odds + _PRIOR_WEIGHT * _WINDOW_S * np.array(
        [prior(heard.tempi, each) for each in paces]
    )
    apart = np.abs(np.arange(paces.size)[:, None] - np.arange(paces.size))
    costs = np.minimum(_STEP_COST * apart, _LEAP_COST)
    total = gains[0]
    came_from = np.zeros(gains.shape, int)
    for window in range(1, len(gains)):
        reached = total[:, None] - costs
        came_from[window] = reached.argmax(axis=0)
        total = reached.max(axis=0) + gains[window]
    path = np.zeros(len(gains), int)
    path[-1] = total.argmax()
    for window in range(len(gains) - 1, 0, -1):
        path[window - 1] = came_from[window, path[window]]
    collected = odds[np.arange(path.size), path]
    return Paces(paces[path], collected > _NONE, float(collected.mean()) / _WINDOW_S)


def leaves(paces: Paces, bpm: float, onsets: Floats, most_even: float) -> bool:
    """Whether ten seconds or more keep a pace that is clearly not ``bpm``.

    Beats may seem to move to a syncopation for as long; attacks, at 100 frames a second, that
    keep to the quarters of the beats of ``bpm`` more evenly than ``most_even`` tell it.
    """
    other = np.abs(np.log(paces.bpm / bpm)) > (_OTHER_STEPS - 0.5) * _STEP
    window = round(HOP_S * ONSETS_PER_S)
    start = 0
    for is_other, run in groupby(other):
        end = start + len(list(run))
        stretch = onsets[start * window : end * window]
        long_enough = end - start >= _OTHER_WINDOWS
        if is_other and long_enough and evenness(stretch, bpm / 60) < most_even:
            return True
        start = end
    return False


def usual_pace(paces: Paces, beats_s: _Doubles) -> float:
    """Beats a minute of the pace that half of the time with beats goes faster than, as exactly as
    the beats that keep it tell.
    """
    heard = paces.bpm[paces.beaten] if paces.beaten.any() else paces.bpm
    middle = float(np.sort(heard)[heard.size // 2])
    at = (beats_s[:-1] / HOP_S).astype(int).clip(0, paces.bpm.size - 1)
    keep = np.abs(np.log(paces.bpm[at] / middle)) < 1.5 * _STEP
    apart_s = np.diff(beats_s)[keep]
    apart_s = apart_s[np.abs(np.log(apart_s * middle / 60)) < _FREE]
    return 60 / float(apart_s.mean()) if apart_s.size else middle


def _gains(odds: Floats, paces: _Doubles) -> _Doubles:
    """``[windows, paces]``: the odds that the beats of each window collect at their best phase."""
    size, hop = round(_WINDOW_S * ODDS_PER_S), round(HOP_S * ODDS_PER_S)
    before = (size - hop) // 2
    starts = np.arange(0, odds.size, hop)
    padded = np.pad(np.clip(odds, _LEAST_ODDS, _MOST_ODDS), (before, size))
    windows = padded[np.arange(size)[:, None] + starts]
    gains = np.empty((starts.size, paces.size))
    for number, pace in enumerate(paces):
        at = even_beats(60 * ODDS_PER_S / pace, 60 * ODDS_PER_S / pace, size)
        gains[:, number] = np.take(windows, at, axis=0).sum(axis=1).max(axis=0)
    return np.maximum(gains, _NONE)

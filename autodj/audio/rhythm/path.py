"""Beats of music whose tempo moves, followed one by one."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import FRAMES_PER_S

_TIGHTNESS = 300.0
_BIAS = 1.5
_MOST_ODDS = 4.0
_SLOWEST, _FASTEST = 1.6, 0.6


def follow_beats(odds: Floats, paces: NDArray[np.float64], hop_s: float) -> NDArray[np.float64]:
    """Seconds of the beats that best fit both the log odds of a beat and the pace, which is given
    in beats a minute for every ``hop_s``.

    Dynamic programming after Ellis, "Beat tracking by dynamic programming" (JNMR 2007): every
    beat adds its odds and pays for the squared log ratio of its distance from the one before
    to the usual one. Where the pace changes, the one before or after may hold already or still.
    """
    periods = _periods(paces)
    shortest, longest = int(periods.min() * _FASTEST), int(periods.max() * _SLOWEST) + 1
    lags = np.arange(shortest, longest + 1)
    costs = _TIGHTNESS * np.square(np.log(lags / periods[..., None])).min(axis=0)
    stretch = (np.arange(odds.size) / (hop_s * FRAMES_PER_S)).astype(int).clip(0, paces.size - 1)
    # Silence before the start, whence no beat is followed.
    total = np.full(longest + odds.size, -np.inf)
    total[longest:] = np.clip(odds + _BIAS, -_MOST_ODDS, _MOST_ODDS)
    reach = sliding_window_view(total, lags.size)[:, ::-1]
    earlier = np.full(odds.size, -1)
    # As many frames at once as the shortest lag lies back: none of them follows another.
    for start in range(0, odds.size, shortest):
        frames = np.arange(start, min(start + shortest, odds.size))
        scores = reach[start : start + frames.size] - costs[stretch[frames]]
        best = scores.argmax(axis=1)
        gained = scores[np.arange(frames.size), best]
        follows = gained > 0
        total[longest + frames[follows]] += gained[follows]
        earlier[frames[follows]] = (frames - lags[best])[follows]
    return _sharpened(_path(total[longest:], earlier, periods[0, -1]), odds) / FRAMES_PER_S


def _periods(paces: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[3, stretches]``: the frames from beat to beat in each stretch, in the one before it and
    in the one after.
    """
    near = np.arange(paces.size) + np.array([[0], [-1], [1]])
    return np.asarray(60 * FRAMES_PER_S / paces[near.clip(0, paces.size - 1)])


def _path(total: NDArray[np.float64], earlier: NDArray[np.int_], period: float) -> list[int]:
    """Back from the best end within the last two periods."""
    tail = max(0, total.size - round(2 * period))
    beat = tail + int(total[tail:].argmax())
    path = []
    while beat >= 0:
        path.append(beat)
        beat = int(earlier[beat])
    return path[::-1]


def _sharpened(beats: list[int], odds: Floats) -> NDArray[np.float64]:
    """Each beat moved to the top of the parabola through its neighbours."""
    inner = np.array([beat for beat in beats if 0 < beat < odds.size - 1], int)
    left, top, right = (odds[inner + step].astype(np.float64) for step in (-1, 0, 1))
    bend = left - 2 * top + right
    shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1.0), 0.0)
    moved: NDArray[np.float64] = inner + np.clip(shift, -0.5, 0.5)
    return moved

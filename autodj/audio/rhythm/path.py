"""Beats of music whose tempo moves, followed one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import FRAMES_PER_S

_TIGHTNESS = 300.0
_BIAS = 1.5
_MOST_ODDS = 4.0
_SLOWEST, _FASTEST = 1.6, 0.6


def follow_beats(odds: Floats, beat_hz: float) -> NDArray[np.float64]:
    """Seconds of the beats that best fit both the log odds of a beat and an even pace.

    Dynamic programming after Ellis, "Beat tracking by dynamic programming" (JNMR 2007): every
    beat adds its odds and pays for the squared log ratio of its distance from the one before
    to the usual one.
    """
    period = FRAMES_PER_S / beat_hz
    lags = np.arange(max(1, int(period * _FASTEST)), int(period * _SLOWEST) + 2)
    price = _TIGHTNESS * np.square(np.log(lags / period))
    total = np.clip(odds + _BIAS, -_MOST_ODDS, _MOST_ODDS).astype(np.float64)
    earlier = np.full(odds.size, -1)
    for frame in range(int(lags[0]), odds.size):
        reach = lags[: np.searchsorted(lags, frame, side="right")]
        scores = total[frame - reach] - price[: reach.size]
        best = int(scores.argmax())
        if scores[best] > 0:
            total[frame] += scores[best]
            earlier[frame] = frame - reach[best]
    return _sharpened(_path(total, earlier, period), odds) / FRAMES_PER_S


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

"""Beats of music whose tempo moves, followed one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autodj.audio.frames import Floats

_TIGHTNESS = 150.0


def follow_beats(onsets: Floats, period_frames: float) -> NDArray[np.float64]:
    """Frames (with fractions) of the beats that best fit both the onsets and an even pace.

    Dynamic programming after Ellis, "Beat tracking by dynamic programming" (JNMR 2007): every
    beat adds its onset strength and pays for the squared log ratio of its distance from the
    one before to ``period_frames``.
    """
    strength = onsets / (onsets.std() or 1.0)
    lags = np.arange(max(1, round(period_frames / 2)), round(2 * period_frames) + 1)
    price = _TIGHTNESS * np.square(np.log(lags / period_frames))
    total = strength.astype(np.float64)
    earlier = np.full(strength.size, -1)
    for frame in range(int(lags[0]), strength.size):
        reach = lags[: np.searchsorted(lags, frame, side="right")]
        scores = total[frame - reach] - price[: reach.size]
        best = int(scores.argmax())
        if scores[best] > 0:
            total[frame] += scores[best]
            earlier[frame] = frame - reach[best]
    return _sharpened(_path(total, earlier, period_frames), strength)


def _path(total: NDArray[np.float64], earlier: NDArray[np.int_], period: float) -> list[int]:
    """Back from the best end within the last period of sound."""
    tail = max(0, total.size - round(2 * period))
    beat = tail + int(total[tail:].argmax())
    path = []
    while beat >= 0:
        path.append(beat)
        beat = int(earlier[beat])
    return path[::-1]


def _sharpened(beats: list[int], strength: Floats) -> NDArray[np.float64]:
    """Each beat moved to the top of the parabola through its neighbours."""
    inner = np.array([beat for beat in beats if 0 < beat < strength.size - 1], int)
    left, top, right = (strength[inner + step].astype(np.float64) for step in (-1, 0, 1))
    bend = left - 2 * top + right
    shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1.0), 0.0)
    moved: NDArray[np.float64] = inner + np.clip(shift, -0.5, 0.5)
    return moved

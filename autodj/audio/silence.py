"""Where a track is silent, and whether another piece hides behind the silence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autodj.audio.form import Silences

_QUIET_LUFS = -60.0
_STEPS_PER_S = 10
_SHORTEST_S = 2.0
_HIDING_S, _HIDDEN_S = 20.0, 20.0


def find_silences(loudness: NDArray[np.float64]) -> Silences:
    """From momentary loudness, LUFS in steps of 100 ms. A pause counts from two seconds on; a
    hidden track is twenty seconds of sound after a pause of twenty.
    """
    sounding = np.flatnonzero(loudness > _QUIET_LUFS)
    if sounding.size == 0:
        return Silences(leading_s=loudness.size / _STEPS_PER_S, trailing_s=0.0)
    gaps = np.flatnonzero(np.diff(sounding) > _SHORTEST_S * _STEPS_PER_S)
    pauses = tuple(
        (float(sounding[gap] + 1) / _STEPS_PER_S, float(sounding[gap + 1]) / _STEPS_PER_S)
        for gap in gaps
    )
    last_s = float(sounding[-1] + 1) / _STEPS_PER_S
    hidden = [
        stop for start, stop in pauses if stop - start >= _HIDING_S and last_s - stop >= _HIDDEN_S
    ]
    return Silences(
        leading_s=float(sounding[0]) / _STEPS_PER_S,
        trailing_s=float(loudness.size - sounding[-1] - 1) / _STEPS_PER_S,
        pauses_s=pauses,
        hidden_track_s=hidden[0] if hidden else None,
    )

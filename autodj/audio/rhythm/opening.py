"""How music begins: on a beat more often than between two, and with a bar more often than within
one. Where all else leaves it open, that decides; what is cut out of music begins anywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autodj.audio.rhythm.activation import FRAMES_PER_S
from autodj.audio.rhythm.bands import Levels

_HEARD_SHARE, _LOUD_PERCENTILE = 0.15, 95
# Levels are 20 ms apart.
_NEAR_S = 0.03


def opening_s(levels: Levels) -> float | None:
    """When the first sound comes that is not far below what is loud in the track; None for
    silence.
    """
    loudness = levels.mean(axis=1, dtype=np.float32)
    loud = np.percentile(loudness, _LOUD_PERCENTILE) if loudness.size else 0.0
    sounding = np.flatnonzero(loudness > _HEARD_SHARE * loud)
    return float(sounding[0] / FRAMES_PER_S) if sounding.size else None


def opens(times_s: NDArray[np.float64], opening: float | None) -> NDArray[np.bool_]:
    """Which moments are those at which the music begins; none in silence."""
    if opening is None:
        return np.zeros(times_s.shape, np.bool_)
    near: NDArray[np.bool_] = np.abs(times_s - opening) < _NEAR_S
    return near

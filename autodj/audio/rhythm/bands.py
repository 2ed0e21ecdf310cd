"""Levels in bands spaced evenly in pitch, fifty times a second: what the network reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autodj.audio.filterbank import FilterBank, compressed
from autodj.audio.frames import Floats
from autodj.audio.rows import Rows

BANDS = 48
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 11000.0
# Wider than one bin of either window that the features are read with.
_NARROWEST_HZ = 23.4375
_COMPRESSION = np.float32(300.0)
_AN_HOUR = 50 * 3600

Levels = NDArray[np.float16]


class BandStream:
    """Compressed levels of 48 triangular bands from spectra at 100 frames a second.

    Two frames give one level, the mean of the first and of the larger, so that an attack
    between them is not missed. Half precision keeps an hour in 17 MB.
    """

    def __init__(self, rate_hz: int, window_samples: int) -> None:
        self._filters = FilterBank(_COMPRESSION * band_filters(rate_hz, window_samples))
        self._odd: Floats = np.zeros((0, BANDS), np.float32)
        self._levels = Rows(BANDS, np.float16, at_once=_AN_HOUR)

    def push(self, magnitudes: Floats) -> None:
        """Take ``[frames, bins]`` magnitudes that follow those before."""
        fresh = compressed(self._filters(magnitudes))
        frames = np.concatenate([self._odd, fresh])
        whole = len(frames) // 2 * 2
        first, second = frames[0:whole:2], frames[1:whole:2]
        self._levels.add(0.5 * (first + np.maximum(first, second)))
        self._odd = frames[whole:]

    def finish(self) -> Levels:
        """``[frames, 48]``; the last of an odd number of frames is dropped."""
        return self._levels.taken()


def band_filters(rate_hz: int, window_samples: int) -> Floats:
    """``[bins, bands]``: triangles between neighbours on a logarithmic scale, none narrower
    than 23 Hz to either side, each of weight 1.
    """
    bins_hz = np.fft.rfftfreq(window_samples, 1 / rate_hz)[:, None]
    edges_hz = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, BANDS + 2)
    centre = edges_hz[1:-1]
    below = np.maximum(centre - edges_hz[:-2], _NARROWEST_HZ)
    above = np.maximum(edges_hz[2:] - centre, _NARROWEST_HZ)
    rising = (bins_hz - (centre - below)) / below
    falling = ((centre + above) - bins_hz) / above
    filters = np.clip(np.minimum(rising, falling), 0.0, None)
    return np.asarray(filters / filters.sum(axis=0), np.float32)

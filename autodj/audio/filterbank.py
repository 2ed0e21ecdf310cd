"""Sums of neighbouring bins, band by band, and their levels."""

from __future__ import annotations

import numpy as np

from autodj.audio.frames import Floats

_TOGETHER = 8


class FilterBank:
    """The product of spectra with ``[bins, bands]`` filters whose bands rise and reach over few
    bins each.

    Eight bands at a time are multiplied with the bins that they reach over, which is a quarter
    of the work for all of them.
    """

    def __init__(self, filters: Floats) -> None:
        self._groups = []
        for first in range(0, filters.shape[1], _TOGETHER):
            bands = filters[:, first : first + _TOGETHER]
            reached = np.flatnonzero(bands.any(axis=1))
            bins = slice(reached[0], reached[-1] + 1)
            place = slice(first, first + _TOGETHER)
            self._groups.append((bins, place, np.ascontiguousarray(bands[bins])))
        self._bands = filters.shape[1]

    def __call__(self, magnitudes: Floats) -> Floats:
        """``[frames, bands]`` of ``[frames, bins]``."""
        sums = np.empty((len(magnitudes), self._bands), np.float32)
        for bins, place, bands in self._groups:
            np.matmul(magnitudes[:, bins], bands, out=sums[:, place])
        return sums


def compressed(sums: Floats) -> Floats:
    """``log(1 + sums)`` in their place, for sums that are not negative."""
    # Not by log1p: without AVX-512 that takes eight times as long as log.
    sums += 1.0
    return np.log(sums, out=sums)

"""Sums of neighbouring bins, band by band."""

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
            self._groups.append((bins, np.ascontiguousarray(bands[bins])))

    def __call__(self, magnitudes: Floats) -> Floats:
        """``[frames, bands]`` of ``[frames, bins]``."""
        return np.concatenate([magnitudes[:, bins] @ bands for bins, bands in self._groups], axis=1)

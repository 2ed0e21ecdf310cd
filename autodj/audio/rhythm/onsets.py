"""How strongly something new starts, a hundred times a second."""

from __future__ import annotations

import numpy as np
from librosa import mel_frequencies

from autodj.audio.filterbank import FilterBank, compressed
from autodj.audio.frames import Floats

FRAMES_PER_S = 100
_BANDS = 40
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 11000.0
_LAG_FRAMES = 2
_COMPRESSION = np.float32(300.0)


class OnsetStream:
    """Spectral flux with vibrato suppression.

    After Boeck and Widmer, "Maximum filter vibrato suppression for onset detection" (DAFx
    2013): the rise of each compressed band over the largest of its neighbours two frames
    earlier. The bands divide librosa's mel scale evenly; they are plain sums of bins.
    """

    def __init__(self, rate_hz: int, window_samples: int) -> None:
        edges_hz = mel_frequencies(_BANDS + 1, fmin=_LOWEST_HZ, fmax=_HIGHEST_HZ)
        first_bins = np.rint(edges_hz * window_samples / rate_hz).astype(int)
        # At the bottom of the scale several bands share one bin; each bin counts once.
        edges = np.unique(first_bins)
        bins = np.arange(window_samples // 2 + 1)[:, None]
        sums = (edges[:-1] <= bins) & (bins < edges[1:])
        self._sums = FilterBank(_COMPRESSION * sums.astype(np.float32))
        self._before = np.zeros((_LAG_FRAMES, edges.size - 1), np.float32)
        self._share = np.full(edges.size - 1, 1 / (edges.size - 1), np.float32)
        self._flux: list[Floats] = []

    def push(self, magnitudes: Floats) -> None:
        """Take ``[frames, bins]`` magnitudes that follow those before."""
        bands = compressed(self._sums(magnitudes))
        history = np.concatenate([self._before, bands])
        self._before = history[history.shape[0] - _LAG_FRAMES :]
        widened = history[:-_LAG_FRAMES].copy()
        np.maximum(widened[:, 1:], history[:-_LAG_FRAMES, :-1], out=widened[:, 1:])
        np.maximum(widened[:, :-1], history[:-_LAG_FRAMES, 1:], out=widened[:, :-1])
        rise = np.maximum(bands - widened, 0.0)
        # A mean of few at a time takes ten times as long.
        self._flux.append(rise @ self._share)

    def finish(self) -> Floats:
        """The curve, one value for each frame."""
        return np.concatenate([np.zeros(0, np.float32), *self._flux])

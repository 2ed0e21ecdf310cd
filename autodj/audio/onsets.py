"""How strongly something new starts, a hundred times a second."""

from __future__ import annotations

import numpy as np
from librosa import fft_frequencies, mel_frequencies

from autodj.audio.frames import Floats

FRAMES_PER_S = 100
_BANDS = 40
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 11000.0
_BASS_HZ = 150.0
_LAG_FRAMES = 2
_COMPRESSION = 300.0


class OnsetStream:
    """Spectral flux with vibrato suppression, in full and in the bass alone.

    After Boeck and Widmer, "Maximum filter vibrato suppression for onset detection" (DAFx
    2013): the rise of each compressed mel band over the largest of its neighbours two frames
    earlier. The mel scale is librosa's.
    """

    def __init__(self, rate_hz: int, window_samples: int) -> None:
        edges_hz = mel_frequencies(_BANDS + 2, fmin=_LOWEST_HZ, fmax=_HIGHEST_HZ)
        bins_hz = fft_frequencies(sr=rate_hz, n_fft=window_samples)
        self._filters = _triangles(edges_hz, bins_hz)
        self._bass_bands = int(np.searchsorted(edges_hz[2:], _BASS_HZ)) + 1
        self._before = np.zeros((_LAG_FRAMES, _BANDS), np.float32)
        self._full: list[Floats] = []
        self._bass: list[Floats] = []

    def push(self, magnitudes: Floats) -> None:
        """Take ``[frames, bins]`` magnitudes that follow those before."""
        bands = np.log1p(_COMPRESSION * (magnitudes @ self._filters))
        history = np.concatenate([self._before, bands])
        self._before = history[history.shape[0] - _LAG_FRAMES :]
        widened = history[:-_LAG_FRAMES].copy()
        np.maximum(widened[:, 1:], history[:-_LAG_FRAMES, :-1], out=widened[:, 1:])
        np.maximum(widened[:, :-1], history[:-_LAG_FRAMES, 1:], out=widened[:, :-1])
        rise = np.maximum(bands - widened, 0.0)
        self._full.append(rise.mean(axis=1))
        self._bass.append(rise[:, : self._bass_bands].mean(axis=1))

    def finish(self) -> tuple[Floats, Floats]:
        """Both curves, one value for each frame."""
        return np.concatenate(self._full), np.concatenate(self._bass)


def _triangles(edges_hz: Floats, bins_hz: Floats) -> Floats:
    """Filters ``[bins, bands]`` of unit height; every band reaches at least one bin."""
    centres = edges_hz[1:-1]
    spacing = np.maximum(np.diff(edges_hz), bins_hz[1])
    distance = bins_hz[:, None] - centres[None, :]
    rising = 1 + distance / spacing[:-1]
    falling = 1 - distance / spacing[1:]
    return np.asarray(np.clip(np.minimum(rising, falling), 0.0, 1.0), np.float32)

"""Cut a stream of samples into overlapping windows, however it arrives."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class SpectrumStream:
    """Short-time spectra of a mono stream that comes in blocks.

    Frame ``k`` is centred on sample ``k * hop``; the stream counts as silent before its start
    and after its end. The window is Hann's, scaled so that the squared magnitudes of a frame
    sum to the squared amplitude of a sine in it.
    """

    def __init__(self, window_samples: int, hop_samples: int) -> None:
        self._hop = hop_samples
        self._size = window_samples
        hann = np.hanning(window_samples + 1)[:-1]
        self._window = (hann * 2 / np.sqrt(window_samples * np.sum(hann**2))).astype(np.float32)
        self._held: Floats = np.zeros(window_samples // 2, np.float32)

    def push(self, samples: Floats) -> Floats:
        """Magnitudes ``[frames, window_samples // 2 + 1]`` of the frames now complete."""
        self._held = np.concatenate([self._held, samples])
        count = max(0, (self._held.size - self._size) // self._hop + 1)
        if count == 0:
            return np.empty((0, self._size // 2 + 1), np.float32)
        views = np.lib.stride_tricks.sliding_window_view(self._held, self._size)
        spectra = scipy.fft.rfft(views[: count * self._hop : self._hop] * self._window)
        self._held = self._held[count * self._hop :]
        magnitudes: Floats = np.abs(spectra)
        return magnitudes

    def finish(self) -> Floats:
        """The frames that reach past the end of the stream."""
        return self.push(np.zeros(self._size // 2, np.float32))

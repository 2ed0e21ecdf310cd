"""Cut a stream of samples into overlapping windows, however it arrives."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class SpectrumStream:
    """Short-time spectra of a mono stream that comes in blocks.

    Frame ``k`` is centred on sample ``k * hop``, rounded where the hop is not whole; the stream
    counts as silent before its start and after its end. The window is Hann's, scaled so that
    the squared magnitudes of a frame sum to the squared amplitude of a sine in it, times ``gain``.
    Frames are given out ``at_once`` or more at a time, only the last ones fewer.
    """

    def __init__(
        self,
        window_samples: int,
        hop_samples: Fraction | int,
        at_once: int = 1,
        gain: float = 1.0,
    ) -> None:
        hop = Fraction(hop_samples)
        # So many frames lie so many whole samples apart.
        self._frames_apart, self._samples_apart = hop.denominator, hop.numerator
        self._size = window_samples
        hann = np.hanning(window_samples + 1)[:-1]
        scale = 2 * gain / np.sqrt(window_samples * np.sum(hann**2))
        self._window = (hann * scale).astype(np.float32)
        self._held: Floats = np.zeros(window_samples // 2, np.float32)
        # Counted from the first sample of the stream's first frame.
        self._held_from = 0
        self._frame = 0
        self._at_once = at_once
        self._waiting: list[Floats] = []
        self._came = window_samples // 2

    def push(self, samples: Floats) -> Floats:
        """Magnitudes ``[frames, window_samples // 2 + 1]`` of the frames now complete."""
        self._waiting.append(samples)
        self._came += samples.size
        stop = self._frames_from(self._came - self._size)
        if stop < self._frame + self._at_once:
            return np.empty((0, self._size // 2 + 1), np.float32)
        self._held = np.concatenate([self._held, *self._waiting])
        self._waiting.clear()
        magnitudes: Floats = np.abs(scipy.fft.rfft(self._windowed(stop - self._frame)))
        self._frame = stop
        passed = min(self._start(stop) - self._held_from, self._held.size)
        self._held, self._held_from = self._held[passed:], self._held_from + passed
        return magnitudes

    def finish(self) -> Floats:
        """The frames left, to those that reach past the end of the stream."""
        self._at_once = 1
        return self.push(np.zeros(self._size // 2, np.float32))

    def _windowed(self, count: int) -> Floats:
        """The next frames; those whose distance is whole are cut together."""
        windowed = np.empty((count, self._size), np.float32)
        width = self._held.itemsize
        for turn in range(min(self._frames_apart, count)):
            rows = windowed[turn :: self._frames_apart]
            start = self._start(self._frame + turn) - self._held_from
            cut = np.ndarray(
                rows.shape,
                np.float32,
                self._held.data,
                start * width,
                (self._samples_apart * width, width),
            )
            rows[...] = cut
        # Twice as quick as the product of what lies askew.
        windowed *= self._window
        return windowed

    def _start(self, frame: int) -> int:
        twice = 2 * self._frames_apart
        return (2 * frame * self._samples_apart + self._frames_apart) // twice

    def _frames_from(self, start: int) -> int:
        """How many frames begin at ``start`` or before."""
        return -(-(2 * start + 1) * self._frames_apart // (2 * self._samples_apart))

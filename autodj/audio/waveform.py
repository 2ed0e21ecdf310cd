"""The outline of a track in bytes, from its samples and its short-time spectrum."""

from __future__ import annotations

import numpy as np

from autodj.audio.facts import Waveform
from autodj.audio.frames import Floats

POINTS_PER_S = 50
MAX_POINTS = 30000
_LOW_HZ, _HIGH_HZ = 200.0, 2000.0
_FULL_SCALE = 255


class WaveformStream:
    """Collects the largest sample of every interval, and the amplitude of three bands."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._pending: Floats = np.zeros(0, np.float32)
        self._pending_from = 0
        self._points = 0
        self._peaks: list[Floats] = []
        self._bands: list[Floats] = []

    def push_samples(self, samples: Floats) -> None:
        """Take ``[channels, samples]`` at the source's rate."""
        self._pending = np.concatenate([self._pending, np.abs(samples).max(axis=0)])
        stop = self._pending_from + self._pending.size
        self._take(stop * POINTS_PER_S // self._rate_hz)

    def push_spectrum(self, magnitudes: Floats, bin_hz: float) -> None:
        """Take ``[frames, bins]`` magnitudes at twice as many frames as points."""
        edges = [0, round(_LOW_HZ / bin_hz), round(_HIGH_HZ / bin_hz)]
        powers = np.add.reduceat(np.square(magnitudes), edges, axis=1)
        self._bands.append(np.sqrt(powers))

    def finish(self) -> Waveform:
        """The outline, with so many points a second that their number stays bounded."""
        if self._pending.size:
            self._peaks.append(self._pending.max(keepdims=True))
        peaks = np.concatenate([np.zeros(0, np.float32), *self._peaks])
        bands = np.concatenate([np.zeros((0, 3), np.float32), *self._bands])
        curves = np.zeros((4, peaks.size), np.float32)
        curves[0] = peaks
        pairs = _largest_of_each(bands[: 2 * peaks.size].T, 2)
        curves[1:, : pairs.shape[1]] = pairs
        factor = -(-peaks.size // MAX_POINTS) or 1
        outline = np.rint(_largest_of_each(curves, factor) * _FULL_SCALE).clip(0, _FULL_SCALE)
        peak, low, mid, high = (tuple(curve) for curve in outline.astype(int).tolist())
        return Waveform(POINTS_PER_S / factor, peak, low, mid, high)

    def _take(self, points: int) -> None:
        """Reduce the pending samples of all intervals before number ``points``."""
        if points <= self._points:
            return
        edges = np.arange(self._points, points + 1) * self._rate_hz // POINTS_PER_S
        inside = edges - self._pending_from
        self._peaks.append(np.maximum.reduceat(self._pending[: inside[-1]], inside[:-1]))
        self._pending = self._pending[inside[-1] :]
        self._pending_from = int(edges[-1])
        self._points = points


def _largest_of_each(curves: Floats, count: int) -> Floats:
    """The maximum over every ``count`` neighbours of each curve; the last group may be short."""
    missing = -curves.shape[1] % count
    padded = np.pad(curves, ((0, 0), (0, missing)))
    largest: Floats = padded.reshape(curves.shape[0], -1, count).max(axis=2)
    return largest

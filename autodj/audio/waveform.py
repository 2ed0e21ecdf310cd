"""The outline of a track in bytes, from its samples and its short-time spectrum."""

from __future__ import annotations

import numpy as np

from autodj.audio.facts import Waveform
from autodj.audio.frames import Floats

POINTS_PER_S = 50
MAX_POINTS = 30000
_LOW_HZ, _HIGH_HZ = 200.0, 2000.0
_FULL_SCALE = 255
_SIGNED_SCALE = 128
# How far down and up an interval reaches that has no sample yet.
_NOTHING: Floats = np.full((2, 1), -np.inf, np.float32)


class WaveformStream:
    """Collects the least and largest sample of every interval, and the amplitude of three bands."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._sample = 0
        self._points = 0
        self._begun = _NOTHING
        self._reaches: list[Floats] = []
        self._bands: list[Floats] = []

    def push_samples(self, samples: Floats) -> None:
        """Take ``[channels, samples]`` at the source's rate."""
        if samples.shape[1] == 0:
            return
        stop = self._sample + samples.shape[1]
        points = ((stop + 1) * POINTS_PER_S - 1) // self._rate_hz
        edges = np.arange(self._points + 1, points + 1) * self._rate_hz // POINTS_PER_S
        starts = np.concatenate([[0], edges[edges < stop] - self._sample])
        # The least upside down, so that the larger of both counts.
        down = -np.minimum.reduceat(samples, starts, axis=1).min(axis=0)
        up = np.maximum.reduceat(samples, starts, axis=1).max(axis=0)
        reaches = np.stack([down, up])
        np.maximum(reaches[:, :1], self._begun, out=reaches[:, :1])
        self._reaches.append(reaches[:, : edges.size])
        self._begun = reaches[:, edges.size :] if starts.size > edges.size else _NOTHING
        self._sample, self._points = stop, points

    def push_spectrum(self, magnitudes: Floats, bin_hz: float) -> None:
        """Take ``[frames, bins]`` magnitudes at twice as many frames as points."""
        edges = [round(_LOW_HZ / bin_hz), round(_HIGH_HZ / bin_hz)]
        bands = np.split(magnitudes, edges, axis=1)
        self._bands.append(np.sqrt(np.stack([np.vecdot(band, band) for band in bands], axis=1)))

    def finish(self) -> Waveform:
        """The outline, with so many points a second that their number stays bounded."""
        if self._begun is not _NOTHING:
            self._reaches.append(self._begun)
        reaches = np.concatenate([np.zeros((2, 0), np.float32), *self._reaches], axis=1)
        bands = np.concatenate([np.zeros((0, 3), np.float32), *self._bands])
        # Two hours of them would otherwise lie about while the rhythm is read.
        self._reaches.clear()
        self._bands.clear()
        points = reaches.shape[1]
        curves = np.zeros((5, points), np.float32)
        curves[:2] = reaches
        pairs = _largest_of_each(bands[: 2 * points].T, 2)
        curves[2:, : pairs.shape[1]] = pairs
        factor = -(-points // MAX_POINTS) or 1
        largest = _largest_of_each(curves, factor)
        outline = _bytes(np.vstack([largest[:2].max(axis=0, initial=0), largest[2:]]))
        peak, low, mid, high = (tuple(curve) for curve in outline)
        down, up = _signed(-largest[0]), _signed(largest[1])
        return Waveform(POINTS_PER_S / factor, peak, low, mid, high, down, up)


def _largest_of_each(curves: Floats, count: int) -> Floats:
    """The maximum over every ``count`` neighbours of each curve; the last group may be short."""
    missing = -curves.shape[1] % count
    padded = np.pad(curves, ((0, 0), (0, missing)), mode="edge")
    largest: Floats = padded.reshape(curves.shape[0], -1, count).max(axis=2)
    return largest


def _bytes(curves: Floats) -> list[list[int]]:
    scaled: list[list[int]] = (
        np.rint(curves * _FULL_SCALE).clip(0, _FULL_SCALE).astype(int).tolist()
    )
    return scaled


def _signed(curve: Floats) -> tuple[int, ...]:
    scaled = np.rint(curve * _SIGNED_SCALE).clip(-_SIGNED_SCALE, _SIGNED_SCALE - 1)
    return tuple(scaled.astype(int).tolist())

"""Loudness, its range and true peak by ITU-R BS.1770-5 and EBU R 128, on a stream of blocks."""

from __future__ import annotations

import numpy as np

from autodj.audio.frames import Floats
from autodj.audio.kweighting import Doubles, KWeighting

_STEP_S = 0.1
_STEPS_PER_GATE_BLOCK = 4
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_RANGE_GATE_LU = -20.0
_RANGE_PERCENTILES = (10, 95)
_STEPS_PER_RANGE_BLOCK = 30
_OFFSET_LU = -0.691
_SILENT = 1e-15
# With the 12 taps of the recommendation's example, drums read up to 0.9 dB low: it droops above
# 10 kHz.
_TAPS = 32
_KAISER_BETA = 9.0
_PHASES = 4
_COARSE, _FINE = 512, 32
_AT_ONCE = 2048
_ROUNDING = 1e-5
_SMALLEST_PEAK = 1e-6


class LoudnessStream:
    """K-weighted energy of mono or stereo in steps of 100 ms."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._step = round(rate_hz * _STEP_S)
        self._weighting = KWeighting(rate_hz, channels)
        self._filled = 0
        self._filling = 0.0
        self._energies: list[Doubles] = []

    def push(self, samples: Floats) -> None:
        """Take ``[channels, samples]``."""
        self._add(self._weighting.push(samples))

    def finish(self) -> Doubles:
        """The mean squares of every 100 ms, summed over channels; an unfinished one is dropped."""
        self._add(self._weighting.finish())
        return np.concatenate([np.zeros(0), *self._energies]) / self._step

    def _add(self, weighted: Floats) -> None:
        missing = min(self._step - self._filled, weighted.shape[1])
        self._fill(weighted[:, :missing])
        steps = (weighted.shape[1] - missing) // self._step
        stop = missing + steps * self._step
        whole = weighted[:, missing:stop].reshape(len(weighted), steps, self._step)
        self._energies.append(_squares(whole).sum(axis=0))
        self._fill(weighted[:, stop:])

    def _fill(self, weighted: Floats) -> None:
        self._filling += float(_squares(weighted).sum())
        self._filled += weighted.shape[1]
        if self._filled == self._step:
            self._energies.append(np.array([self._filling]))
            self._filled, self._filling = 0, 0.0


def _squares(values: Floats) -> Doubles:
    """The sums of squares over the last axis."""
    sums = values[..., None, :] @ values[..., :, None]
    return np.asarray(sums[..., 0, 0], np.float64)


def gated_loudness(energies: Doubles) -> float | None:
    """Integrated LUFS from the mean squares of consecutive 100 ms; None when no 400 ms of them
    are louder than -70 LUFS.
    """
    if energies.size < _STEPS_PER_GATE_BLOCK:
        return None
    blocks = np.convolve(energies, np.full(_STEPS_PER_GATE_BLOCK, 0.25), mode="valid")
    heard = blocks[blocks > _energy(_ABSOLUTE_GATE_LUFS)]
    if heard.size == 0:
        return None
    gate = heard.mean() * 10 ** (_RELATIVE_GATE_LU / 10)
    return float(_OFFSET_LU + 10 * np.log10(heard[heard > gate].mean()))


def loudness_range(energies: Doubles) -> float | None:
    """LRA in LU by EBU Tech 3342: between the 10th and the 95th percentile of the loudness of
    three seconds, over both gates; None where nothing passes them.
    """
    if energies.size < _STEPS_PER_RANGE_BLOCK:
        return None
    weights = np.full(_STEPS_PER_RANGE_BLOCK, 1 / _STEPS_PER_RANGE_BLOCK)
    blocks = np.convolve(energies, weights, mode="valid")
    heard = blocks[blocks > _energy(_ABSOLUTE_GATE_LUFS)]
    if heard.size == 0:
        return None
    kept = levels(heard[heard > heard.mean() * 10 ** (_RANGE_GATE_LU / 10)])
    low, high = np.percentile(kept, _RANGE_PERCENTILES, method="nearest")
    return float(high - low)


def levels(energies: Doubles) -> Doubles:
    """LUFS of each mean square; silence is far below any gate."""
    return np.asarray(_OFFSET_LU + 10 * np.log10(np.maximum(energies, _SILENT)))


def _energy(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LU) / 10))


class TruePeakStream:
    """The largest value between the samples too, by four times oversampling (annex 2).

    Between two samples the line through them is exceeded by no more than the sharpest bend
    around them allows, so only what stands near the peak has to be interpolated.
    """

    def __init__(self, channels: int) -> None:
        self._held = np.zeros((channels, _COARSE), np.float32)
        kernels = _interpolators()
        self._matrix = _interpolation(kernels)
        self._most_of_line, self._most_of_bend = _bounds(kernels)
        self._largest = 0.0

    def push(self, samples: Floats) -> None:
        """Take ``[channels, samples]``."""
        if self._held.shape[1] == _COARSE <= samples.shape[1]:
            self._search(np.concatenate([self._held, samples[:, :_COARSE]], axis=1))
        else:
            samples = np.concatenate([self._held, samples], axis=1)
        whole = samples.shape[1] // _COARSE * _COARSE
        self._held = samples[:, max(0, whole - _COARSE) :].copy()
        self._search(samples[:, :whole])

    def _search(self, lines: Floats) -> None:
        """Look through whole segments, from each but the last into the one behind it."""
        if lines.shape[1] < 2 * _COARSE:
            return
        coarse = self._promising(lines, _COARSE)
        fine = self._promising(coarse[:, : _COARSE + _FINE], _FINE)
        for start in range(0, len(fine), _AT_ONCE):
            between = fine[start : start + _AT_ONCE] @ self._matrix
            self._largest = max(self._largest, float(np.abs(between).max()))

    def _promising(self, lines: Floats, segment: int) -> Floats:
        """Every segment of each line, but the last, that may hold a new peak: ``[n, 2 segments]``,
        with the one behind it.
        """
        bends = np.empty_like(lines)
        bends[:, -2:] = 0.0
        slopes = np.subtract(lines[:, 1:], lines[:, :-1])
        np.subtract(slopes[:, 1:], slopes[:, :-1], out=bends[:, :-2])
        starts = np.arange(0, lines.shape[1], segment)
        highest = np.maximum.reduceat(np.abs(lines), starts, axis=1)
        sharpest = np.maximum.reduceat(np.abs(bends, out=bends), starts, axis=1)
        self._largest = max(self._largest, float(highest.max(initial=0.0)))
        reach = self._most_of_line * np.maximum(highest[:, :-1], highest[:, 1:])
        reach += self._most_of_bend * np.maximum(sharpest[:, :-1], sharpest[:, 1:])
        line, piece = np.nonzero(reach > self._largest)
        pieces = lines.reshape(len(lines), starts.size, segment)
        pairs: Floats = pieces[line[:, None], np.stack([piece, piece + 1], axis=1)]
        return pairs.reshape(len(line), 2 * segment)

    def finish(self) -> float | None:
        """dBTP; None for silence."""
        self.push(np.zeros((len(self._held), 2 * _COARSE), np.float32))
        if self._largest < _SMALLEST_PEAK:
            return None
        return float(20 * np.log10(self._largest))


def _interpolators() -> Floats:
    """``[3, taps]``: windowed sincs a quarter, a half and three quarters between samples."""
    offsets = np.arange(1, _PHASES) / _PHASES
    taps = np.arange(_TAPS) - (_TAPS // 2 - 1)
    distance = offsets[:, None] - taps[None, :]
    bell = np.sqrt(1 - np.square(distance / (_TAPS / 2)))
    window = np.i0(_KAISER_BETA * bell) / np.i0(_KAISER_BETA)
    kernels = np.sinc(distance) * window
    kernels /= kernels.sum(axis=1, keepdims=True)
    return np.asarray(kernels, np.float32)


def _bounds(kernels: Floats) -> tuple[float, float]:
    """What lies between two samples is at most the first times the larger of them, plus the
    second times the largest second difference under the taps.

    Taps less a line between the middle two, of the same sum and centre, sum to nothing twice
    over: they are a second difference of the sums of their sums.
    """
    taps = kernels.astype(np.float64)
    centre = taps @ (np.arange(_TAPS) - (_TAPS // 2 - 1))
    line = np.stack([taps.sum(axis=1) - centre, centre], axis=1)
    taps[:, _TAPS // 2 - 1 : _TAPS // 2 + 1] -= line
    of_line = np.abs(line).sum(axis=1).max()
    of_bend = np.abs(taps.cumsum(axis=1).cumsum(axis=1)).sum(axis=1).max()
    return float(of_line) * (1 + _ROUNDING), float(of_bend) * (1 + _ROUNDING)


def _interpolation(kernels: Floats) -> Floats:
    """``[two segments, values]``: every value between the samples that the taps, beginning at
    one of the first segment, are wide enough for.
    """
    matrix = np.zeros((2 * _FINE, _FINE, len(kernels)), np.float32)
    for start in range(_FINE):
        matrix[start : start + _TAPS, start] = kernels.T
    return matrix.reshape(2 * _FINE, -1)

"""Loudness, its range and true peak by ITU-R BS.1770-5 and EBU R 128, on a stream of blocks."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from autodj.audio.frames import Floats

_STEP_S = 0.1
_STEPS_PER_GATE_BLOCK = 4
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_RANGE_GATE_LU = -20.0
_RANGE_PERCENTILES = (10, 95)
_STEPS_PER_RANGE_BLOCK = 30
_OFFSET_LU = -0.691
_SILENT = 1e-15
_MEMORY_S = 0.25
_TAPS = 12
_PHASES = 4
_SMALLEST_PEAK = 1e-6


class LoudnessStream:
    """K-weighted energy of mono or stereo in steps of 100 ms.

    The K-weighting is applied exactly as the two filters' response over each block's spectrum
    (overlap-save): their memory, the high-pass at 38 Hz, has died away within a quarter of a
    second, which each block repeats from the one before.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._step = round(rate_hz * _STEP_S)
        self._memory = round(rate_hz * _MEMORY_S)
        self._size = scipy.fft.next_fast_len(4 * self._memory, real=True)
        self._response = k_weighting(rate_hz, self._size)
        self._past = np.zeros((channels, self._memory))
        self._pending = np.zeros((channels, 0))
        self._weighted = np.zeros((channels, 0))
        self._energies: list[NDArray[np.float64]] = []

    def push(self, samples: Floats) -> None:
        """Take ``[channels, samples]``."""
        self._pending = np.concatenate([self._pending, samples], axis=1)
        fresh = self._size - self._memory
        while self._pending.shape[1] >= fresh:
            self._weigh(self._pending[:, :fresh])
            self._pending = self._pending[:, fresh:]

    def finish(self) -> NDArray[np.float64]:
        """The mean squares of every 100 ms, summed over channels; an unfinished one is dropped."""
        if self._pending.shape[1]:
            self._weigh(self._pending)
        return np.concatenate([np.zeros(0), *self._energies])

    def _weigh(self, fresh: NDArray[np.float64]) -> None:
        block = np.concatenate([self._past, fresh], axis=1)
        self._past = block[:, -self._memory :]
        spectrum = scipy.fft.rfft(block, self._size) * self._response
        weighted = scipy.fft.irfft(spectrum, self._size)[:, self._memory : block.shape[1]]
        held = np.concatenate([self._weighted, weighted], axis=1)
        whole = held.shape[1] // self._step * self._step
        steps = held[:, :whole].reshape(held.shape[0], -1, self._step)
        self._energies.append(np.sum(np.square(steps), axis=(0, 2)) / self._step)
        self._weighted = held[:, whole:]


def gated_loudness(energies: NDArray[np.float64]) -> float | None:
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


def loudness_range(energies: NDArray[np.float64]) -> float | None:
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


def levels(energies: NDArray[np.float64]) -> NDArray[np.float64]:
    """LUFS of each mean square; silence is far below any gate."""
    return np.asarray(_OFFSET_LU + 10 * np.log10(np.maximum(energies, _SILENT)))


def k_weighting(rate_hz: int, size: int) -> NDArray[np.complex128]:
    """The response of both K-weighting filters at the ``size // 2 + 1`` bins of a spectrum.

    BS.1770 gives coefficients for 48 kHz; the analogue parameters behind them, from which any
    other rate follows by the bilinear transform, are those of De Man, "Evaluation of
    implementations of the EBU R128 loudness measurement" (AES 145, 2018).
    """
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    k = np.tan(np.pi * 1681.974450955533 / rate_hz)
    q = 0.7071752369554196
    gain = 10 ** (3.999843853973347 / 20)
    bend = gain**0.4996667741545416
    numerator = (
        (gain + bend * k / q + k * k)
        + 2 * (k * k - gain) * z
        + (gain - bend * k / q + k * k) * z**2
    )
    shelf = numerator / ((1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2)
    k = np.tan(np.pi * 38.13547087602444 / rate_hz)
    q = 0.5003270373238773
    scale = 1 + k / q + k * k
    denominator = 1 + 2 * (k * k - 1) / scale * z + (1 - k / q + k * k) / scale * z**2
    response: NDArray[np.complex128] = shelf * (1 - 2 * z + z**2) / denominator
    return response


def _energy(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LU) / 10))


class TruePeakStream:
    """The largest value between the samples too, by four times oversampling (annex 2)."""

    def __init__(self, channels: int) -> None:
        self._held = np.zeros((channels, _TAPS - 1), np.float32)
        self._kernels = _interpolators()
        self._largest = 0.0

    def push(self, samples: Floats) -> None:
        """Take ``[channels, samples]``."""
        held = np.concatenate([self._held, samples], axis=1)
        self._held = held[:, held.shape[1] - _TAPS + 1 :]
        self._largest = max(self._largest, float(np.abs(samples).max(initial=0.0)))
        size = held.shape[1] - _TAPS + 1
        for kernel in self._kernels:
            between = kernel[0] * held[:, :size]
            for at in range(1, _TAPS):
                between += kernel[at] * held[:, at : at + size]
            self._largest = max(self._largest, float(np.abs(between).max(initial=0.0)))

    def finish(self) -> float | None:
        """dBTP; None for silence."""
        self.push(np.zeros((self._held.shape[0], _TAPS), np.float32))
        if self._largest < _SMALLEST_PEAK:
            return None
        return float(20 * np.log10(self._largest))


def _interpolators() -> Floats:
    """``[3, taps]``: windowed sincs a quarter, a half and three quarters between samples."""
    offsets = np.arange(1, _PHASES) / _PHASES
    taps = np.arange(_TAPS) - (_TAPS // 2 - 1)
    distance = offsets[:, None] - taps[None, :]
    window = np.i0(8.0 * np.sqrt(1 - np.square(distance / (_TAPS / 2)))) / np.i0(8.0)
    kernels = np.sinc(distance) * window
    kernels /= kernels.sum(axis=1, keepdims=True)
    return np.asarray(kernels, np.float32)

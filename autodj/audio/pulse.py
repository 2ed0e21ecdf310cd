"""How a pulse may be read: which tempo, and which other one somebody might tap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.onsets import FRAMES_PER_S

_SLOWEST_BPM, _FASTEST_BPM = 55.0, 205.0
_STEP = 1.004
_USUAL_BPM, _USUAL_SPREAD_OCTAVES = 118.0, 0.75
_TEETH = ((1, 0.4), (2, 0.3), (4, 0.3))
_LINE_WEIGHT = 0.3
_WINDOW_S = 16.0
_OCTAVE_SLACK = 1.04


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to hear the tempo. ``clarity`` is how alike the curve is to itself one, two and
    four beats later, from 0 to 1; ``score`` also weighs how usual the tempo is.
    """

    bpm: float
    clarity: float
    score: float


def readings(onsets: Floats) -> list[Reading]:
    """The best reading, then the better of its half and double if either is heard; empty when
    the curve is flat.

    A comb over the autocorrelation favours tempi too slow, a line of the spectrum tempi too
    fast, and two thirds of the tempo has the first without the second; their product has
    neither fault (Peeters, "Time variable tempo detection and beat marking", ICMC 2005). The
    comb's teeth stand at one, two and four beats, the metre of nearly all dance music. A
    log-normal preference for usual tempi decides between octaves (Ellis, JNMR 2007).
    """
    count = int(np.log(_FASTEST_BPM / _SLOWEST_BPM) / np.log(_STEP))
    bpm = _SLOWEST_BPM * _STEP ** np.arange(count + 1)
    windows = _windows(onsets)
    clarity = _comb(windows, 60 * FRAMES_PER_S / bpm)
    usual = np.exp(-0.5 * np.square(np.log2(bpm / _USUAL_BPM) / _USUAL_SPREAD_OCTAVES))
    score = clarity * _line(windows, bpm / 60) ** _LINE_WEIGHT * usual
    inner = score[1:-1]
    peaks = 1 + np.flatnonzero((inner > 0) & (inner >= score[:-2]) & (inner > score[2:]))
    ranked = [
        Reading(float(bpm[at]), float(clarity[at]), float(score[at]))
        for at in peaks[np.argsort(-score[peaks], kind="stable")]
    ]
    return ranked[:1] + [other for other in ranked[1:] if _octave_apart(other, ranked[0])][:1]


def _octave_apart(one: Reading, other: Reading) -> bool:
    ratio = max(one.bpm / other.bpm, other.bpm / one.bpm) / 2
    return 1 / _OCTAVE_SLACK < ratio < _OCTAVE_SLACK


def _windows(onsets: Floats) -> NDArray[np.float64]:
    """Half overlapping stretches of the curve, each without its mean."""
    size = min(round(_WINDOW_S * FRAMES_PER_S), onsets.size)
    starts = range(0, onsets.size - size + 1, max(1, size // 2))
    windows = np.stack([onsets[start : start + size] for start in starts]).astype(np.float64)
    return np.asarray(windows - windows.mean(axis=1, keepdims=True))


def _comb(windows: NDArray[np.float64], beat_lags: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unbiased autocorrelation under the teeth, where 1 is full likeness. Without any likeness
    one beat later the other teeth do not count.
    """
    size = windows.shape[1]
    padded = scipy.fft.next_fast_len(2 * size, real=True)
    power = np.square(np.abs(scipy.fft.rfft(windows, padded))).sum(axis=0)
    alike = scipy.fft.irfft(power, padded)[: size // 2]
    if alike[0] <= 0:
        return np.zeros_like(beat_lags)
    lags = np.arange(alike.size)
    unbiased = alike / alike[0] * size / (size - lags)
    teeth = [
        weight * np.interp(beats * beat_lags, lags, unbiased, right=0.0) for beats, weight in _TEETH
    ]
    first = np.maximum(teeth[0] / _TEETH[0][1], 0.0)
    return np.asarray(np.sqrt(first * np.maximum(np.sum(teeth, axis=0), 0.0)))


def _line(windows: NDArray[np.float64], beat_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of the curve swings at each beat frequency, 1 for the most."""
    size = windows.shape[1]
    padded = scipy.fft.next_fast_len(4 * size, real=True)
    power = np.square(np.abs(scipy.fft.rfft(windows * np.hanning(size), padded))).mean(axis=0)
    bins_hz = np.arange(power.size) * FRAMES_PER_S / padded
    line = np.sqrt(np.interp(beat_hz, bins_hz, power))
    return np.asarray(line / (line.max() or 1.0))

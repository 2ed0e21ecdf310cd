"""One even grid of beats through a whole track.

The pulse of a steady track is one line in the spectrum of its onset curve, and four minutes
fix that line to a few thousandths of a beat a minute.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import FRAMES_PER_S as ODDS_PER_S
from autodj.audio.rhythm.onsets import FRAMES_PER_S

_RANGE = 0.02
_HARMONICS = (1, 2, 4)
_PADDING = 8
_ZOOM = (0.5, 0.1)
_WINDOW_S = 10.0
_REACH_S, _FINE_S, _WIDTH_S = 0.045, 0.001, 0.015
_BIAS = 1.5
_PACES = np.round(np.arange(0.88, 1.13, 0.01), 2)
_NEAR_FRAMES = 1.5


def fit_beat_hz(curve: Floats, guess_hz: float) -> float:
    """The beat frequency within 2 % of the guess whose harmonics carry most of an onset curve
    at 100 frames a second.
    """
    size = scipy.fft.next_fast_len(_PADDING * curve.size, real=True)
    spectrum = np.abs(scipy.fft.rfft(curve - curve.mean(), size))
    line_hz = FRAMES_PER_S / curve.size
    reach = int(_RANGE * guess_hz / line_hz * _PADDING) + 1
    tried_hz = guess_hz + line_hz / _PADDING * np.arange(-reach, reach + 1)
    bins = np.arange(spectrum.size)
    carried = sum(
        np.interp(tried_hz * harmonic * size / FRAMES_PER_S, bins, spectrum)
        for harmonic in _HARMONICS
    )
    best_hz = float(tried_hz[int(np.argmax(carried))])
    for step_hz in line_hz / _PADDING * np.array(_ZOOM):
        near_hz = best_hz + step_hz * np.arange(-2, 3)
        exact = np.array([_carried(curve, hz) for hz in near_hz])
        at = int(np.argmax(exact))
        best_hz = float(near_hz[at] + step_hz * _vertex(exact, at))
    return best_hz


def _carried(curve: Floats, hz: float) -> float:
    """What the harmonics of one frequency carry, without any interpolation."""
    turns = np.exp(-2j * np.pi * hz / FRAMES_PER_S * np.arange(curve.size))
    return float(sum(abs(np.sum(curve * turns**harmonic)) for harmonic in _HARMONICS))


def place_grid(odds: Floats, beat_hz: float) -> tuple[float, float]:
    """Where a grid of ``beat_hz`` collects most log odds: the first beat in seconds, and the
    odds it collects.
    """
    period = ODDS_PER_S / beat_hz
    starts = np.arange(0.0, period, 0.5)
    count = int((odds.size - 1 - period) / period) + 1
    at = np.rint(starts[:, None] + np.arange(count) * period).astype(int)
    sums = (odds[np.minimum(at, odds.size - 1)] + _BIAS).sum(axis=1)
    best = int(sums.argmax())
    return float(starts[best] / ODDS_PER_S), float(sums[best])


def share_in_time(odds: Floats, beat_hz: float, start_s: float) -> float:
    """How much of the odds that each ten seconds could collect, at a phase and a pace of their
    own, the one grid collects: 1 for a steady track, little where the tempo is another.
    """
    period, first = ODDS_PER_S / beat_hz, start_s * ODDS_PER_S
    beats = int((odds.size - 1 - first) / period)
    size = max(4, round(_WINDOW_S * beat_hz))
    offsets = np.arange(-0.5, 0.5, 1 / period) * period
    collected = possible = 0.0
    for start in range(0, max(1, beats - size // 2), size):
        count = min(size, beats - start)
        middle = first + (start + (count - 1) / 2) * period
        steps = (np.arange(count) - (count - 1) / 2) * period
        paced = steps * _PACES[:, None, None] + (middle + offsets)[:, None]
        sums = (odds[np.rint(paced).astype(int).clip(0, odds.size - 1)] + _BIAS).sum(axis=2)
        on_grid = sums[_PACES == 1.0][0, np.abs(offsets) <= _NEAR_FRAMES]
        best = max(0.0, float(sums.max()))
        collected += min(best, max(0.0, float(on_grid.max())))
        possible += best
    return collected / possible if possible else 0.0


def sharpen_start(onsets: Floats, beat_hz: float, start_s: float) -> float:
    """The start of the grid within 45 ms of ``start_s`` at which most onset strength, at 100
    frames a second, falls on its beats.
    """
    beats = max(1, int((onsets.size / FRAMES_PER_S - start_s) * beat_hz) - 1)
    at = start_s + np.arange(beats) / beat_hz
    offsets = np.arange(-_REACH_S, _REACH_S + _FINE_S / 2, _FINE_S)
    frames = np.arange(onsets.size) / FRAMES_PER_S
    strength = np.array([np.interp(at + offset, frames, onsets).sum() for offset in offsets])
    bell = np.hanning(round(_WIDTH_S / _FINE_S) + 2)[1:-1]
    around = np.pad(strength, bell.size // 2, mode="edge")
    smooth = np.convolve(around, bell / bell.sum(), mode="valid")
    best = int(smooth.argmax())
    return float(start_s + offsets[best] + _FINE_S * _vertex(smooth, best))


def _vertex(curve: NDArray[np.float64], at: int) -> float:
    """Where the parabola through three neighbours peaks, from -0.5 to 0.5."""
    if not 0 < at < curve.size - 1:
        return 0.0
    left, top, right = curve[at - 1 : at + 2]
    bend = left - 2 * top + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0

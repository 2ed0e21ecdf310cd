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
from autodj.audio.rhythm.opening import opens

_RANGE = 0.02
# Each is twice the one before.
_HARMONICS = (1, 2, 4)
_PADDING = 8
# Three quarters of an hour; what is longer is padded less, for the memory.
_MOST_PADDED = 2**21
_ROW_FRAMES = 1000
_ZOOM = (0.5, 0.1)
_WINDOW_S = 10.0
_REACH_S, _FINE_S, _WIDTH_S = 0.045, 0.001, 0.015
_BIAS = 1.5
_PACES = np.round(np.arange(0.88, 1.13, 0.01), 2)
_NEAR_FRAMES = 1.5
_QUARTERS = 4
# In most music a beat is surer by 4 than half a beat later.
_OPENS = 0.9


def fit_beat_hz(curve: Floats, guess_hz: float) -> float:
    """The beat frequency within 2 % of the guess whose harmonics carry most of an onset curve
    at 100 frames a second.
    """
    padded = min(_PADDING * curve.size, max(2 * curve.size, _MOST_PADDED))
    size = scipy.fft.next_fast_len(padded, real=True)
    spectrum = scipy.fft.rfft(curve - curve.mean(), size)
    line_hz = FRAMES_PER_S / curve.size
    reach = int(_RANGE * guess_hz / line_hz * _PADDING) + 1
    tried_hz = guess_hz + line_hz / _PADDING * np.arange(-reach, reach + 1)
    carried = sum(
        _between(spectrum, tried_hz * harmonic * size / FRAMES_PER_S) for harmonic in _HARMONICS
    )
    best_hz = float(tried_hz[int(np.argmax(carried))])
    for step_hz in line_hz / _PADDING * np.array(_ZOOM):
        near_hz = best_hz + step_hz * np.arange(-2, 3)
        exact = np.array([_carried(curve, hz) for hz in near_hz])
        at = int(np.argmax(exact))
        best_hz = float(near_hz[at] + step_hz * _vertex(exact, at))
    return best_hz


def _between(spectrum: NDArray[np.complex64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The magnitudes at fractions of bins, on a line from one bin to the next; those of a
    spectrum of hours are better not all taken.
    """
    below = np.clip(places.astype(int), 0, spectrum.size - 2)
    low, high = (np.abs(spectrum[below + step]).astype(np.float64) for step in (0, 1))
    line: NDArray[np.float64] = low + np.clip(places - below, 0.0, 1.0) * (high - low)
    return line


def _carried(curve: Floats, hz: float) -> float:
    """What the harmonics of one frequency carry, without any interpolation."""
    return sum(abs(_line(curve, hz * harmonic)) for harmonic in _HARMONICS)


def _line(curve: Floats, hz: float) -> complex:
    """The curve's spectrum at one frequency; a row at a time, for the memory."""
    rows = np.pad(curve, (0, -curve.size % _ROW_FRAMES)).reshape(-1, _ROW_FRAMES)
    turn = -2j * np.pi * hz / FRAMES_PER_S
    within = np.exp(turn * np.arange(_ROW_FRAMES))
    along = np.exp(turn * _ROW_FRAMES * np.arange(len(rows)))
    return complex(along @ (rows @ within))


def place_grid(odds: Floats, beat_hz: float, opening: float | None = None) -> tuple[float, float]:
    """Where a grid of ``beat_hz`` collects most log odds: the first beat in seconds, and the
    odds it collects. One with a beat where the music begins, at ``opening`` seconds, is given
    a little more.
    """
    period = ODDS_PER_S / beat_hz
    starts = np.arange(0.0, period, 0.5)
    count = int((odds.size - 1 - period) / period) + 1
    at = np.rint(starts[:, None] + np.arange(count) * period).astype(int)
    sums = (odds[np.minimum(at, odds.size - 1)] + _BIAS).sum(axis=1)
    if opening is not None:
        nearest_s = starts / ODDS_PER_S
        nearest_s += np.rint((opening - nearest_s) * beat_hz) / beat_hz
        sums = sums + _OPENS * count * opens(nearest_s, opening)
    best = int(sums.argmax())
    return float(starts[best] / ODDS_PER_S), float(sums[best])


def share_in_time(odds: Floats, beat_hz: float, start_s: float) -> float:
    """How much of the odds that each ten seconds could collect, at a phase and a pace of their
    own, the one grid collects: 1 for a steady track, little where the tempo is another.

    Stretches whose off-beats sound like the beats count as well: they keep the pace.
    """
    period, first = ODDS_PER_S / beat_hz, start_s * ODDS_PER_S
    beats = int((odds.size - 1 - first) / period)
    size = max(4, round(_WINDOW_S * beat_hz))
    offsets = np.arange(-0.5, 0.5, 1 / period) * period
    from_half = np.abs(np.abs(offsets) - period / 2)
    in_time = np.minimum(np.abs(offsets), from_half) <= _NEAR_FRAMES
    collected = possible = 0.0
    for start in range(0, max(1, beats - size // 2), size):
        count = min(size, beats - start)
        middle = first + (start + (count - 1) / 2) * period
        steps = (np.arange(count) - (count - 1) / 2) * period
        paced = steps * _PACES[:, None, None] + (middle + offsets)[:, None]
        sums = (odds[np.rint(paced).astype(int).clip(0, odds.size - 1)] + _BIAS).sum(axis=2)
        on_grid = sums[_PACES == 1.0][0, in_time]
        best = max(0.0, float(sums.max()))
        collected += min(best, max(0.0, float(on_grid.max())))
        possible += best
    return collected / possible if possible else 0.0


def evenness(onsets: Floats, beat_hz: float) -> float:
    """How closely attacks, at 100 frames a second, keep to one phase of the quarters of a beat,
    from 0 to 1: the length of their mean as vectors on a circle. Who plays by hand, or drifts,
    stays below 0.8; a sequencer does not.
    """
    total = float(onsets.sum())
    return abs(_line(onsets, _QUARTERS * beat_hz)) / total if total else 0.0


def sharpen_start(onsets: Floats, beat_hz: float, start_s: float) -> float:
    """The start of the grid within 45 ms of ``start_s`` at which most onset strength, at 100
    frames a second, falls on its beats.
    """
    beats = max(1, int((onsets.size / FRAMES_PER_S - start_s) * beat_hz) - 1)
    return start_s + late_s(onsets, start_s + np.arange(beats) / beat_hz)


def late_s(onsets: Floats, beats_s: NDArray[np.float64]) -> float:
    """How much later, up to 45 ms, all beats together collect most onset strength."""
    offsets = np.arange(-_REACH_S, _REACH_S + _FINE_S / 2, _FINE_S)
    frames = np.arange(onsets.size) / FRAMES_PER_S
    strength = np.array([np.interp(beats_s + offset, frames, onsets).sum() for offset in offsets])
    bell = np.hanning(round(_WIDTH_S / _FINE_S) + 2)[1:-1]
    around = np.pad(strength, bell.size // 2, mode="edge")
    smooth = np.convolve(around, bell / bell.sum(), mode="valid")
    best = int(smooth.argmax())
    return float(offsets[best] + _FINE_S * _vertex(smooth, best))


def _vertex(curve: NDArray[np.float64], at: int) -> float:
    """Where the parabola through three neighbours peaks, from -0.5 to 0.5."""
    if not 0 < at < curve.size - 1:
        return 0.0
    left, top, right = curve[at - 1 : at + 2]
    bend = left - 2 * top + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0

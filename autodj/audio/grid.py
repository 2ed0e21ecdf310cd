"""One even grid of beats through a whole track.

The pulse of a steady track is one line in the spectrum of its onset curve, and four minutes
fix that line to a few thousandths of a beat a minute.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.onsets import FRAMES_PER_S

_RANGE = 0.03
_HARMONICS = (1, 2, 4)
_PADDING = 8
_ZOOM = (0.5, 0.1)
_FOLD_BINS = 96
_WINDOW_S = 8.0
_NEARBY = np.linspace(-0.15, 0.15, 11)
_STEADY_SHARE = 0.6
_STEADY_CYCLES = 0.08


def fit_beat_hz(onsets: Floats, guess_hz: float) -> float:
    """The beat frequency within 3 % of the guess whose harmonics carry most of the curve."""
    size = scipy.fft.next_fast_len(_PADDING * onsets.size, real=True)
    spectrum = np.abs(scipy.fft.rfft(onsets - onsets.mean(), size))
    line_hz = FRAMES_PER_S / onsets.size
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
        exact = np.array([_carried(onsets, hz) for hz in near_hz])
        at = int(np.argmax(exact))
        best_hz = float(near_hz[at] + step_hz * _vertex(exact, at))
    return best_hz


def _carried(onsets: Floats, hz: float) -> float:
    """What the harmonics of one frequency carry, without any interpolation."""
    turns = np.exp(-2j * np.pi * hz / FRAMES_PER_S * np.arange(onsets.size))
    return float(sum(abs(np.sum(onsets * turns**harmonic)) for harmonic in _HARMONICS))


def is_steady(onsets: Floats, beat_hz: float) -> bool:
    """Whether the half-beats of most of what pulses fall on the grid of ``beat_hz``.

    Half-beats, because a passage with off-beats only is still in time. A passage counts by
    how strongly it pulses at any nearby tempo, so that one without drums says little and one
    in another tempo much.
    """
    on_grid = _window_sums(onsets, 2 * beat_hz)
    strength = np.max(
        [np.abs(_window_sums(onsets, 2 * beat_hz * (1 + off))) for off in _NEARBY], axis=0
    )
    off_cycles = np.abs(np.angle(on_grid * np.conj(on_grid.sum()))) / (2 * np.pi)
    in_time = strength[(off_cycles < _STEADY_CYCLES) & (np.abs(on_grid) > 0.5 * strength)]
    return bool(in_time.sum() >= _STEADY_SHARE * strength.sum())


def _window_sums(onsets: Floats, hz: float) -> NDArray[np.complex128]:
    """How much of each 8 s swings at a frequency, and in which phase."""
    turning = onsets * np.exp(-2j * np.pi * hz / FRAMES_PER_S * np.arange(onsets.size))
    starts = np.arange(0, onsets.size, round(_WINDOW_S * FRAMES_PER_S))
    return np.asarray(np.add.reduceat(turning, starts))


def first_beat_s(onsets: Floats, beat_hz: float) -> float:
    """When the first beat falls: the crest of the curve folded onto one beat."""
    cycles = np.arange(onsets.size) * (beat_hz / FRAMES_PER_S) % 1.0 * _FOLD_BINS
    lower = cycles.astype(int)
    share = cycles - lower
    folded = np.bincount(lower % _FOLD_BINS, onsets * (1 - share), _FOLD_BINS)
    folded += np.bincount((lower + 1) % _FOLD_BINS, onsets * share, _FOLD_BINS)
    width_bins = _FOLD_BINS * beat_hz * 1.5 / FRAMES_PER_S
    around = (np.arange(_FOLD_BINS) + _FOLD_BINS // 2) % _FOLD_BINS - _FOLD_BINS // 2
    bell = np.exp(-0.5 * np.square(around / width_bins))
    smooth = scipy.fft.irfft(scipy.fft.rfft(folded) * scipy.fft.rfft(bell), _FOLD_BINS)
    crest = int(np.argmax(smooth))
    cycle = (crest + _vertex(np.roll(smooth, 1 - crest), 1)) / _FOLD_BINS
    return float(cycle % 1.0 / beat_hz)


def _vertex(curve: NDArray[np.float64], at: int) -> float:
    """Where the parabola through three neighbours peaks, from -0.5 to 0.5."""
    if not 0 < at < curve.size - 1:
        return 0.0
    left, top, right = curve[at - 1 : at + 2]
    bend = left - 2 * top + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0

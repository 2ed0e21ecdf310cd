"""Which tempo the beats of a track keep, and which other one somebody might tap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import FRAMES_PER_S, TEMPI_BPM, Heard, sigmoid

_SLOWEST_BPM, _FASTEST_BPM = 48.0, 215.0
_STEP = 1.004
_TEETH = ((1, 0.4), (2, 0.3), (4, 0.3))
_PEAKS = 8
_RATIOS = (1.0, 2.0, 0.5, 3.0, 1 / 3, 1.5, 2 / 3, 4 / 3, 0.75)
_WINDOW_S = 12.0
_MOST_WINDOWS = 60
_COARSE_DRIFTS, _FINALISTS = (0.98, 1.0, 1.02), 12
_DRIFTS = (0.97, 0.98, 0.99, 0.995, 1.0, 1.005, 1.01, 1.02, 1.03)
_LEAST_ODDS, _MOST_ODDS = -4.0, 5.0
_BIAS = 0.0
_METRES = (4, 3)
_BAR_WEIGHT, _BAR_BIAS = 0.8, 1.0
_LEAST_BAR_ODDS, _MOST_BAR_ODDS = -5.0, 5.0
_USUAL_BPM, _USUAL_SPREAD_OCTAVES, _USUAL_WEIGHT = 110.0, 0.9, 0.5
# What would be read as faster than this is as often half as fast; an octave up costs this much.
_FAST_BPM, _FAST_WEIGHT = 180.0, 40.0
_TEMPO_WEIGHT, _LEAST_TEMPO = 1.0, -4.0
_OTHER = 1.08
_SIMPLE = 0.03
_FLAT = 1e-6

_Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to hear the tempo. ``score`` is how much more likely its beats and bars are than
    none, in log odds a second.
    """

    bpm: float
    score: float


def readings(heard: Heard, begin: Floats) -> list[Reading]:
    """The best reading, then its half or double or else the next best of another tempo; empty
    where nothing repeats. ``begin``: the log odds that a beat at each frame begins a bar.
    """
    odds = heard.odds[:, 0]
    tempi = _candidates(sigmoid(odds.astype(np.float64)))
    if not tempi:
        return []
    beats = _windows(np.clip(peak_of_three(odds) + _BIAS, _LEAST_ODDS, _MOST_ODDS))
    bars = _windows(np.clip(peak_of_three(begin) + _BAR_BIAS, _LEAST_BAR_ODDS, _MOST_BAR_ODDS))
    bars = np.pad(bars, ((0, 1), (0, 0)))
    for drifts in (_COARSE_DRIFTS, _DRIFTS):
        scores = [_score(beats, bars, bpm, drifts) + prior(heard.tempi, bpm) for bpm in tempi]
        read = sorted(map(Reading, tempi, scores), key=lambda each: -each.score)[:_FINALISTS]
        tempi = [each.bpm for each in read]
    best = read[0]
    others = [each for each in read if max(each.bpm / best.bpm, best.bpm / each.bpm) > _OTHER]
    octaves = [each for each in others if ratio_of(each, best) in {0.5, 2.0}]
    return [best, *(octaves or others)[:1]]


def ratio_of(other: Reading, best: Reading) -> float:
    """How many times faster the other reading is: a simple ratio where it is close to one."""
    ratio = other.bpm / best.bpm
    simple = min(_RATIOS, key=lambda each: abs(np.log(ratio / each)))
    return simple if abs(np.log(ratio / simple)) < _SIMPLE else ratio


def peak_of_three(odds: Floats) -> Floats:
    """Each value raised to the larger of its neighbours: a beat between frames counts fully."""
    raised = odds.copy()
    np.maximum(raised[1:], odds[:-1], out=raised[1:])
    np.maximum(raised[:-1], odds[1:], out=raised[:-1])
    return raised


def _score(beats: Floats, bars: Floats, bpm: float, drifts: Sequence[float]) -> float:
    """Sum the odds over evenly spaced beats, in each window at their best phase and drift, and
    over the bars that lie best on them. ``bars`` end with a frame of none.
    """
    period = 60 * FRAMES_PER_S / bpm
    places = [even_beats(period, period * drift, len(beats)) for drift in drifts]
    sums = [np.take(beats, each, axis=0).sum(axis=1) for each in places]
    best = np.array([each.max(axis=0) for each in sums])
    chosen = best.argmax(axis=0)
    phases = np.array([each.argmax(axis=0) for each in sums])
    windows = np.arange(beats.shape[1])
    at = _table(places, beyond=-1)[chosen, phases[chosen, windows]]
    odds = bars[at, windows[:, None]]
    fit = best[chosen, windows].astype(np.float64) + _BAR_WEIGHT * _best_bars(odds)
    return float(fit.sum()) / windows.size / _WINDOW_S


def even_beats(period: float, paced: float, frames: int) -> NDArray[np.int_]:
    """``[phases, beats]``: the frames of beats ``paced`` apart, from each start in a period."""
    count = int((frames - 1 - period) / paced) + 1
    at = np.arange(0.0, period)[:, None] + np.arange(count) * paced
    return np.rint(at).astype(int)


def _table(places: Sequence[NDArray[np.int_]], beyond: int) -> NDArray[np.int_]:
    """``[drifts, phases, beats]``: all of ``places``, filled up to whole bars of every metre with
    a frame ``beyond`` them.
    """
    whole = math.lcm(*_METRES)
    longest = -(-max(each.shape[1] for each in places) // whole) * whole
    table = np.full((len(places), len(places[0]), longest), beyond)
    for filled, each in zip(table, places, strict=True):
        filled[:, : each.shape[1]] = each
    return table


def _best_bars(odds: Floats) -> _Doubles:
    """For each window the sum over every third or fourth beat, from the best start; the beats are
    whole bars of either.
    """
    sums = np.zeros((len(_METRES), len(odds)))
    for place, metre in enumerate(_METRES):
        sums[place] = odds.reshape(len(odds), -1, metre).sum(axis=1).max(axis=1)
    most: _Doubles = sums.max(axis=0)
    return most


def prior(tempi: Floats, bpm: float) -> float:
    """How usual a tempo is, and how well it suits what the network heard as a whole."""
    unusual = np.log2(bpm / _USUAL_BPM) / _USUAL_SPREAD_OCTAVES
    too_fast = max(0.0, np.log2(bpm / _FAST_BPM))
    than_any = np.interp(np.log(bpm), np.log(TEMPI_BPM), tempi) + np.log(TEMPI_BPM.size)
    suits = _TEMPO_WEIGHT * max(than_any, _LEAST_TEMPO)
    return float(suits - _USUAL_WEIGHT * unusual**2 / 2 - _FAST_WEIGHT * too_fast)


def _windows(odds: Floats) -> Floats:
    """``[frames, windows]``, evenly spread when there are very many: all windows are read at the
    same frames.
    """
    size = round(_WINDOW_S * FRAMES_PER_S)
    padded = np.pad(odds, (0, max(0, size - odds.size)))
    starts = np.arange(0, padded.size - size + 1, size // 2)
    if starts.size > _MOST_WINDOWS:
        starts = starts[np.linspace(0, starts.size - 1, _MOST_WINDOWS).astype(int)]
    windows: Floats = padded[np.arange(size)[:, None] + starts]
    return windows


def _candidates(activation: _Doubles) -> list[float]:
    """Tempi at which the activation resembles itself, and what they may be multiples of."""
    tempi = np.exp(np.arange(np.log(_SLOWEST_BPM), np.log(_FASTEST_BPM), np.log(_STEP)))
    comb = _comb(activation, 60 * FRAMES_PER_S / tempi)
    crests = np.flatnonzero((comb[1:-1] >= comb[:-2]) & (comb[1:-1] > comb[2:])) + 1
    strongest = crests[np.argsort(-comb[crests], kind="stable")][:_PEAKS]
    wanted = np.outer(tempi[strongest], _RATIOS).ravel()
    inside = np.sort(wanted[(wanted >= _SLOWEST_BPM) & (wanted <= _FASTEST_BPM)])
    apart = inside[np.diff(inside, prepend=0.0) > inside * (_STEP - 1)]
    return [float(bpm) for bpm in apart]


def _comb(activation: _Doubles, lags: _Doubles) -> _Doubles:
    """The autocorrelation at each lag and its multiples, unbiased by the track's length."""
    centred = activation - activation.mean()
    padded = scipy.fft.next_fast_len(2 * centred.size, real=True)
    power = np.square(np.abs(scipy.fft.rfft(centred, padded)))
    reach = min(centred.size, int(_TEETH[-1][0] * lags.max()) + 2)
    alike = scipy.fft.irfft(power, padded)[:reach]
    if centred.std() < _FLAT:
        return np.zeros_like(lags)
    unbiased = alike / (centred.size - np.arange(reach))
    total = np.zeros_like(lags)
    for beats, weight in _TEETH:
        total += weight * np.interp(beats * lags, np.arange(reach), unbiased, right=0.0)
    return total

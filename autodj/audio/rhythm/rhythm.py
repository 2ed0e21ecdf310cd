"""Tempo, beats and bars of a whole track, from what sounds like a beat and what like an attack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import FRAMES_PER_S as ODDS_PER_S
from autodj.audio.rhythm.activation import Heard, sigmoid
from autodj.audio.rhythm.bands import Levels
from autodj.audio.rhythm.bars import Bars, bar_odds, find_bars
from autodj.audio.rhythm.grid import (
    evenness,
    fit_beat_hz,
    late_s,
    place_grid,
    share_in_time,
    sharpen_start,
)
from autodj.audio.rhythm.harmony import harmonic_changes
from autodj.audio.rhythm.line import straighten, whole_tempo
from autodj.audio.rhythm.onsets import FRAMES_PER_S
from autodj.audio.rhythm.opening import opening_s
from autodj.audio.rhythm.pace import HOP_S, Paces, find_paces, leaves, usual_pace
from autodj.audio.rhythm.path import follow_beats
from autodj.audio.rhythm.readings import Reading, peak_of_three, ratio_of, readings
from autodj.audio.rhythm.stretches import straighten_stretches

_LEVEL_S = 4.0
_FAINTEST = 0.1
_SHORTEST_S = 4.0
_LEAST_SCORE, _LEAST_SCORE_OF_PACES = 0.0, 1.0
_STEADY_SHARE = 0.8
# What a sequencer plays is one grid, though beats seem to move to the syncopation for a while.
_EVEN = 0.8
# A logistic fit to how often the tempo is right on pieces that training held back
# (`python -m bench.training weigh`).
_SURE, _SURE_BY_LEAD = -0.08, 1.02
_MOST_LEAD = 3.0
# The flux of an attack crests while its front is still entering the window: some 4 ms early
# for a click, not at all for a soft kick.
_FLUX_LEAD_S = 0.002
_EARLIEST_BEAT_S = -0.02

_Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Beats a minute, how sure (0 to 1), the next likely reading, the beats in seconds and the
    bars over them. ``is_constant``: the beats are one even grid.
    """

    bpm: float
    confidence: float
    alternative: float | None
    beats_s: _Doubles
    is_constant: bool
    bars: Bars


@dataclass(frozen=True, slots=True)
class Sound:
    """A track over time: its onset curve (100 frames a second), the levels of its bands (50) and
    the course of its pitch classes (10; no frames where nothing sounds).
    """

    onsets: Floats
    levels: Levels
    course: Floats


def measure_rhythm(sound: Sound, net: Heard, duration_s: float) -> Rhythm | None:
    """The rhythm of a track from its sound and what the network heard in it (50 frames a second);
    None where nothing pulses.
    """
    if sound.onsets.size < _SHORTEST_S * FRAMES_PER_S:
        return None
    odds = net.odds
    begin = bar_odds(odds[:, 1], harmonic_changes(sound.course, len(odds)))
    heard = readings(net, begin)
    if not heard:
        return None
    paces = find_paces(net, heard[0].bpm)
    if heard[0].score < _LEAST_SCORE and paces.score < _LEAST_SCORE_OF_PACES:
        return None
    opening = opening_s(sound.levels)
    beat_hz, beats_s, is_constant = _beats(sound, odds[:, 0], paces, heard[0], opening, duration_s)
    beats_s = np.maximum(beats_s[(beats_s > _EARLIEST_BEAT_S) & (beats_s < duration_s)], 0.0)
    if beats_s.size < 2:
        return None
    other = heard[1] if len(heard) > 1 else None
    return Rhythm(
        bpm=60 * beat_hz,
        confidence=_confidence(heard[0], other),
        alternative=60 * beat_hz * ratio_of(other, heard[0]) if other else None,
        beats_s=beats_s,
        is_constant=is_constant,
        bars=find_bars(begin, beats_s, opening),
    )


def _beats(
    sound: Sound,
    odds: Floats,
    paces: Paces,
    reading: Reading,
    opening: float | None,
    duration_s: float,
) -> tuple[float, _Doubles, bool]:
    """The beat frequency, the beats, and whether they are one grid.

    Attacks fix the pulse more exactly than the odds do, but may carry another one nearby; the
    odds decide between the two.
    """
    sharp = levelled(sound.onsets)
    wide = peak_of_three(odds)
    activation = np.repeat(sigmoid(odds), FRAMES_PER_S // ODDS_PER_S)[: sharp.size]
    fitted = [fit_beat_hz(curve, reading.bpm / 60) for curve in (sharp, activation)]
    placed = [place_grid(wide, hz, opening) for hz in fitted]
    chosen = 0 if placed[0][1] >= 0.98 * placed[1][1] else 1
    in_time = share_in_time(wide, fitted[chosen], placed[chosen][0]) >= _STEADY_SHARE
    keeps_one = in_time or evenness(sharp, fitted[0]) >= _EVEN
    if not keeps_one or leaves(paces, 60 * fitted[0], sharp, _EVEN):
        beats_s = straighten_stretches(follow_beats(odds, paces.bpm, HOP_S))
        beats_s += late_s(sharp, beats_s) + _FLUX_LEAD_S
        return usual_pace(paces, beats_s) / 60, beats_s, False
    if not in_time:
        chosen = 0
    beat_hz, start_s = fitted[chosen], placed[chosen][0]
    beat_hz = straighten(
        [sharp, activation], sound.levels, beat_hz, sharpen_start(sharp, beat_hz, start_s)
    )
    beat_hz = whole_tempo(beat_hz, duration_s)
    start_s = sharpen_start(sharp, beat_hz, place_grid(wide, beat_hz, opening)[0])
    start_s -= np.floor((start_s - _EARLIEST_BEAT_S) * beat_hz) / beat_hz
    beats_s = start_s + np.arange(int(np.ceil(duration_s * beat_hz)) + 1) / beat_hz
    return beat_hz, beats_s + _FLUX_LEAD_S, True


def _confidence(best: Reading, other: Reading | None) -> float:
    """How likely the tempo is the right one of those that might be tapped."""
    odds = _SURE + _SURE_BY_LEAD * lead(best, other)
    return float(sigmoid(np.array([odds]))[0])


def lead(best: Reading, other: Reading | None) -> float:
    """How far the best reading is ahead, in log odds a second, as far as it tells more."""
    return min(best.score - other.score, _MOST_LEAD) if other else _MOST_LEAD


def levelled(curve: Floats) -> Floats:
    """The rises above the curve's mean of the last seconds, quiet passages lifted to the
    level of loud ones.
    """
    size = round(_LEVEL_S * FRAMES_PER_S)
    above = np.maximum(curve - _moving_mean(curve, size // 4), 0.0)
    level = np.sqrt(_moving_mean(np.square(above), size))
    floor = _FAINTEST * float(level.max(initial=0.0))
    if floor == 0.0:
        return np.zeros_like(curve)
    return (above / np.maximum(level, floor)).astype(np.float32)


def _moving_mean(curve: Floats, size: int) -> _Doubles:
    """The mean of up to ``size`` values around each."""
    half = size // 2
    sums = np.pad(np.cumsum(curve, dtype=np.float64), (half + 1, half), mode="edge")
    sums[: half + 1] = 0.0
    counts = np.pad(np.arange(curve.size + 1), half, mode="edge")
    mean = sums[2 * half + 1 :] - sums[: curve.size]
    mean /= counts[2 * half + 1 :] - counts[: curve.size]
    return mean

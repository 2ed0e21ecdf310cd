"""Tempo and beats from onset curves: guessed by autocorrelation, then fitted to the whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodj.audio.beats import follow_beats
from autodj.audio.frames import Floats
from autodj.audio.grid import first_beat_s, fit_beat_hz, is_steady
from autodj.audio.onsets import FRAMES_PER_S
from autodj.audio.pulse import readings

_LEVEL_S = 4.0
_FAINTEST = 0.1
_SHORTEST_S = 4.0
_LEAST_CLARITY = 0.12
# The flux of an attack crests while its front is still entering the window: some 4 ms early
# for a click, not at all for a soft kick.
_FLUX_LEAD_S = 0.002
_EARLIEST_BEAT_S = -0.02


@dataclass(frozen=True, slots=True)
class Tempo:
    """Beats a minute, how sure (0 to 1), the next likely reading, and the beats in seconds."""

    bpm: float
    confidence: float
    alternative: float | None
    beats_s: NDArray[np.float64]


def estimate_tempo(full: Floats, bass: Floats, duration_s: float) -> Tempo | None:
    """The tempo of a track from its onset curves; None where nothing pulses."""
    if full.size < _SHORTEST_S * FRAMES_PER_S:
        return None
    # Drums tell the metre, but attacks in the bass crest later than others: a fit over both
    # would drift wherever the bass comes and goes.
    sharp = _levelled(full)
    onsets = sharp + _levelled(bass)
    heard = readings(onsets)
    if not heard or heard[0].clarity < _LEAST_CLARITY:
        return None
    best, other = heard[0], (heard[1] if len(heard) > 1 else None)
    beat_hz = fit_beat_hz(sharp, best.bpm / 60)
    if is_steady(sharp, beat_hz):
        start_s = first_beat_s(onsets, beat_hz)
        beats_s = start_s + np.arange(np.ceil(duration_s * beat_hz) + 1) / beat_hz
    else:
        beats_s = follow_beats(onsets, FRAMES_PER_S * 60 / best.bpm) / FRAMES_PER_S
        beat_hz = 1 / float(np.median(np.diff(beats_s)))
    beats_s = beats_s + _FLUX_LEAD_S
    heard_s = beats_s[(beats_s > _EARLIEST_BEAT_S) & (beats_s < duration_s)]
    margin = 1.0 - (other.score / best.score if other else 0.0)
    return Tempo(
        bpm=60 * beat_hz,
        confidence=float(np.clip(np.sqrt(best.clarity) * (0.75 + margin), 0.0, 1.0)),
        alternative=60 * beat_hz * (2 if other.bpm > best.bpm else 0.5) if other else None,
        beats_s=np.maximum(heard_s, 0.0),
    )


def _levelled(curve: Floats) -> Floats:
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


def _moving_mean(curve: Floats, size: int) -> NDArray[np.float64]:
    """The mean of up to ``size`` values around each."""
    sums = np.concatenate([[0.0], np.cumsum(curve, dtype=np.float64)])
    at = np.arange(curve.size)
    start, stop = np.maximum(at - size // 2, 0), np.minimum(at + size // 2 + 1, curve.size)
    mean: NDArray[np.float64] = (sums[stop] - sums[start]) / (stop - start)
    return mean

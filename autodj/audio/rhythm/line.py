"""The straight line through the beats of a steady track, as each of them really fell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import FRAMES_PER_S as LEVELS_PER_S
from autodj.audio.rhythm.bands import Levels
from autodj.audio.rhythm.onsets import FRAMES_PER_S

_QUARTERS = 4
# A quarter of an hour; of hours every few beats tell the same.
_MOST_BEATS = 2048
_REACH_S, _STEP_S, _BELL_STEPS = 0.04, 0.002, 7
_FAINT = 0.3
_FEWEST = 64
_LOOSE_S, _TIGHT_S = 0.003, 0.0005
_ROUNDS = 10
_RIDGE = 1.0
# Enough for an equation to be solvable where a curve has no crest at all.
_NO_CREST = 1e-9
# The first bands of eight parts of the spectrum, and the least rise that is told from none.
_PARTS = (0, 4, 8, 12, 18, 24, 32, 40)
_LEAST_RISE = 0.05
_WHOLE_S = 0.008

_Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Crests:
    """Crests of one curve at one place in the beat: at which beats, how late and how strong each
    comes, and what sounds there ``[crests, parts]``.
    """

    curve: int
    beats: _Doubles
    late_s: _Doubles
    strength: _Doubles
    sounds: _Doubles


def straighten(curves: Sequence[Floats], levels: Levels, beat_hz: float, start_s: float) -> float:
    """The beat frequency of the line through the crests that curves at 100 frames a second have
    within 40 ms of the quarters of every beat of a grid.

    Each quarter in each curve may lie early or late as a whole, as it does where music swings,
    and the more so the more of an attack lies in this or that part of ``levels``: a chord crests
    later than a kick, and a line through both would lean where a track goes from one to the
    other. All have one slope.
    """
    count = int((curves[0].size / FRAMES_PER_S - start_s) * beat_hz)
    whole = np.arange(0.0, count, -(-count // _MOST_BEATS) or 1)
    groups = []
    for quarter in range(_QUARTERS):
        beats = whole + quarter / _QUARTERS
        at_s = start_s + beats / beat_hz
        sounds = _sounds(levels, at_s)
        for number, curve in enumerate(curves):
            found, late_s, strength = _crests(curve, at_s)
            if found.size:
                groups.append(_Crests(number, beats[found], late_s, strength, sounds[found]))
    if sum(group.beats.size for group in groups) < _FEWEST:
        return beat_hz
    return float(1 / (1 / beat_hz + _slope_s(groups)))


def _slope_s(groups: Sequence[_Crests]) -> float:
    """How much later crests come from beat to beat: least squares with a little ridge, repeated
    with Cauchy's weights (Holland and Welsch 1977), so that what is played freely counts little;
    a group counts by how closely half of it keeps to the line.
    """
    beats = np.concatenate([group.beats for group in groups])
    late_s = np.concatenate([group.late_s for group in groups])
    strength = np.concatenate([group.strength for group in groups])
    sounds = np.concatenate([group.sounds for group in groups])
    sounds -= sounds.mean(axis=0)
    group = np.repeat(np.arange(len(groups)), [each.beats.size for each in groups])
    curve = np.array([each.curve for each in groups])[group]
    own = [sounds * (curve == each)[:, None] for each in np.unique(curve)]
    columns = np.column_stack([beats, *(group == each for each in range(len(groups))), *own])
    sounding = columns.shape[1] - 1 - len(groups)
    ridge = np.diag(np.repeat([_NO_CREST, _RIDGE], [1 + len(groups), sounding]))
    weight = strength
    for _ in range(_ROUNDS):
        leaning = columns.T * weight
        line = np.linalg.solve(leaning @ columns + ridge, leaning @ late_s)
        off_s = np.abs(late_s - columns @ line)
        spread_s = np.array([np.median(off_s[group == each]) for each in range(len(groups))])
        weight = strength / np.maximum(spread_s / _TIGHT_S, 1.0)[group]
        weight /= 1 + np.square(off_s / _LOOSE_S)
    return float(line[0])


def whole_tempo(beat_hz: float, duration_s: float) -> float:
    """The nearest whole number of beats a minute where that moves no beat of the track by 8 ms
    against the others: what music made on a machine most often has.
    """
    whole_hz = max(1, round(60 * beat_hz)) / 60
    return whole_hz if abs(beat_hz / whole_hz - 1) * duration_s < _WHOLE_S else beat_hz


def _crests(curve: Floats, beats_s: _Doubles) -> tuple[NDArray[np.int_], _Doubles, _Doubles]:
    """Which beats have a crest of the curve near them, how late it comes, and how strong it is."""
    steps = round(_REACH_S / _STEP_S) + _BELL_STEPS // 2
    late_s = _STEP_S * np.arange(-steps, steps + 1)
    frames = np.arange(curve.size) / FRAMES_PER_S
    near = np.interp(beats_s[:, None] + late_s, frames, curve)
    smooth = sliding_window_view(near, _BELL_STEPS, axis=1) @ np.hanning(_BELL_STEPS + 2)[1:-1]
    inside_s = late_s[_BELL_STEPS // 2 : late_s.size - _BELL_STEPS // 2]
    best = smooth.argmax(axis=1)
    strength = smooth.max(axis=1)
    clear = (best > 0) & (best < inside_s.size - 1) & (strength > _FAINT * np.median(strength))
    mean = float(strength[clear].mean()) if clear.any() else 1.0
    return np.flatnonzero(clear), inside_s[best[clear]], strength[clear] / mean


def _sounds(levels: Levels, beats_s: _Doubles) -> _Doubles:
    """``[beats, parts]``: the logarithm of how much each part of the spectrum rises around a
    beat, from 40 ms before it to 40 ms after.
    """
    at = np.rint(beats_s * LEVELS_PER_S).astype(int)
    rises = np.zeros((beats_s.size, len(_PARTS)))
    for frame in range(-1, 3):
        before, after = (
            levels[np.clip(at + each, 0, len(levels) - 1)].astype(np.float64)
            for each in (frame - 1, frame)
        )
        rises += np.add.reduceat(np.maximum(after - before, 0.0), _PARTS, axis=1)
    return np.log(rises + _LEAST_RISE)

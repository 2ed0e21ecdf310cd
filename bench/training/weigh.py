"""What weighs the network's answers: fits to the pieces that it was not trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from autodj.audio.rhythm.activation import FRAMES_PER_S, Heard, stored_net
from autodj.audio.rhythm.bars import DOUBT, evidence, find_bars
from autodj.audio.rhythm.harmony import harmonic_changes
from autodj.audio.rhythm.opening import opening_s
from autodj.audio.rhythm.readings import readings
from autodj.audio.rhythm.rhythm import Sound, lead, measure_rhythm
from bench.training.examples import held_back
from bench.training.hearing import hear
from bench.truth.piece import Piece, stored

_NEAR_S = 0.07
_LEAST_RIGHT, _FEWEST = 0.8, 8
_SMOOTH = 1e-5
_SAME = 0.04

_Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """A piece with what was heard in it: ``weight`` makes every source count alike."""

    piece: Piece
    sound: Sound
    heard: Heard
    changes: NDArray[np.float32]
    weight: float


def weigh(truth: Path, weights: Path) -> None:
    """Print the constants of ``autodj.audio.rhythm``: what tells the bars, and how sure is what."""
    cases = _cases(truth, weights)
    sources = Counter(case.piece.truth.source for case in cases)
    print(f"{len(cases)} pieces held back: {dict(sorted(sources.items()))}")
    bars = fit_bars(cases)
    print("bars: heard and changes", bars[:-1].round(2).tolist(), "rare", round(float(bars[-1]), 2))
    print("bars: doubt fades by", round(fit_doubt(cases, bars), 2))
    print("tempo: sure", fit_sureness(cases, bars).round(2).tolist())


def _cases(truth: Path, weights: Path) -> list[Case]:
    pieces = [
        piece
        for piece in stored(truth / "tuning")
        if held_back(piece.name) and len(piece.truth.downbeats_s or ()) > _FEWEST
    ]
    counts = Counter(piece.truth.source for piece in pieces)
    cases, net = [], stored_net(weights)
    for piece in pieces:
        sound, heard = hear(piece.path, net)
        changes = harmonic_changes(sound.course, len(heard.odds))
        cases.append(Case(piece, sound, heard, changes, 1 / counts[piece.truth.source]))
    return cases


def fit_bars(cases: Sequence[Case]) -> _Doubles:
    """The weights of ``evidence`` and a constant: a logistic regression over the beats of the
    pieces whose beats were found, every piece of a source alike.
    """
    rows, begins, shares = [], [], []
    for case in cases:
        beats_s = _beats_found(case)
        if beats_s is not None:
            real_s = beats_s[_near(beats_s, np.array(case.piece.truth.beats_s))]
            at = np.rint(real_s * FRAMES_PER_S).astype(int).clip(0, len(case.heard.odds) - 1)
            rows.append(evidence(case.heard.odds[:, 1], case.changes)[at])
            begins.append(_near(real_s, np.array(case.piece.truth.downbeats_s)))
            shares.append(np.full(at.size, case.weight / at.size))
    columns = np.column_stack([np.concatenate(rows), np.ones(sum(map(len, rows)))])
    return _logistic(columns, np.concatenate(begins), np.concatenate(shares))


def fit_doubt(cases: Sequence[Case], bars: _Doubles) -> float:
    """The margin over which the doubt about bars falls to 1/e, by likelihood."""
    told = []
    for case in cases:
        beats_s = _beats_found(case)
        if beats_s is not None:
            found = find_bars(_begin(case, bars), beats_s, opening_s(case.sound.levels))
            right = _near(beats_s[found.downbeats], np.array(case.piece.truth.downbeats_s))
            told.append((found.margin, float(right.mean() >= _LEAST_RIGHT), case.weight))
    margin, right_share, weight = np.array(told).T

    def loss(fade: float) -> float:
        sure = 1 - DOUBT * np.exp(-margin / fade)
        likely = right_share * np.log(sure) + (1 - right_share) * np.log(1 - sure + _SMOOTH)
        return -float(weight @ likely)

    return float(scipy.optimize.minimize_scalar(loss, bounds=(0.05, 5.0), method="bounded").x)


def fit_sureness(cases: Sequence[Case], bars: _Doubles) -> _Doubles:
    """A constant and the weight of the lead: a logistic regression on whether the tempo is within
    4 %.
    """
    rows, right, shares = [], [], []
    for case in cases:
        bpm = case.piece.truth.bpm or 60 / float(np.median(np.diff(case.piece.truth.beats_s or ())))
        best, *others = readings(case.heard, _begin(case, bars))
        rows.append([1.0, lead(best, others[0] if others else None)])
        right.append(abs(best.bpm / bpm - 1) <= _SAME)
        shares.append(case.weight)
    return _logistic(np.array(rows), np.array(right), np.array(shares))


def _logistic(columns: _Doubles, right: NDArray[np.bool_], share: _Doubles) -> _Doubles:
    wanted, weight = right.astype(np.float64), share / share.sum()

    def loss(line: _Doubles) -> tuple[float, _Doubles]:
        odds = columns @ line
        likely = 0.5 + 0.5 * np.tanh(odds / 2)
        lost = weight @ (np.logaddexp(0, odds) - wanted * odds) + _SMOOTH * line @ line
        return float(lost), columns.T @ (weight * (likely - wanted)) + 2 * _SMOOTH * line

    return np.asarray(scipy.optimize.minimize(loss, np.zeros(columns.shape[1]), jac=True).x)


def _begin(case: Case, bars: _Doubles) -> NDArray[np.float32]:
    seen = evidence(case.heard.odds[:, 1], case.changes)
    return np.asarray(seen @ bars[:-1] + bars[-1], np.float32)


def _beats_found(case: Case) -> _Doubles | None:
    """The beats, in seconds; None where they are not those that were played."""
    played_s = np.array(case.piece.truth.beats_s)
    rhythm = measure_rhythm(case.sound, case.heard, len(case.heard.odds) / FRAMES_PER_S)
    if rhythm is None:
        return None
    found_s = rhythm.beats_s
    shares = _near(found_s, played_s).mean(), _near(played_s, found_s).mean()
    return found_s if min(shares) >= _LEAST_RIGHT else None


def _near(times_s: _Doubles, wanted_s: _Doubles) -> NDArray[np.bool_]:
    return np.asarray(np.abs(times_s[:, None] - wanted_s).min(axis=1) < _NEAR_S)

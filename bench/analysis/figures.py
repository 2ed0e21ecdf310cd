"""How close an answer comes to the truth, in the figures of mir_eval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from bench.truth.piece import Truth

TOLERANCE = 0.04
OCTAVES = (1.0, 2.0, 0.5, 3.0, 1 / 3)
CLOSE_BPM = 0.05
DRIFT_S, LEAST_DRIFT_MS = 240.0, 20.0
NEAR_S, EXACT_S = 0.07, 0.005
_FEWEST_BEATS, _FEWEST_DOWNBEATS = 8, 4

FIGURES = (
    "acc1", "acc2", "close", "in_time", "beat_f", "exact", "cmlt", "amlt", "downbeat_f",
    "key", "silent",
)  # fmt: skip
"""``acc1`` and ``acc2``: tempo within 4 %, the latter also at the double, half, triple and third.
``close``: within 0.05 BPM, and ``in_time``: less than 20 ms of drift in four minutes, both
whatever the octave. ``beat_f``, ``exact``, ``cmlt``, ``amlt``, ``downbeat_f``: over the beats after
the first five seconds; ``exact`` is ``beat_f`` within 5 ms, the usual distance of the piece taken
off, for a system may mean another moment of an attack. ``key``: MIREX's weighted score. ``silent``:
no tempo where there is none.
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system says of a piece. ``downbeats_s`` is None where it does not look for them."""

    bpm: float | None
    beats_s: tuple[float, ...]
    downbeats_s: tuple[float, ...] | None
    key: str | None

    def to_document(self) -> dict[str, object]:
        return asdict(self)


Figures = Mapping[str, float]


def judge(truth: Truth, answer: Answer) -> Figures:
    """The figures that the truth allows, each 0 to 1."""
    figures: dict[str, float] = {}
    if truth.bpm is not None and truth.steady:
        figures |= _tempo(truth.bpm, answer.bpm)
    if truth.beats_s is not None and len(truth.beats_s) > _FEWEST_BEATS:
        figures |= _beats(truth.beats_s, answer.beats_s)
    if truth.beats_s == ():
        figures["silent"] = float(answer.bpm is None)
    wanted = truth.downbeats_s
    if wanted is not None and answer.downbeats_s is not None and len(wanted) > _FEWEST_DOWNBEATS:
        figures["downbeat_f"] = _f_measure(_trimmed(wanted), _trimmed(answer.downbeats_s))
    if truth.key is not None:
        figures["key"] = key_score(truth.key, answer.key) if answer.key else 0.0
    return figures


def key_score(truth: str, heard: str) -> float:
    """MIREX's weighted score of a key such as ``C minor``, 0 to 1."""
    return float(_part("key").weighted_score(truth, heard))


def _part(name: str) -> ModuleType:
    """Of mir_eval, which takes seconds to import and is not needed by all who import this."""
    return import_module(f"mir_eval.{name}")


def _tempo(truth: float, bpm: float | None) -> Figures:
    if not bpm:
        return dict.fromkeys(("acc1", "acc2", "close", "in_time"), 0.0)
    nearest = min(OCTAVES, key=lambda octave: abs(np.log(bpm / (truth * octave))))
    same_octave = bpm / nearest
    drift_ms = 1000 * DRIFT_S * abs(truth / same_octave - 1)
    return {
        "acc1": float(abs(bpm - truth) <= TOLERANCE * truth),
        "acc2": float(abs(same_octave - truth) <= TOLERANCE * truth),
        "close": float(abs(same_octave - truth) <= CLOSE_BPM),
        "in_time": float(drift_ms < LEAST_DRIFT_MS),
    }


def _beats(truth: Sequence[float], beats_s: Sequence[float]) -> Figures:
    wanted, heard = _trimmed(truth), _trimmed(beats_s)
    if heard.size < 2:
        return dict.fromkeys(("beat_f", "exact", "cmlt", "amlt"), 0.0)
    _, correct, _, allowed = _part("beat").continuity(wanted, heard)
    return {
        "beat_f": _f_measure(wanted, heard),
        "exact": _f_measure(wanted, heard - _usual_distance_s(wanted, heard), EXACT_S),
        "cmlt": float(correct),
        "amlt": float(allowed),
    }


def _usual_distance_s(wanted: NDArray[np.float64], heard: NDArray[np.float64]) -> float:
    """The median of how much later beats are heard, of those that count as heard."""
    later_s = heard - wanted[np.abs(heard[:, None] - wanted).argmin(axis=1)]
    near_s = later_s[np.abs(later_s) <= NEAR_S]
    return float(np.median(near_s)) if near_s.size else 0.0


def _f_measure(
    wanted: NDArray[np.float64], heard: NDArray[np.float64], near_s: float = NEAR_S
) -> float:
    if not heard.size:
        return 0.0
    return float(_part("beat").f_measure(wanted, heard, f_measure_threshold=near_s))


def _trimmed(times_s: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(_part("beat").trim_beats(np.asarray(times_s, np.float64)))


def means(rows: Iterable[Figures]) -> dict[str, float]:
    """Each figure's mean in percent over the pieces that have it."""
    collected: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            collected.setdefault(name, []).append(value)
    return {name: 100 * float(np.mean(values)) for name, values in collected.items()}

"""The fits of what weighs the network's answers, on beats that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from autodj.audio.pitches import COURSE_PER_S
from autodj.audio.rhythm.activation import FRAMES_PER_S, TEMPI_BPM, Heard
from autodj.audio.rhythm.bands import BANDS
from autodj.audio.rhythm.harmony import harmonic_changes
from autodj.audio.rhythm.onsets import FRAMES_PER_S as ONSETS_PER_S
from autodj.audio.rhythm.rhythm import Sound
from bench.training.doubt import Excerpt, doubtful_rows
from bench.training.weigh import Case, fit_bars
from bench.truth.piece import Piece, Truth

LONG_S = 40.0
FIRST_S = 0.2
HEARD = 0


def case(bpm: float, *, harmony_tells: bool) -> Case:
    """Beats of 4/4 whose bars either the network hears or the harmony tells."""
    beats_s = np.arange(FIRST_S, LONG_S - 0.5, 60 / bpm)
    odds = np.full((round(LONG_S * FRAMES_PER_S), 2), -4.0, np.float32)
    odds[frames(beats_s, FRAMES_PER_S), 0] = 3.0
    odds[frames(beats_s, FRAMES_PER_S), 1] = -1.0
    onsets = np.zeros(round(LONG_S * ONSETS_PER_S), np.float32)
    onsets[frames(beats_s, ONSETS_PER_S)] = 1.0
    bars_s = beats_s[::4]
    if not harmony_tells:
        odds[frames(bars_s, FRAMES_PER_S), 1] = 3.0
    course = chords(bars_s if harmony_tells else bars_s[::50])
    heard = Heard(odds, np.full(TEMPI_BPM.size, -np.log(TEMPI_BPM.size), np.float32))
    truth = Truth(
        source="grooves", licence="", composition="", bpm=bpm, steady=True, metre=4,
        beats_s=tuple(beats_s), downbeats_s=tuple(bars_s),
    )  # fmt: skip
    levels = np.zeros((len(odds), BANDS), np.float16)
    changes = harmonic_changes(course, len(odds))
    return Case(Piece(Path("piece"), truth), Sound(onsets, levels, course), heard, changes, 1.0)


def frames(times_s: NDArray[np.float64], per_s: int) -> NDArray[np.int_]:
    return np.rint(times_s * per_s).astype(int)


def chords(starts_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Another fifth from each moment on, in both registers."""
    times_s = np.arange(round(LONG_S * COURSE_PER_S)) / COURSE_PER_S
    root = 5 * np.searchsorted(starts_s, times_s + 0.05)
    classes = np.zeros((times_s.size, 12), np.float32)
    for above in (0, 7):
        classes[np.arange(times_s.size), (root + above) % 12] = 0.5
    return np.concatenate([classes, classes], axis=1)


@pytest.mark.parametrize("harmony_tells", [True, False])
def test_what_tells_the_bars_gets_the_weight(harmony_tells: bool) -> None:
    line = fit_bars([case(bpm, harmony_tells=harmony_tells) for bpm in (100.0, 120.0)])
    heard, changes = line[HEARD], line[1:-1].sum()
    assert bool(changes > heard) is harmony_tells
    assert max(heard, changes) > 1.0


@pytest.mark.parametrize("true_rows", [0.0, 8.0, 30.0])
def test_what_short_excerpts_promise_too_much_is_taken_back(true_rows: float) -> None:
    """Keys that fall as the cooled odds say, of which each excerpt tells the odds as they were."""
    noise = np.random.default_rng(3)
    excerpts = []
    for rows in (1, 4, 16, 64) * 150:
        odds = noise.normal(0, 2, 24)
        shares = np.exp(odds * rows / (rows + true_rows))
        excerpts.append(Excerpt(rows, odds, int(noise.choice(24, p=shares / shares.sum()))))
    assert doubtful_rows(excerpts) == pytest.approx(true_rows, rel=0.3, abs=0.5)

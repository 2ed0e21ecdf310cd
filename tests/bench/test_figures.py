"""The figures say of known answers what they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.__main__ import Judged, tables
from bench.analysis.figures import FIGURES, Answer, judge, means
from bench.truth.piece import Truth

BEATS = tuple(np.arange(0, 60, 0.5).tolist())
TRUTH = Truth(
    "grooves", "public domain", "house/test-0", bpm=120.0, steady=True, metre=4,
    beats_s=BEATS, downbeats_s=BEATS[::4], key="A minor",
)  # fmt: skip
RIGHT = Answer(120.0, BEATS, BEATS[::4], "A minor")


def test_the_truth_itself_scores_everything() -> None:
    figures = judge(TRUTH, RIGHT)
    assert set(figures) == set(FIGURES) - {"silent"}
    assert all(value == 1.0 for value in figures.values())


@pytest.mark.parametrize(
    ("bpm", "acc1", "acc2", "close", "in_time"),
    [
        (120.04, 1, 1, 1, 0),
        (120.009, 1, 1, 1, 1),
        (124.0, 1, 1, 0, 0),
        (240.01, 0, 1, 1, 1),
        (180.0, 0, 0, 0, 0),
        (None, 0, 0, 0, 0),
    ],
)
def test_a_tempo_is_judged_by_octave_closeness_and_drift(
    bpm: float | None, acc1: float, acc2: float, close: float, in_time: float
) -> None:
    figures = judge(TRUTH, replace(RIGHT, bpm=bpm))
    assert [figures[name] for name in ("acc1", "acc2", "close", "in_time")] == [
        acc1, acc2, close, in_time,
    ]  # fmt: skip


def test_beats_at_half_the_tempo_count_only_where_octaves_are_allowed() -> None:
    figures = judge(TRUTH, replace(RIGHT, beats_s=BEATS[::2]))
    assert figures["amlt"] == pytest.approx(1.0)
    assert figures["cmlt"] == 0.0
    assert figures["beat_f"] == pytest.approx(2 / 3, abs=0.02)


def test_exact_beats_keep_their_distance_and_rough_ones_do_not() -> None:
    late = replace(RIGHT, beats_s=tuple(beat + 0.03 for beat in BEATS))
    rough = replace(RIGHT, beats_s=tuple(beat + 0.02 * (at % 2) for at, beat in enumerate(BEATS)))
    assert judge(TRUTH, late)["exact"] == 1.0
    assert judge(TRUTH, rough)["beat_f"] == 1.0
    assert judge(TRUTH, rough)["exact"] < 0.1


def test_downbeats_on_the_third_beat_are_wrong() -> None:
    assert judge(TRUTH, replace(RIGHT, downbeats_s=BEATS[2::4]))["downbeat_f"] == 0.0


def test_what_a_system_does_not_look_for_is_not_held_against_it() -> None:
    assert "downbeat_f" not in judge(TRUTH, replace(RIGHT, downbeats_s=None))


@pytest.mark.parametrize(
    ("key", "weight"), [("E minor", 0.5), ("C major", 0.3), ("A major", 0.2), ("Bb minor", 0.0)]
)
def test_a_key_that_is_near_counts_a_part(key: str, weight: float) -> None:
    assert judge(TRUTH, replace(RIGHT, key=key))["key"] == pytest.approx(weight)


def test_noise_is_judged_by_silence_alone() -> None:
    noise = Truth("plain", "public domain", "white noise/test-0", beats_s=(), downbeats_s=())
    assert judge(noise, RIGHT) == {"silent": 0.0}
    assert judge(noise, Answer(None, (), (), None)) == {"silent": 1.0}


def test_an_unsteady_piece_has_no_tempo_figures() -> None:
    assert not {"acc1", "close"} & set(judge(replace(TRUTH, steady=False), RIGHT))


def test_means_are_over_the_pieces_that_have_a_figure() -> None:
    assert means([{"acc1": 1.0}, {"acc1": 0.0, "key": 0.5}]) == {"acc1": 50.0, "key": 50.0}


def test_a_table_has_every_source_and_all_of_them() -> None:
    rows = [
        Judged("ours", "one", "grooves", 120, 120, {"acc1": 1.0}),
        Judged("ours", "two", "frets", 120, 60, {"acc1": 0.0}),
    ]
    _, head, frets, grooves, every = tables(rows)
    assert head.split()[:3] == ["ours", "pieces", "acc1"]
    assert [line.split() for line in (frets, grooves, every)] == [
        ["frets", "1", "0.0"], ["grooves", "1", "100.0"], ["all", "2", "50.0"],
    ]  # fmt: skip

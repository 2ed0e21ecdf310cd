"""What people know better, laid over what was measured."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.audio.facts import Analysis
from autodj.tracks.corrections.changes import Refusal, columns_of
from autodj.tracks.corrections.document import corrected, corrected_grid, measured_grid
from autodj.tracks.corrections.grid import Grid, multiplied, shifted, thinned
from autodj.tracks.corrections.values import Corrections, corrections_of
from tests.builders import make_track, make_user
from tests.tracks.test_exports import ANALYSIS, STEADY

DOCUMENT = ANALYSIS.to_document()
UNEVEN_S = (0.5, 1.0, 1.52, 2.1, 2.55, 3.1, 3.6, 4.2, 4.75, 5.2)
UNEVEN = replace(
    ANALYSIS,
    beats_s=UNEVEN_S,
    downbeats_s=UNEVEN_S[1::4],
    grid="variable",
    bpm=115.0,
    duration_s=6.0,
    sections=(),
    bar_energy=(),
).to_document()


def beats(document: dict[str, Any], corrections: Corrections) -> list[float]:
    found: list[float] = corrected(document, corrections)["beats_s"]
    return found


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Analyses with even and uneven beats in bars of three or four, some of them broken."""
    steps = draw(st.integers(8, 80))
    if draw(st.booleans()):
        period_s = draw(st.floats(0.25, 1.2))
        times = [0.2 + index * period_s for index in range(steps)]
        form = "constant"
    else:
        gaps = draw(st.lists(st.floats(0.3, 0.9), min_size=steps, max_size=steps))
        times = list(itertools.accumulate(gaps, initial=0.1))
        form = "variable"
    times = [round(at, 4) for at in times]
    metre = draw(st.sampled_from([3, 4]))
    first = draw(st.integers(0, metre - 1))
    downs = list(range(first, len(times), metre))
    if len(downs) > 3 and draw(st.booleans()):
        downs = [*downs[:2], *(index - 1 for index in downs[2:])]
    return {
        **DOCUMENT,
        "bpm": round(60 * (len(times) - 1) / (times[-1] - times[0]), 3),
        "beats_s": times,
        "downbeats_s": [times[index] for index in downs],
        "bar_energy": [0.5] * len(downs),
        "metre": metre,
        "grid": form,
        "duration_s": times[-1] + draw(st.floats(0.01, 3.0)),
        "sections": [],
    }


CORRECTIONS = st.builds(
    Corrections,
    bpm=st.none() | st.floats(40, 400),
    anchor_s=st.none(),
    shift_ms=st.none() | st.floats(-2000, 2000),
    downbeat_s=st.none() | st.floats(-2, 90),
    metre=st.none() | st.integers(2, 12),
)


@given(documents(), CORRECTIONS, st.none() | st.floats(-2, 90))
def test_any_correction_leaves_a_grid_that_is_one(
    document: dict[str, Any], corrections: Corrections, anchor_s: float | None
) -> None:
    if corrections.bpm is not None:
        corrections = replace(corrections, anchor_s=anchor_s)
    read = corrected(document, corrections)
    times = read["beats_s"]
    assert all(a < b for a, b in itertools.pairwise(times))
    assert 0 <= times[0] <= times[-1] <= document["duration_s"]
    assert read["downbeats_s"]
    assert set(read["downbeats_s"]) <= set(times)
    assert len(read["bar_energy"]) == len(read["downbeats_s"])
    if corrections.touch_the_grid:
        starts = [times.index(at) for at in read["downbeats_s"]]
        assert starts[0] < read["metre"] >= len(times) - starts[-1]
        assert max((b - a for a, b in itertools.pairwise(starts)), default=0) < 2 * read["metre"]
    assert read["bpm"] == (corrections.bpm or document["bpm"])
    assert Analysis.from_document(
        {name: read[name] for name in Analysis.__slots__}
    ).beats_s == tuple(times)


@given(documents(), st.integers(2, 4))
def test_twice_and_then_half_the_beats_are_the_beats(document: dict[str, Any], by: int) -> None:
    grid = measured_grid(document)
    assert grid is not None
    dense = multiplied(grid, by)
    assert set(grid.times_s) <= set(dense.times_s)
    assert set(grid.downbeats_s) <= set(dense.downbeats_s)
    first = dense.times_s.index(grid.times_s[0])
    assert dense.times_s[first::by][: len(grid.times_s)] == grid.times_s
    if grid.metre % by == 0:
        again = thinned(dense, by)
        inside = [at for at in again.times_s if grid.times_s[0] <= at <= grid.times_s[-1]]
        assert tuple(inside) == grid.times_s


@given(documents())
def test_half_the_beats_keep_the_first_downbeat_where_bars_are_regular(
    document: dict[str, Any],
) -> None:
    grid = measured_grid(document)
    assert grid is not None
    sparse = thinned(grid, 2)
    assert set(sparse.times_s) <= set(grid.times_s)
    regular = {b - a for a, b in itertools.pairwise(grid.downbeats)} <= {4}
    if regular:
        assert sparse.first_downbeat_s == grid.first_downbeat_s
        assert set(sparse.downbeats_s) <= set(grid.downbeats_s)


@given(documents(), st.floats(-500, 500), st.floats(-500, 500))
def test_nudges_add_up(document: dict[str, Any], one_ms: float, other_ms: float) -> None:
    grid = measured_grid(document)
    assert grid is not None
    both = shifted(grid, (one_ms + other_ms) / 1000)
    each = shifted(shifted(grid, one_ms / 1000), other_ms / 1000)
    inside = [at for at in each.times_s if 1.1 < at < document["duration_s"] - 1.1]
    assert all(min(abs(at - other) for other in both.times_s) < 0.0003 for at in inside)


@pytest.mark.parametrize("document", [DOCUMENT, UNEVEN], ids=["even", "uneven"])
def test_a_nudge_moves_every_beat_bar_section_and_cue(document: dict[str, Any]) -> None:
    moved = corrected(document, Corrections(shift_ms=-15.0))
    for name in ("beats_s", "downbeats_s"):
        expected = [at - 0.015 for at in document[name]]
        assert moved[name][: len(expected)] == pytest.approx(expected)
    assert moved["bpm"] == document["bpm"]
    assert [each["bar"] for each in moved["sections"]] == [
        each["bar"] for each in document["sections"]
    ]
    assert moved["grid"] == document["grid"]
    if document is DOCUMENT:
        assert moved["cues"]["drop"] == pytest.approx(9.235)
        assert moved["sections"][1]["start_s"] == pytest.approx(9.235)


def test_twice_the_tempo_of_an_uneven_track_follows_it() -> None:
    read = corrected(UNEVEN, Corrections(bpm=230.0))
    assert read["beats_s"][::2] == list(UNEVEN_S)
    assert read["beats_s"][1] == 0.75
    assert read["downbeats_s"][:3] == [1.0, 2.1, 3.1]
    assert (read["grid"], read["metre"]) == ("variable", 4)


def test_an_even_grid_goes_on_to_both_ends_of_the_track() -> None:
    for corrections in (Corrections(bpm=240.0), Corrections(shift_ms=500.0)):
        read = corrected(DOCUMENT, corrections)
        step_s = 60 / read["bpm"]
        assert read["beats_s"][0] < step_s
        assert read["duration_s"] - read["beats_s"][-1] <= step_s + 0.001


def test_an_exact_tempo_is_an_even_grid_through_its_anchor() -> None:
    for document in (DOCUMENT, UNEVEN):
        read = corrected(document, Corrections(bpm=118.37, anchor_s=1.1))
        steps = {round(b - a, 3) for a, b in itertools.pairwise(read["beats_s"])}
        assert steps == {0.507}
        assert 1.1 in read["downbeats_s"]
        assert read["grid"] == "constant"
        assert 0 <= read["beats_s"][0] < 0.507
        assert read["duration_s"] - read["beats_s"][-1] < 0.508


def test_a_tempo_without_an_anchor_goes_through_the_first_downbeat() -> None:
    read = corrected(DOCUMENT, Corrections(bpm=90.0))
    assert read["downbeats_s"][0] == 1.25
    assert read["beats_s"][0] == pytest.approx(1.25 - 60 / 90, abs=1e-4)


def test_a_track_that_is_too_short_for_a_beat_stays_as_it_was() -> None:
    short = {**DOCUMENT, "duration_s": 1.7, "beats_s": [0.1, 0.6], "downbeats_s": [0.1]}
    read = corrected(short, Corrections(bpm=20.0, anchor_s=2.0))
    assert (read["beats_s"], read["bpm"]) == ([0.1, 0.6], 120.0)


def test_a_tempo_for_a_track_without_beats_makes_some() -> None:
    silent = replace(ANALYSIS, bpm=None, beats_s=(), downbeats_s=(), sections=()).to_document()
    assert corrected_grid(silent, Corrections(metre=3)) is None
    assert corrected(silent, Corrections(metre=3))["beats_s"] == []
    read = corrected(silent, Corrections(bpm=120.0, downbeat_s=0.75))
    assert read["beats_s"][:3] == [0.25, 0.75, 1.25]
    assert read["downbeats_s"][0] == 0.75


def test_the_bar_begins_where_a_person_says() -> None:
    read = corrected(DOCUMENT, Corrections(downbeat_s=5.8))
    assert read["beats_s"] == list(STEADY)
    assert read["downbeats_s"] == list(STEADY[3::4])
    assert [(each["start_s"], each["bar"]) for each in read["sections"]] == [
        (0.75 + 1.0, 1),
        (9.75, 5),
    ]


def test_three_beats_are_a_bar_when_a_person_says_so() -> None:
    read = corrected(DOCUMENT, Corrections(metre=3))
    assert read["downbeats_s"] == list(STEADY[2::3])
    assert read["metre"] == 3
    [intro, drop] = read["sections"]
    assert (intro["bar"], intro["bars"]) == (1, 5)
    assert drop["bar"] == 6
    assert drop["start_s"] in read["downbeats_s"]
    assert read["cues"]["drop"] == drop["start_s"]


def test_the_energy_of_bars_goes_with_the_sound() -> None:
    document = {
        **DOCUMENT,
        "beats_s": list(STEADY[:16]),
        "downbeats_s": list(STEADY[0:16:4]),
        "bar_energy": [0.1, 0.3, 0.5, 0.9],
        "duration_s": 8.2,
        "sections": [],
    }
    assert corrected(document, Corrections(bpm=240.0))["bar_energy"][:4] == [0.1, 0.1, 0.3, 0.3]
    assert corrected(document, Corrections(bpm=60.0))["bar_energy"] == [0.2, 0.7]
    assert corrected(document, Corrections(shift_ms=20.0))["bar_energy"] == [0.1, 0.3, 0.5, 0.9]


def test_a_key_set_by_hand_has_its_names_on_both_wheels() -> None:
    read = corrected(DOCUMENT, Corrections(key="A minor"))
    assert (read["key"], read["camelot"], read["open_key"]) == ("A minor", "8A", "1m")
    assert read["beats_s"] == DOCUMENT["beats_s"]


def test_what_was_measured_stays_to_be_read() -> None:
    read = corrected(DOCUMENT, Corrections(bpm=60.0, key="A minor"))
    assert read["measured"]["bpm"] == 120.0
    assert read["measured"]["key"] == "Db minor"
    assert read["corrections"] == {"bpm": 60.0, "key": "A minor"}
    assert corrected(DOCUMENT, Corrections()) == DOCUMENT


def test_a_document_from_before_there_were_bars_can_be_corrected() -> None:
    old = {name: DOCUMENT[name] for name in ("version", "duration_s", "bpm", "beats_s", "key")}
    read = corrected(old, Corrections(downbeat_s=0.75))
    assert read["downbeats_s"] == list(STEADY[1::4])
    assert (read["sections"], read["cues"], read["bar_energy"]) == ([], {}, [])


@given(CORRECTIONS, CORRECTIONS)
def test_two_corrections_have_one_tag_when_they_are_the_same(
    one: Corrections, other: Corrections
) -> None:
    assert (one.tag == other.tag) == (one == other)


ROW = make_track(
    make_user().id, bpm=120.0, musical_key="Db minor", duration_s=21.0, first_downbeat_s=1.25
)


def after(asked: dict[str, Any], *more: dict[str, Any]) -> Corrections:
    """What a track has after one order and the next."""
    row = ROW.model_copy()
    for each in (asked, *more):
        for name, value in columns_of(each, row).items():
            setattr(row, name, value)
    return corrections_of(row)


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([{"tempo": "double"}], Corrections(bpm=240.0)),
        ([{"tempo": "half"}], Corrections(bpm=60.0)),
        ([{"tempo": "double"}, {"tempo": "half"}], Corrections()),
        ([{"tempo": "half"}, {"tempo": "half"}], Corrections(bpm=30.0)),
        ([{"bpm": 240.0}], Corrections(bpm=240.0)),
        ([{"bpm": 120.02}], Corrections(bpm=120.02, anchor_s=1.25)),
        ([{"bpm": 121.0}, {"bpm": 122.0}], Corrections(bpm=122.0, anchor_s=1.25)),
        ([{"bpm": 121.0}, {"tempo": "double"}], Corrections(bpm=242.0, anchor_s=1.25)),
        ([{"bpm": 121.0}, {"bpm": None}], Corrections()),
        ([{"bpm": 121.0, "anchor_s": 3.0}], Corrections(bpm=121.0, anchor_s=3.0)),
        ([{"bpm": 121.0}, {"anchor_s": None}], Corrections(bpm=121.0)),
        ([{"nudge_ms": 5.0}, {"nudge_ms": -1.0}], Corrections(shift_ms=4.0)),
        ([{"nudge_ms": 5.0}, {"nudge_ms": -5.0}], Corrections()),
        ([{"grid_shift_ms": 20.0}], Corrections(shift_ms=20.0)),
        ([{"grid_shift_ms": 20.0}, {"grid_shift_ms": None}], Corrections()),
        (
            [{"grid_shift_ms": 20.0}, {"downbeat_s": 2.02}],
            Corrections(shift_ms=20.0, downbeat_s=2.0),
        ),
        (
            [{"downbeat_s": 2.0}, {"nudge_ms": 20.0}],
            Corrections(shift_ms=20.0, downbeat_s=2.0),
        ),
        ([{"metre": 3}, {"downbeat_s": None}], Corrections(metre=3)),
        ([{"key": "A minor"}], Corrections(key="A minor")),
        ([{"key": "A minor"}, {"key": None}], Corrections()),
    ],
)
def test_orders_come_to_corrections(orders: list[dict[str, Any]], expected: Corrections) -> None:
    assert after(*orders) == expected


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"bpm": 100.0, "tempo": "double"}, "tempo"),
        ({"grid_shift_ms": 1.0, "nudge_ms": 1.0}, "nudge_ms"),
        ({"anchor_s": 1.0}, "anchor_s"),
        ({"bpm": 100.0, "anchor_s": 21.1}, "anchor_s"),
        ({"downbeat_s": 21.1}, "downbeat_s"),
    ],
)
def test_what_a_track_does_not_allow_is_refused(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(Refusal) as refused:
        columns_of(asked, ROW)
    assert refused.value.field == field


@pytest.mark.parametrize("bpm", [171.653, 133.939, 214.999])
def test_as_many_doublings_as_halvings_give_the_measured_tempo_back(bpm: float) -> None:
    row = ROW.model_copy(update={"bpm": bpm})
    for step in ("half", "half", "double", "double"):
        for name, value in columns_of({"tempo": step}, row).items():
            setattr(row, name, value)
    assert row.corrected_bpm is None


def test_a_tempo_stays_one_that_can_be() -> None:
    with pytest.raises(Refusal, match="480"):
        columns_of({"tempo": "double"}, ROW.model_copy(update={"corrected_bpm": 240.0}))
    with pytest.raises(Refusal, match="set bpm"):
        columns_of({"tempo": "double"}, ROW.model_copy(update={"bpm": None}))
    with pytest.raises(Refusal, match="2001"):
        columns_of({"nudge_ms": 1.0}, ROW.model_copy(update={"corrected_shift_ms": 2000.0}))


def test_a_grid_that_leaves_the_track_stays() -> None:
    short = Grid((0.1,), (0,), 4, is_even=False, duration_s=0.5)
    assert shifted(short, 2.0) == short

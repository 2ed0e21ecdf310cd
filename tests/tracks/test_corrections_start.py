"""Grids of which a beat comes a little before the track: lists tell it at 0."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autodj.audio.form import Cues, Section
from autodj.tracks.analyze import facts_of
from autodj.tracks.corrections.document import corrected
from autodj.tracks.corrections.values import Corrections
from tests.tracks.test_exports import ANALYSIS

PERIOD_S = 0.5
EARLY_S = -0.009


def starting_at(first_s: float) -> dict[str, Any]:
    """Even beats from ``first_s`` on, as an analysis tells them."""
    times_s = tuple(max(0.0, round(first_s + step * PERIOD_S, 4)) for step in range(40))
    return replace(
        ANALYSIS,
        duration_s=19.9,
        beats_s=times_s,
        downbeats_s=times_s[::4],
        sections=(Section("intro", times_s[0], 1, 4, 0.3), Section("drop", times_s[16], 5, 6, 0.9)),
        cues=Cues(cue_in=times_s[0], drop=times_s[16], cue_out=times_s[36]),
        bar_energy=(0.5,) * 10,
    ).to_document()


@pytest.mark.parametrize("shift_ms", [-1.0, -5.0, -15.0])
def test_a_nudge_to_before_the_start_loses_no_bar(shift_ms: float) -> None:
    document = starting_at(0.001)
    moved = corrected(document, Corrections(shift_ms=shift_ms))
    assert moved["beats_s"][:2] == [max(0.0, 0.001 + shift_ms / 1000), 0.501 + shift_ms / 1000]
    assert len(moved["downbeats_s"]) == len(document["downbeats_s"])
    assert [each["bar"] for each in moved["sections"]] == [1, 5]
    assert moved["cues"]["cue_in"] == moved["beats_s"][0]


def test_a_beat_that_is_nudged_well_before_the_start_is_gone() -> None:
    moved = corrected(starting_at(0.001), Corrections(shift_ms=-40.0))
    assert moved["beats_s"][0] == 0.461
    assert moved["downbeats_s"][0] == 1.961


@pytest.mark.parametrize(("shift_ms", "first_s"), [(5.0, 0.0), (20.0, 0.011)])
def test_a_nudge_moves_a_beat_from_where_it_is_and_not_from_where_it_is_told(
    shift_ms: float, first_s: float
) -> None:
    moved = corrected(starting_at(EARLY_S), Corrections(shift_ms=shift_ms))
    assert moved["beats_s"][:2] == pytest.approx([first_s, 0.491 + shift_ms / 1000])


@pytest.mark.parametrize("is_measured_again", [False, True])
def test_a_tempo_set_by_hand_goes_through_the_bar_and_not_through_the_start(
    *, is_measured_again: bool
) -> None:
    """Once it was ordered, the anchor is what the row told of the first downbeat."""
    document = starting_at(EARLY_S)
    anchor_s = None
    if is_measured_again:
        told = facts_of(replace(ANALYSIS, **_listed(document)))["first_downbeat_s"]
        assert isinstance(told, float)
        anchor_s = told
        document = starting_at(0.1)
    read = corrected(document, Corrections(bpm=121.0, anchor_s=anchor_s))
    expected = [0.0, *(EARLY_S + step * 60 / 121 for step in range(1, 4))]
    assert read["beats_s"][:4] == pytest.approx(expected, abs=1e-4)
    assert read["downbeats_s"][0] == 0.0


def test_twice_the_beats_lie_halfway_between_those_that_are() -> None:
    read = corrected(starting_at(EARLY_S), Corrections(bpm=240.0))
    assert read["beats_s"][:3] == pytest.approx([0.0, 0.241, 0.491])


def test_the_first_downbeat_of_a_track_is_where_its_grid_has_it() -> None:
    early, later = starting_at(EARLY_S), starting_at(0.25)
    assert facts_of(replace(ANALYSIS, **_listed(early)))["first_downbeat_s"] == EARLY_S
    assert facts_of(replace(ANALYSIS, **_listed(later)))["first_downbeat_s"] == 0.25
    uneven = {**_listed(early), "grid": "variable"}
    assert facts_of(replace(ANALYSIS, **uneven))["first_downbeat_s"] == 0.0
    assert facts_of(replace(ANALYSIS, beats_s=(), downbeats_s=()))["first_downbeat_s"] is None


def _listed(document: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(document[name]) for name in ("beats_s", "downbeats_s")}

"""The pieces of the bench of forms are what they say, and its figures count what lies where."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from autodj.audio.facts import Analysis
from autodj.audio.form import Cues, Section
from bench.form.figures import Bounds, judge_bounds, judge_cues, place
from bench.form.shapes import KINDS, Formed, Kind, Named, write_form
from tests.tracks.test_exports import ANALYSIS

BAR_S = 2.0
PIECE = Formed(
    title="",
    kind="dance",
    samples=np.zeros((2, 0), np.float32),
    downbeats_s=tuple(BAR_S * bar for bar in range(48)),
    parts=(Named("intro", 0), Named("build", 8), Named("drop", 16), Named("outro", 40)),
)


def found(*bars: float, cues: Cues | None = None) -> Analysis:
    sections = [Section("main", BAR_S * bar, 1, 1, 0.5) for bar in (0, *bars)]
    return replace(ANALYSIS, sections=tuple(sections), cues=cues or Cues())


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_is_as_long_as_its_parts_and_the_same_every_time(kind: Kind) -> None:
    for number in range(40):
        names, song = write_form(random.Random(number), kind)
        assert song == write_form(random.Random(number), kind)[1]
        assert song.style.beats == 4
        assert len(names) == len(song.sections)
        ends = [0, *(each.first + each.bars for each in song.sections)]
        assert [each.first for each in song.sections] == ends[:-1]
        for name, section in zip(names, song.sections, strict=True):
            assert name not in {"drop", "chorus"} or {"drums", "bass", "lead"} <= section.parts


@pytest.mark.parametrize(
    ("bars", "bounds"),
    [
        ((8, 16, 40), Bounds(3, 3, 3, 3)),
        ((8.2, 16.6, 40), Bounds(3, 3, 1, 3)),
        ((8, 8.05, 24), Bounds(3, 3, 1, 1)),
        ((), Bounds(3, 0, 0, 0)),
    ],
)
def test_bounds_are_paired_once_each(bars: tuple[float, ...], bounds: Bounds) -> None:
    assert judge_bounds(PIECE, found(*bars)) == bounds


def test_a_cue_lies_on_its_bar_or_is_told_apart() -> None:
    cues = Cues(cue_in=0.1, intro_end=32.0, drop=33.9, outro_start=64.0, cue_out=None)
    assert judge_cues(PIECE, found(cues=cues)) == {
        "cue in": "on the bar",
        "intro end": "on the bar",
        "outro start": "elsewhere",
        "cue out": "missing",
        "drop": "a bar off",
    }
    song = replace(PIECE, kind="song", parts=(Named("verse", 0), Named("chorus", 16)))
    judged = judge_cues(song, found(cues=replace(cues, outro_start=None)))
    assert judged == {"cue in": "on the bar", "intro end": "invented", "cue out": "missing"}
    assert place(None, (), BAR_S) == ""

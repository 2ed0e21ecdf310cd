from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from autodj.audio import structure
from autodj.audio.form import Silences
from autodj.audio.silence import find_silences
from autodj.audio.structure import NOTHING, energy_number, find_structure

BAR_S = 2.0
QUIET, LOUD = -30.0, -10.0
EVERYTHING = np.linspace(1.0, 0.5, 48)
DRUMS = np.where(np.arange(48) < 20, EVERYTHING, 0.02)
Loudness = NDArray[np.float64]


def track(*parts: tuple[int, float]) -> tuple[NDArray[np.float16], NDArray[np.float64]]:
    """Band levels and momentary loudness of parts of so many bars and such loudness; loud parts
    have a beat every half second.
    """
    bars = np.repeat([loud for _, loud in parts], [count for count, _ in parts])
    loudness = np.repeat(bars, round(10 * BAR_S)).astype(np.float64)
    strength = np.clip((np.repeat(bars, round(50 * BAR_S)) + 40) / 30, 0, None)
    beats = np.where(np.arange(strength.size) % 25 == 0, 1.0, 0.4)
    levels = np.outer(strength * beats, np.linspace(1.0, 0.5, 48))
    return levels.astype(np.float16), loudness


def coloured(*parts: tuple[int, NDArray[np.float64]]) -> tuple[NDArray[np.float16], Loudness]:
    """Parts of so many bars, all equally loud and with a beat every half second, that fill the
    48 bands as given.
    """
    beats = np.where(np.arange(round(50 * BAR_S)) % 25 == 0, 1.0, 0.4)
    levels = np.concatenate([np.outer(np.tile(beats, bars), bands) for bars, bands in parts])
    return (3 * levels).astype(np.float16), np.full(len(levels) // 5, LOUD)


def downbeats(bars: int) -> NDArray[np.float64]:
    return np.arange(bars, dtype=np.float64) * BAR_S


def test_sections_are_found_where_the_energy_changes_and_named_by_it() -> None:
    levels, loudness = track((8, QUIET), (16, LOUD), (8, QUIET), (16, LOUD), (8, QUIET))
    form = find_structure(levels, loudness, downbeats(56))
    found = [(each.label, each.bar, each.bars) for each in form.sections]
    assert found == [
        ("intro", 1, 8),
        ("drop", 9, 16),
        ("break", 25, 8),
        ("drop", 33, 16),
        ("outro", 49, 8),
    ]
    assert len(form.energy) == 56
    assert form.energy[10] > 2 * form.energy[2]


def test_an_intro_that_builds_up_in_steps_is_one_section() -> None:
    levels, loudness = track((8, -40.0), (8, QUIET), (16, LOUD))
    form = find_structure(levels, loudness, downbeats(32))
    assert [(each.label, each.bars) for each in form.sections] == [("intro", 16), ("drop", 16)]


def test_cues_lie_on_the_downbeats_of_the_sections() -> None:
    levels, loudness = track((8, QUIET), (16, LOUD), (8, QUIET))
    cues = find_structure(levels, loudness, downbeats(32)).cues
    assert (cues.cue_in, cues.intro_end, cues.drop) == (0.0, 16.0, 16.0)
    assert (cues.outro_start, cues.cue_out) == (48.0, 62.0)


def test_a_track_that_stays_as_it_is_is_one_main_section_without_drop() -> None:
    levels, loudness = track((32, LOUD))
    form = find_structure(levels, loudness, downbeats(32))
    assert [each.label for each in form.sections] == ["main"]
    assert (form.cues.intro_end, form.cues.drop, form.cues.outro_start) == (None, None, None)


def test_drums_alone_are_loud_and_yet_an_intro_and_an_outro() -> None:
    levels, loudness = coloured((16, DRUMS), (16, EVERYTHING), (16, DRUMS))
    form = find_structure(levels, loudness, downbeats(48))
    found = [(each.label, each.bars) for each in form.sections]
    assert found == [("intro", 16), ("drop", 16), ("outro", 16)]
    assert (form.cues.intro_end, form.cues.drop, form.cues.outro_start) == (32.0, 32.0, 64.0)


def test_an_intro_ends_where_it_breaks_down() -> None:
    levels, loudness = track((16, -14.0), (8, QUIET), (16, LOUD))
    levels[: round(16 * 50 * BAR_S)] *= DRUMS.astype(np.float16)
    form = find_structure(levels, loudness, downbeats(40))
    assert [(each.label, each.bars) for each in form.sections] == [
        ("intro", 16),
        ("break", 8),
        ("drop", 16),
    ]
    assert (form.cues.intro_end, form.cues.drop) == (32.0, 48.0)


def test_a_band_that_comes_in_ends_the_intro_before_all_of_it_plays() -> None:
    quiet, drums, full = 0.2 * EVERYTHING, DRUMS, EVERYTHING
    levels, loudness = coloured((8, quiet), (16, drums), (16, full))
    loudness[: round(8 * 10 * BAR_S)] = QUIET
    form = find_structure(levels, loudness, downbeats(40))
    found = [(each.label, each.bars) for each in form.sections]
    assert found == [("intro", 8), ("main", 16), ("drop", 16)]
    assert (form.cues.intro_end, form.cues.drop) == (16.0, 48.0)


def test_a_drop_stands_out_from_the_weakest_since_what_was_full() -> None:
    levels, loudness = track((16, LOUD), (8, QUIET), (8, -16.0), (16, LOUD))
    form = find_structure(levels, loudness, downbeats(48))
    assert [each.label for each in form.sections] == ["main", "break", "drop"]


def test_long_parts_that_are_full_in_another_way_stay_apart() -> None:
    levels, loudness = coloured((16, EVERYTHING), (16, EVERYTHING[::-1]), (16, EVERYTHING))
    form = find_structure(levels, loudness, downbeats(48))
    assert [(each.label, each.bars) for each in form.sections] == [("main", 16)] * 3


def test_a_hidden_track_is_a_section_of_its_own_and_sets_no_cue() -> None:
    levels, loudness = track((8, QUIET), (16, LOUD), (16, -90.0), (12, LOUD))
    form = find_structure(levels, loudness, downbeats(52))
    found = [(each.label, each.bar, each.bars) for each in form.sections]
    assert found == [("intro", 1, 8), ("drop", 9, 16), ("hidden", 25, 28)]
    assert (form.cues.outro_start, form.cues.cue_out) == (None, 46.0)
    assert len(form.energy) == 52
    assert form.energy[-1] > form.energy[30]


def test_a_tail_that_fades_out_is_no_place_to_mix_out() -> None:
    levels, loudness = track((16, LOUD), (6, LOUD - 35))
    form = find_structure(levels, loudness, downbeats(22))
    assert (form.cues.outro_start, form.cues.cue_out) == (None, 30.0)
    levels, loudness = track((16, LOUD), (2, LOUD - 35))
    assert find_structure(levels, loudness[:325], downbeats(17)).cues.cue_out == 30.0
    levels, loudness = track((16, LOUD), (2, LOUD - 25))
    assert find_structure(levels, loudness, downbeats(18)).cues.cue_out == 34.0
    assert find_structure(levels, loudness[:325], downbeats(17)).cues.cue_out == 30.0


def test_cues_stay_out_of_the_silence() -> None:
    levels, loudness = track((4, -90.0), (16, LOUD), (4, -90.0))
    cues = find_structure(levels, loudness, downbeats(24)).cues
    assert (cues.cue_in, cues.cue_out) == (8.0, 38.0)


@pytest.mark.parametrize("at_once", [1, 5, 100])
def test_bars_are_summed_some_at_a_time_without_a_seam(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels, loudness = track((8, QUIET), (16, LOUD), (8, QUIET))
    noisy = levels * np.random.default_rng(7).random(levels.shape)
    # Some fall on one frame, and some on the end.
    uneven_s = np.sort(np.append(downbeats(32), [8.0, 8.001, 14.7, 64.0, 64.0]))
    whole = find_structure(noisy.astype(np.float16), loudness, uneven_s)
    monkeypatch.setattr(structure, "_BARS_AT_ONCE", at_once)
    assert find_structure(noisy.astype(np.float16), loudness, uneven_s) == whole


@pytest.mark.parametrize("bars", [0, 1, 7])
def test_a_few_bars_have_no_form(bars: int) -> None:
    levels, loudness = track((8, LOUD))
    assert find_structure(levels, loudness, downbeats(bars)) == NOTHING


@pytest.mark.parametrize(
    ("parts_s", "silences"),
    [
        ([(1.0, LOUD)], Silences()),
        ([(3.0, -90.0)], Silences(leading_s=3.0)),
        ([(0.5, -90.0), (9.0, LOUD), (4.0, -90.0)], Silences(0.5, 4.0)),
        ([(9.0, LOUD), (1.9, -90.0), (9.0, LOUD)], Silences()),
        ([(9.0, LOUD), (3.0, -90.0), (9.0, LOUD)], Silences(pauses_s=((9.0, 12.0),))),
        (
            [(9.0, LOUD), (60.0, -90.0), (30.0, LOUD)],
            Silences(pauses_s=((9.0, 69.0),), hidden_track_s=69.0),
        ),
        ([(9.0, LOUD), (60.0, -90.0), (5.0, LOUD)], Silences(pauses_s=((9.0, 69.0),))),
    ],
    ids=["none", "all", "around", "short", "pause", "hidden", "only a noise"],
)
def test_silences_are_told_from_pauses_and_hidden_tracks(
    parts_s: list[tuple[float, float]], silences: Silences
) -> None:
    loudness = np.concatenate([np.full(round(10 * seconds), loud) for seconds, loud in parts_s])
    assert find_silences(loudness) == silences


def test_louder_busier_and_faster_is_more_energy() -> None:
    calm, wild = np.full(1000, 0.01, np.float32), np.full(1000, 0.2, np.float32)
    assert energy_number(-30.0, calm, 60.0) == 1
    assert energy_number(-6.0, wild, 180.0) == 10
    assert energy_number(-14.0, calm, 120.0) == 4
    assert energy_number(None, calm, None) is None

"""The band of the training: its feels are sound, and what it plays lies where it says."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from bench.truth.band import figure, play_drums, play_notes, write_song
from bench.truth.feels import FEELS, TAMBOURINE
from bench.truth.performance import perform
from bench.truth.piece import RATE_HZ
from bench.truth.sources import ostinati, sessions
from bench.truth.styles import STYLES, VELOCITIES, Style


@pytest.mark.parametrize("style", FEELS, ids=lambda style: style.name)
def test_every_row_of_a_feel_fills_a_bar(style: Style) -> None:
    for drum, rows in style.rows.items():
        assert drum in {*VELOCITIES, TAMBOURINE}
        for row in rows:
            assert len(row) == style.beats * style.steps, row
            assert set(row) <= set("Xxo.")
    assert style.slowest_bpm < style.fastest_bpm
    assert style.name not in STYLES
    assert not (style.electronic and TAMBOURINE in style.rows)


@pytest.mark.parametrize("style", FEELS, ids=lambda style: style.name)
def test_a_band_stays_inside_its_song(style: Style) -> None:
    dice = random.Random(style.name)
    song = write_song(dice, style, 24, has_drums=True)
    beats = song.bars * style.beats
    assert song.bars >= 24
    assert song.sections[-1].first + song.sections[-1].bars == song.bars
    notes, hits = play_notes(dice, song), play_drums(dice, song)
    assert notes
    assert all(0 <= note.start < min(note.end, beats) for note in notes)
    assert hits
    assert all(0 <= hit.beat < beats and 1 <= hit.velocity <= 127 for hit in hits)


def test_a_song_without_drums_always_has_chords() -> None:
    song = write_song(random.Random(1), FEELS[0], 60, has_drums=False)
    assert all("comp" in section.parts for section in song.sections)
    assert play_drums(random.Random(1), song) == []


def test_figures_prefer_the_beats_unless_they_are_syncopated() -> None:
    plain, free = (
        [place for seed in range(300) for place in figure(random.Random(seed), 4, 4, 0.8, share)]
        for share in (0.0, 1.0)
    )
    on_beats = [sum(place % 1 == 0 for place in each) / len(each) for each in (plain, free)]
    assert on_beats[0] > 0.4
    assert on_beats[1] == pytest.approx(0.25, abs=0.04)


def test_a_session_is_in_the_training_alone() -> None:
    assert len(sessions.compositions("tuning", None)) > 1_000
    assert sessions.compositions("test", None) == []
    held_out = {name for name, style in STYLES.items() if style.held_out}
    assert not held_out & {each.split("/")[0] for each in sessions.compositions("tuning", None)}


def test_the_drums_of_a_band_sound_on_its_beats() -> None:
    style = next(each for each in FEELS if each.name == "hard")
    dice = random.Random(4)
    song = write_song(dice, style, 8, has_drums=True)
    seconds = 60 / 150
    samples = perform(
        dice, (), play_drums(dice, song), lambda beat: beat * seconds, 8 * 4 * seconds, "tuning",
        electronic=True, beat_s=seconds,
    )  # fmt: skip
    loudness = np.square(samples).sum(axis=0).cumsum()
    at = (np.arange(28) * seconds * RATE_HZ).astype(int)
    window, half = RATE_HZ // 10, round(seconds / 2 * RATE_HZ)
    on, off = (float((loudness[at + s + window] - loudness[at + s]).mean()) for s in (0, half))
    assert on > 1.2 * off


@pytest.mark.parametrize("style", FEELS, ids=lambda style: style.name)
def test_what_lies_across_the_beat_stays_in_the_song_and_is_even(style: Style) -> None:
    dice = random.Random(style.name)
    song = write_song(dice, style, 16, has_drums=True)
    notes = ostinati.across(dice, song)
    assert all(0 <= note.start < song.bars * style.beats for note in notes)
    assert all(note.end > note.start for note in notes)
    starts = np.unique([round(note.start, 6) for note in notes])
    share_on_beats = float((starts % 1 == 0).mean()) if starts.size else 0.0
    assert share_on_beats < 0.67


def test_most_ostinati_count_in_threes() -> None:
    apart = []
    style = next(each for each in FEELS if each.name == "electro")
    for seed in range(200):
        dice = random.Random(seed)
        notes = ostinati.across(dice, write_song(dice, style, 16, has_drums=True))
        apart += [round(b.start - a.start, 6) for a, b in pairwise(notes)]
    assert 0.3 < sum(each == 0.75 for each in apart) / len(apart) < 0.8


def test_ostinati_are_in_the_training_alone() -> None:
    assert len(ostinati.compositions("tuning", None)) > 400
    assert ostinati.compositions("test", None) == []

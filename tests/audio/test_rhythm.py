"""The parts of the rhythm, each on curves whose beats are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.pitches import COURSE_PER_S, NO_COURSE
from autodj.audio.rhythm import harmony
from autodj.audio.rhythm.activation import FRAMES_PER_S, TEMPI_BPM, Heard, shipped_net
from autodj.audio.rhythm.bands import BANDS, Levels
from autodj.audio.rhythm.bars import bar_odds, find_bars
from autodj.audio.rhythm.grid import evenness, place_grid, share_in_time
from autodj.audio.rhythm.harmony import CHANGES, harmonic_changes
from autodj.audio.rhythm.line import straighten, whole_tempo
from autodj.audio.rhythm.onsets import FRAMES_PER_S as ONSETS_PER_S
from autodj.audio.rhythm.opening import opening_s
from autodj.audio.rhythm.pace import HOP_S, find_paces, leaves, usual_pace
from autodj.audio.rhythm.path import follow_beats
from autodj.audio.rhythm.readings import readings
from autodj.audio.rhythm.rhythm import Sound, measure_rhythm
from autodj.audio.rhythm.stretches import even_stretches, straighten_stretches

LONG_S = 60.0


def odds_at(times_s: NDArray[np.float64], high: float = 3.0, low: float = -4.0) -> Floats:
    """Log odds that are high on the frame of each moment."""
    odds = np.full(round(LONG_S * FRAMES_PER_S), low, np.float32)
    odds[np.rint(times_s * FRAMES_PER_S).astype(int)] = high
    return odds


def even(bpm: float, first_s: float = 0.1) -> NDArray[np.float64]:
    return np.asarray(np.arange(first_s, LONG_S - 0.1, 60 / bpm))


def course_of(roots: NDArray[np.int_], first_s: float) -> Floats:
    """Fifths over one root after another, each a tenth of a second, from ``first_s`` on and from
    the start again until the end.
    """
    tenths = np.arange(round(LONG_S * COURSE_PER_S)) - round(first_s * COURSE_PER_S)
    root = roots[tenths % roots.size]
    classes = np.zeros((root.size, 12), np.float32)
    for above in (0, 7):
        classes[np.arange(root.size), (root + above) % 12] = 0.5
    return np.concatenate([classes, classes], axis=1)


def heard(beats: Floats, likely_bpm: float | None = None) -> Heard:
    near = np.zeros(TEMPI_BPM.size)
    if likely_bpm is not None:
        near = -0.5 * np.square(np.log(TEMPI_BPM / likely_bpm) / 0.05)
    tempi = near - np.logaddexp.reduce(near)
    return Heard(np.stack([beats, np.zeros_like(beats)], axis=1), tempi.astype(np.float32))


def test_long_music_is_read_in_stretches_without_a_seam() -> None:
    noise = np.random.default_rng(3)
    levels = np.abs(noise.normal(0, 2, (13_000, BANDS))).astype(np.float16)
    net = shipped_net()
    whole, later = net(levels), net(levels[5_000:])
    middle = 1_000
    np.testing.assert_allclose(
        whole.odds[5_000 + middle :], later.odds[middle:], rtol=1e-3, atol=1e-3
    )
    assert np.exp(whole.tempi.astype(float)).sum() == pytest.approx(1, abs=1e-4)


def test_no_sound_is_read_as_no_frames() -> None:
    assert shipped_net()(np.zeros((0, BANDS), np.float16)).odds.shape == (0, 2)


@pytest.mark.parametrize("bpm", [60.0, 88.0, 120.0, 174.0])
def test_the_pace_of_the_beats_is_read(bpm: float) -> None:
    beats = even(bpm)
    best = readings(heard(odds_at(beats)), odds_at(beats[::4]))[0]
    assert best.bpm == pytest.approx(bpm, rel=0.02)


@pytest.mark.parametrize(("slow_bpm", "read_bpm"), [(80.0, 160.0), (100.0, 100.0)])
def test_what_would_be_very_fast_is_read_at_half_the_pace(slow_bpm: float, read_bpm: float) -> None:
    beats, between = even(slow_bpm), even(2 * slow_bpm)
    both = np.maximum(odds_at(beats, high=1.5), odds_at(between, high=0.8))
    best = readings(heard(both), odds_at(beats[::4]))[0]
    assert best.bpm == pytest.approx(read_bpm, rel=0.02)


@pytest.mark.parametrize("likely_bpm", [70.0, 140.0])
def test_what_the_network_hears_as_a_whole_decides_the_octave(likely_bpm: float) -> None:
    beats, between = even(70.0), even(140.0)
    doubtful = np.maximum(odds_at(beats, high=1.5), odds_at(between, high=-0.2))
    read = readings(heard(doubtful, likely_bpm), odds_at(beats[::4]))
    assert read[0].bpm == pytest.approx(likely_bpm, rel=0.02)
    assert {round(each.bpm / 70) for each in read} == {1, 2}


def test_nothing_that_repeats_has_no_tempo() -> None:
    flat = np.full(3_000, -2.0, np.float32)
    assert readings(heard(flat), flat) == []


def test_a_steady_grid_collects_all_that_can_be_collected() -> None:
    odds = odds_at(even(120.0))
    start_s, _ = place_grid(odds, 2.0)
    assert start_s == pytest.approx(0.1, abs=0.02)
    assert share_in_time(odds, 2.0, start_s) > 0.95


@pytest.mark.parametrize(
    ("opening", "between", "phase_s"),
    [(0.1, 1.4, 0.1), (0.35, 1.4, 0.35), (0.1, 3.5, 0.35), (0.2, 1.4, 0.35), (None, 1.4, 0.35)],
    ids=["on one", "on the other", "against all evidence", "on neither", "silence"],
)
def test_beats_lie_where_the_music_begins_unless_more_says_otherwise(
    opening: float | None, between: float, phase_s: float
) -> None:
    beats = even(120.0)
    unsure = np.maximum(odds_at(beats, high=1.0), odds_at(beats + 0.25, high=between))
    start_s, _ = place_grid(unsure, 2.0, opening)
    assert start_s == pytest.approx(phase_s, abs=0.02)


def test_stretches_whose_off_beats_sound_like_beats_keep_the_pace() -> None:
    """A break in which the hi-hat takes over is no change of tempo; another pace is one."""
    beats = even(120.0)
    turned = np.where(beats > LONG_S / 2, beats + 0.25, beats)
    slower = np.concatenate([beats[beats < LONG_S / 2], even(112.0)[even(112.0) > LONG_S / 2]])
    assert share_in_time(odds_at(turned[:-1]), 2.0, 0.1) > 0.9
    assert share_in_time(odds_at(slower), 2.0, 0.1) < 0.75


def attacks_at(times_s: NDArray[np.float64]) -> Floats:
    """An onset curve (100 frames a second) with a crest of three frames at each moment."""
    curve = np.zeros(round(LONG_S * ONSETS_PER_S), np.float32)
    at = np.rint(times_s * ONSETS_PER_S).astype(int)
    for step, height in ((-1, 0.5), (0, 1.0), (1, 0.5)):
        curve[at + step] = height
    return curve


@pytest.mark.parametrize(
    ("played_s", "is_even"),
    [(0.0, True), (0.006, True), (0.03, False)],
    ids=["a sequencer", "a quantised take", "by hand"],
)
def test_what_a_sequencer_plays_keeps_one_grid_though_the_beats_seem_to_move(
    played_s: float, is_even: bool
) -> None:
    """For ten seconds and again the network takes the syncopation, a quarter later, for beats."""
    noise = np.random.default_rng(8)
    beats, quarters = even(120.0, first_s=0.5), even(480.0, first_s=0.5)
    attacks = attacks_at(quarters + noise.normal(0, played_s, quarters.size))
    odds = odds_at(beats + 0.125 * (beats % 20 > 10))
    still = np.zeros((odds.size, BANDS), np.float16)
    no_harmony = np.zeros((round(LONG_S * COURSE_PER_S), NO_COURSE.shape[1]), np.float32)
    rhythm = measure_rhythm(Sound(attacks, still, no_harmony), heard(odds, 120.0), LONG_S)
    assert rhythm is not None
    assert rhythm.is_constant == is_even
    if is_even:
        assert rhythm.bpm == pytest.approx(120.0, abs=0.01)


def paced(*bpm: float) -> NDArray[np.float64]:
    """Beats of paces that share the time alike."""
    times: list[float] = [0.1]
    while times[-1] < LONG_S - 1:
        times.append(times[-1] + 60 / bpm[int(times[-1] * len(bpm) / LONG_S)])
    return np.array(times)


def test_a_pace_is_found_wherever_it_is_another() -> None:
    true = paced(100, 130, 115)
    paces = find_paces(heard(odds_at(true)), 115)
    assert paces.bpm.size == LONG_S / HOP_S
    for third, bpm in enumerate((100, 130, 115)):
        inner = paces.bpm[10 * third + 2 : 10 * third + 8]
        assert inner == pytest.approx(np.full(inner.size, bpm), rel=0.02)
    assert paces.score > 3
    beats = follow_beats(odds_at(true), paces.bpm, HOP_S)
    assert beats == pytest.approx(true, abs=0.011)


def test_a_stretch_without_beats_has_the_pace_of_what_is_around_it() -> None:
    odds = odds_at(even(125))
    odds[1000:2500] = -6.0
    assert find_paces(heard(odds), 125).bpm == pytest.approx(np.full(30, 125.0))


def test_the_usual_pace_is_the_one_that_half_of_the_time_goes_faster_than() -> None:
    for paces, usual in (((100, 130, 130), 130), ((100, 130, 100), 100), ((90, 120, 100), 100)):
        true = paced(*paces)
        found = find_paces(heard(odds_at(true)), 110)
        assert usual_pace(found, true) == pytest.approx(usual, abs=0.3)
    assert usual_pace(found, true[:1]) == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize("pause", [(0.2, 0.6), (0.4, 0.8)])
def test_a_silence_has_no_say_in_the_usual_pace(pause: tuple[float, float]) -> None:
    """The song before it lasts half as long as the one after it, or twice as long."""
    begin_s, end_s = (share * LONG_S for share in pause)
    songs = (even(100.0), even(130.0))
    true = np.concatenate([songs[0][songs[0] < begin_s], songs[1][songs[1] >= end_s]])
    usual = 130 if pause[0] < 1 - pause[1] else 100
    found = find_paces(heard(odds_at(true)), 115)
    assert usual_pace(found, true) == pytest.approx(usual, abs=0.3)


def test_where_nothing_is_beaten_the_paces_are_all_there_is() -> None:
    nowhere = odds_at(np.zeros(0))
    assert usual_pace(find_paces(heard(nowhere), 110), np.zeros(0)) == pytest.approx(110, rel=0.02)


def roughly(times_s: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """As beats are followed: to about 5 ms."""
    off_s = np.random.default_rng(seed).normal(0.0, 0.005, times_s.size)
    return np.asarray(times_s + off_s.clip(-0.015, 0.015))


@pytest.mark.parametrize("seed", range(5))
def test_beats_that_keep_a_tempo_for_a_while_are_even_there(seed: int) -> None:
    true = paced(100, 140)
    followed = roughly(true, seed)
    straight = straighten_stretches(followed)
    change = int(np.flatnonzero(np.diff(true) < 0.5)[0])
    inner = np.ones(true.size, bool)
    inner[change - 8 : change + 8] = False
    assert np.abs(followed - true)[inner].max() > 0.01
    assert np.abs(straight - true)[inner].max() < 0.004
    assert len(even_stretches(followed)) == 2


@pytest.mark.parametrize("seed", range(5))
def test_a_tempo_that_climbs_slowly_is_on_no_line(seed: int) -> None:
    beats = np.arange(100.0)
    followed = roughly(0.5 * beats - 0.0004 * np.square(beats), seed)
    assert even_stretches(followed) == []
    assert np.array_equal(straighten_stretches(followed), followed)


@pytest.mark.parametrize("count", [0, 1, 2, 31])
def test_few_beats_are_left_as_they_are(count: int) -> None:
    followed = roughly(0.5 * np.arange(float(count)), 1)
    assert np.array_equal(straighten_stretches(followed), followed)


@pytest.mark.parametrize("count", [32, 33, 100, 5000])
def test_a_line_is_followed_to_its_end(count: int) -> None:
    assert even_stretches(roughly(0.5 * np.arange(float(count)), 2)) == [(0, count)]


@pytest.mark.parametrize("parts", [4.0, 2.0, 4 / 3], ids=["sixteenths", "eighths", "dotted"])
def test_another_pace_counts_only_where_the_attacks_leave_the_grid_too(parts: float) -> None:
    """The odds move to 96 for a while; the attacks of sixteenths of 128 do not."""
    moved = find_paces(heard(odds_at(paced(128, 96, 128))), 128)
    grid, true = np.zeros((2, round(LONG_S * ONSETS_PER_S)), np.float32)
    grid[np.rint(np.arange(0, LONG_S, 60 / 128 / parts) * ONSETS_PER_S).astype(int)[:-1]] = 1
    true[np.rint(paced(128, 96, 128) * ONSETS_PER_S).astype(int)] = 1
    assert leaves(moved, 128, true, 0.8)
    assert not leaves(moved, 128, grid, 0.8)
    assert not leaves(find_paces(heard(odds_at(even(128))), 128), 128, true, 0.8)


def test_no_attacks_keep_no_grid() -> None:
    assert evenness(np.zeros(1_000, np.float32), 2.0) == 0.0


@pytest.mark.parametrize("metre", [3, 4])
@pytest.mark.parametrize("first", [0, 1, 2])
def test_bars_start_where_the_downbeats_are(metre: int, first: int) -> None:
    beats = even(120.0)
    bars = find_bars(odds_at(beats[first::metre], high=1.0), beats)
    assert bars.metre == metre
    np.testing.assert_array_equal(bars.downbeats, np.arange(first, beats.size, metre))
    assert bars.confidence > 0.9


@pytest.mark.parametrize(
    ("opening_s", "first"),
    [(0.12, 0), (0.62, 1), (0.35, 2), (None, 2)],
    ids=["on a beat", "on the next", "between beats", "silence"],
)
def test_music_that_begins_on_a_beat_begins_with_a_bar_unless_more_says_otherwise(
    opening_s: float | None, first: int
) -> None:
    beats = even(120.0)
    leaning = np.maximum(odds_at(beats, high=-2.0), odds_at(beats[2::4], high=-1.7))
    sure = np.maximum(odds_at(beats, high=-2.0), odds_at(beats[2::4], high=0.0))
    assert find_bars(leaning, beats, opening_s).downbeats[0] == first
    assert find_bars(sure, beats, opening_s).downbeats[0] == 2


def test_the_opening_is_where_sound_begins_and_not_where_it_hisses() -> None:
    levels = np.zeros((500, BANDS), np.float16)
    levels[:30] = 0.05
    levels[30:] = 1.0
    assert opening_s(levels) == pytest.approx(0.6)
    assert opening_s(np.zeros((500, BANDS), np.float16)) is None
    assert opening_s(np.zeros((0, BANDS), np.float16)) is None


def test_a_change_of_harmony_says_where_bars_begin_when_the_network_cannot() -> None:
    beats = even(120.0)
    course = course_of(np.repeat([0, 7, 9, 5], 20), beats[3])
    changes = harmonic_changes(course, round(LONG_S * FRAMES_PER_S))
    unsure = odds_at(beats, high=-2.0)
    bars = find_bars(bar_odds(unsure, changes), beats)
    np.testing.assert_array_equal(bars.downbeats, np.arange(3, beats.size, 4))


def test_harmony_changes_most_where_it_does_and_not_where_nothing_sounds() -> None:
    changes = harmonic_changes(course_of(np.repeat([0, 5], 300), 0.0), 3000)
    assert changes.shape == (3000, CHANGES)
    assert np.abs(changes.argmax(axis=0) - 1500).max() <= 5
    assert not harmonic_changes(NO_COURSE, 3000).any()


@pytest.mark.parametrize("at_once", [1, 7, 600])
def test_harmony_is_compared_in_stretches_without_a_seam(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = np.random.default_rng(5).random((599, 24), np.float32)
    whole = harmonic_changes(course, 3000)
    monkeypatch.setattr(harmony, "_AT_ONCE", at_once)
    np.testing.assert_allclose(harmonic_changes(course, 3000), whole, atol=1e-6)


def test_harmony_that_never_changes_says_nothing() -> None:
    assert not harmonic_changes(course_of(np.zeros(600, int), 0.0), 3000).any()


def test_downbeats_that_cannot_be_told_apart_are_a_guess() -> None:
    beats = even(120.0)
    assert find_bars(odds_at(beats, high=0.5), beats).confidence == pytest.approx(0.5)


def curve_at(times_s: NDArray[np.float64]) -> Floats:
    """A crest of 30 ms at each moment, at 100 frames a second."""
    frames_s = np.arange(round(LONG_S * 100)) / 100
    distance_s = np.abs(frames_s[:, None] - times_s).min(axis=1)
    return np.asarray(np.maximum(0.0, 1 - distance_s / 0.03), np.float32)


def levels_of(*attacks: tuple[int, NDArray[np.float64]]) -> Levels:
    """Levels at 50 frames a second that rise by 1 in a band at each of its moments."""
    levels = np.zeros((round(LONG_S * 50), BANDS), np.float16)
    for band, times_s in attacks:
        levels[np.rint(times_s * 50).astype(int), band] = 1.0
    return levels


def test_a_line_through_the_beats_mends_a_tempo_that_is_nearly_right() -> None:
    curves = [curve_at(even(123.4)), curve_at(even(123.4) + 0.012)]
    assert 60 * straighten(curves, levels_of(), 123.36 / 60, 0.1) == pytest.approx(123.4, abs=0.003)


def test_beats_played_freely_do_not_bend_the_line() -> None:
    late_s = np.where(np.arange(even(100.0).size) % 7 == 3, 0.03, 0.0)
    late_s[: late_s.size // 2] = 0.0
    played = curve_at(even(100.0) + late_s)
    assert 60 * straighten([played], levels_of(), 100.0 / 60, 0.1) == pytest.approx(
        100.0, abs=0.005
    )


def test_off_beats_that_swing_exactly_hold_the_line_where_beats_are_played_freely() -> None:
    beats = even(123.4)
    loose = beats + np.random.default_rng(4).uniform(-0.03, 0.03, beats.size)
    swung = beats[:-1] + 0.5 * 60 / 123.4 + 0.025
    freely = 60 * straighten([curve_at(loose)], levels_of(), 123.38 / 60, 0.1)
    held = 60 * straighten(
        [curve_at(np.concatenate([loose, swung]))], levels_of(), 123.38 / 60, 0.1
    )
    assert abs(held - 123.4) < 0.001 < abs(freely - 123.4)


def test_a_line_of_hours_is_drawn_through_every_few_beats() -> None:
    times_s = 0.1 + np.arange(8_000) * 60 / 123.4
    curve = np.zeros(round(times_s[-1] * 100) + 100, np.float32)
    curve[np.rint(times_s * 100).astype(int)] = 1.0
    levels = np.zeros((curve.size // 2, BANDS), np.float16)
    assert 60 * straighten([curve], levels, 123.399 / 60, 0.1) == pytest.approx(123.4, abs=1e-5)


def test_soft_attacks_before_hard_ones_do_not_lean_the_line() -> None:
    beats = even(123.4)
    chords, kicks = beats[: beats.size // 2], beats[beats.size // 2 :]
    curve = curve_at(np.concatenate([chords + 0.02, kicks]))
    told = straighten([curve], levels_of((30, chords), (2, kicks)), 123.4 / 60, 0.1)
    untold = straighten([curve], levels_of(), 123.4 / 60, 0.1)
    assert 60 * told == pytest.approx(123.4, abs=0.004)
    assert 60 * untold != pytest.approx(123.4, abs=0.03)


def test_a_curve_without_a_crest_has_no_say() -> None:
    curves = [curve_at(even(123.4)), np.zeros(round(LONG_S * 100), np.float32)]
    assert 60 * straighten(curves, levels_of(), 123.36 / 60, 0.1) == pytest.approx(123.4, abs=0.003)


def test_too_few_beats_change_nothing() -> None:
    assert straighten([np.zeros(6_000, np.float32)], levels_of(), 2.0, 0.1) == 2.0


@pytest.mark.parametrize(
    ("bpm", "duration_s", "told"),
    [
        (127.996, 60.0, 128.0),
        (128.004, 60.0, 128.0),
        (127.996, 600.0, 127.996),
        (127.5, 20.0, 127.5),
        (0.4, 20.0, 0.4),
    ],
)
def test_a_tempo_that_the_track_cannot_tell_from_a_whole_number_is_one(
    bpm: float, duration_s: float, told: float
) -> None:
    assert 60 * whole_tempo(bpm / 60, duration_s) == pytest.approx(told, abs=1e-9)

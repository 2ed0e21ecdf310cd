"""Beat grids of exports, counted out again as the programs that read them do."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.tracks.exports import rekordbox
from autodj.tracks.exports.grid import Beats, beats_of
from autodj.tracks.exports.stretches import TOLERANCE_S, stretches_of
from tests.tracks.test_exports import ANALYSIS

OFF_S = 0.010


def variable(times_s: Sequence[float], numbers: Sequence[int] | None = None) -> Beats:
    counted = numbers or [index % 4 + 1 for index in range(len(times_s))]
    return Beats(tuple(times_s), tuple(counted), 120.0, 4, is_even=False)


def even(bpm: float, start_s: float, count: int) -> tuple[float, ...]:
    return tuple(round(max(0.0, start_s + 60 / bpm * index), 4) for index in range(count))


def played(seed: int, count: int, *, bpm: tuple[float, float], off_s: float) -> list[float]:
    """Beats that go evenly from one tempo to the other, each up to so much early or late."""
    chance = random.Random(seed)
    steps_s = [60 / (bpm[0] + (bpm[1] - bpm[0]) * index / count) for index in range(count - 1)]
    times_s = itertools.accumulate(steps_s, initial=0.5)
    return [round(at_s + chance.uniform(-off_s, off_s), 4) for at_s in times_s]


def counted_out(beats: Beats) -> list[tuple[float, int]]:
    """Times and numbers in the bar that a reader of rekordbox XML has: from each TEMPO on, by its
    own tempo and bar, as long as the next one has not begun.
    """
    document = ET.fromstring(f"<TRACK>{''.join(rekordbox.tempi(beats))}</TRACK>")
    told = [{name: each.attrib[name] for name in each.attrib} for each in document]
    starts_s = [float(each["Inizio"]) for each in told]
    found = []
    for each, start_s, stop_s in zip(told, starts_s, [*starts_s[1:], inf], strict=True):
        metre, first = int(each["Metro"].split("/")[0]), int(each["Battito"])
        for step in itertools.count():
            at_s = start_s + step * 60 / float(each["Bpm"])
            if at_s >= stop_s or at_s > beats.times_s[-1] + OFF_S:
                break
            found.append((at_s, (first - 1 + step) % metre + 1))
    return found


def assert_followed(beats: Beats, *, within_s: float = OFF_S) -> None:
    times_s, numbers = zip(*counted_out(beats), strict=True)
    assert numbers == beats.numbers
    assert times_s == pytest.approx(beats.times_s, abs=within_s)


@given(
    st.lists(
        st.tuples(st.floats(50, 200), st.integers(1, 40), st.integers(0, 12)),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 4),
)
def test_a_grid_that_changes_is_counted_out_beat_by_beat(
    parts: list[tuple[float, int, int]], number: int
) -> None:
    chance = random.Random(len(parts))
    times_s = [0.25]
    for bpm, count, off_ms in parts:
        for _ in range(count):
            moved_s = chance.uniform(-off_ms, off_ms) / 1000
            times_s.append(round(times_s[-1] + 60 / bpm + moved_s, 4))
    numbers = [(number - 1 + index) % 4 + 1 for index in range(len(times_s))]
    assert_followed(variable(times_s, numbers))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.booleans())
def test_bars_that_are_longer_or_shorter_are_counted_out(bars: list[int], is_even: bool) -> None:
    counts = [number % 4 + 1 for bar in bars for number in range(bar)]
    beats = replace(variable(even(126.4, 0.3, len(counts)), counts), bpm=126.4, is_even=is_even)
    assert_followed(beats)
    assert len(stretches_of(beats)) == 1


def test_a_beat_that_lies_a_little_before_the_track_moves_no_other() -> None:
    times_s = even(124.0, -0.015, 200)
    analysis = replace(
        ANALYSIS, bpm=124.0, beats_s=times_s, downbeats_s=times_s[::4], grid="constant"
    )
    beats = beats_of(analysis)
    assert beats is not None
    [told] = stretches_of(beats)
    assert (told.start_s, told.number) == (times_s[1], 2)
    read_s, numbers = zip(*counted_out(beats), strict=True)
    assert numbers == beats.numbers[1:]
    assert read_s == pytest.approx(times_s[1:], abs=0.001)


def test_a_beat_at_the_very_start_is_kept_where_the_tempo_is_not_told_exactly() -> None:
    times_s = even(120.0004, 0.0, 20_000)
    beats = Beats(times_s, tuple(index % 4 + 1 for index in range(20_000)), 120.0, 4, is_even=True)
    assert_followed(beats, within_s=0.003)


@pytest.mark.parametrize("bpm", [89.9996, 120.0004, 126.3745, 174.0])
def test_the_last_beat_of_a_long_even_mix_is_where_it_was_heard(bpm: float) -> None:
    times_s = even(bpm, 0.2, 20_000)
    numbers = tuple(index % 4 + 1 for index in range(len(times_s)))
    beats = Beats(times_s, numbers, round(bpm, 3), 4, is_even=True)
    assert len(list(rekordbox.tempi(beats))) == 1
    assert_followed(beats, within_s=0.003)


@pytest.mark.parametrize(
    ("beats", "told"),
    [
        (Beats((0.25, 0.75, 1.25), (1, 2, 3), 120.0, 4, is_even=True), "120.00"),
        (Beats(even(126.374, 0.1, 600), (1,) * 600, 126.374, 4, is_even=True), "126.374"),
        (Beats((0.25,), (1,), 98.7, 4, is_even=False), "98.70"),
    ],
)
def test_a_tempo_has_the_digits_that_keep_its_last_beat(beats: Beats, told: str) -> None:
    counted = tuple(index % 4 + 1 for index in range(len(beats.times_s)))
    [tempo] = rekordbox.tempi(replace(beats, numbers=counted))
    assert f'Bpm="{told}"' in tempo


@given(st.lists(st.floats(0.2, 2.0), min_size=1, max_size=60))
def test_stretches_tell_every_beat_closely_and_none_twice(steps_s: list[float]) -> None:
    times_s = tuple(itertools.accumulate(steps_s, initial=0.5))
    stretches = stretches_of(variable(times_s))
    told = [
        each.start_s + index * 60 / each.bpm for each in stretches for index in range(each.beats)
    ]
    assert told == pytest.approx(times_s[:-1], abs=TOLERANCE_S + 1e-9)
    for each, after in itertools.pairwise(stretches):
        assert each.start_s + each.beats * 60 / each.bpm == pytest.approx(after.start_s)


@given(st.lists(st.floats(0.48, 0.52), min_size=1, max_size=14))
def test_there_are_hardly_more_stretches_than_there_must_be(steps_s: list[float]) -> None:
    times_s = tuple(itertools.accumulate(steps_s, initial=0.5))
    assert len(stretches_of(variable(times_s))) <= fewest(times_s) + 1


@pytest.mark.parametrize(
    ("times_s", "most"),
    [
        (played(1, 500, bpm=(120, 120), off_s=0.003), 3),
        (played(2, 500, bpm=(120, 120), off_s=0.008), 60),
        (played(3, 500, bpm=(100, 130), off_s=0.0), 26),
        (played(4, 500, bpm=(100, 130), off_s=0.006), 60),
    ],
)
def test_people_who_play_have_few_stretches(times_s: list[float], most: int) -> None:
    assert len(stretches_of(variable(times_s))) <= most


def fewest(times_s: Sequence[float]) -> int:
    """Stretches whose ends may lie at nine times around each beat: all of them are tried."""
    moves_s = [TOLERANCE_S * part / 4 for part in range(-4, 5)]
    best = {(0, 0.0): 0}
    for first, end in itertools.combinations(range(len(times_s)), 2):
        for off_s, end_off_s in itertools.product(moves_s, moves_s):
            if (first, off_s) in best:
                start_s, stop_s = times_s[first] + off_s, times_s[end] + end_off_s
                step_s = (stop_s - start_s) / (end - first)
                if all(
                    abs(start_s + step_s * (at - first) - times_s[at]) <= TOLERANCE_S + 1e-12
                    for at in range(first, end)
                ):
                    count = best[first, off_s] + 1
                    best[end, end_off_s] = min(best.get((end, end_off_s), count), count)
    return min(count for (place, _), count in best.items() if place == len(times_s) - 1)

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.cli import words
from autodj.cli.progress import short_name


@pytest.mark.parametrize(
    ("duration_s", "told"),
    [(0, "0:00"), (5.4, "0:05"), (59.6, "1:00"), (185, "3:05"), (3729, "1:02:09")],
)
def test_a_length_is_told_as_players_do(duration_s: float, told: str) -> None:
    assert words.clock(duration_s) == told


@pytest.mark.parametrize(
    ("at_s", "told"),
    [(0, "0:00.00"), (5.125, "0:05.12"), (59.996, "1:00.00"), (7212.12, "2:00:12.12")],
)
def test_a_place_in_a_track_is_told_as_its_length_is(at_s: float, told: str) -> None:
    assert words.moment(at_s) == told


@given(st.integers(0, 10**6))
def test_a_length_can_be_read_back(duration_s: int) -> None:
    seconds = 0
    for part in words.clock(duration_s).split(":"):
        seconds = seconds * 60 + int(part)
    assert seconds == duration_s


@pytest.mark.parametrize(
    ("size_bytes", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (7_200_000, "7.2 MB"),
        (5 * 10**12, "5000.0 GB"),
    ],
)
def test_a_size_is_told_in_decimal_units(size_bytes: int, told: str) -> None:
    assert words.size(size_bytes) == told


@pytest.mark.parametrize(("bpm", "told"), [(None, "-"), (122.0, "122"), (92.53, "92.5")])
def test_a_tempo_has_a_decimal_only_where_it_tells_something(bpm: float | None, told: str) -> None:
    assert words.tempo(bpm) == told


def track(**facts: Any) -> dict[str, Any]:
    analysis = {"state": "done", "failure": None}
    return {"key": "A minor", "camelot": "8A", "analysis": analysis, **facts}


def test_a_key_is_told_by_hour_and_name() -> None:
    assert words.key(track()) == " 8A  A minor"
    assert words.key(track(key=None, camelot=None)) == "-"


@pytest.mark.parametrize(
    ("source", "state", "told"),
    [
        ("local", "stable", "local"),
        ("local", "copying", "local > s3"),
        ("s3", "cleaning", "s3"),
        ("s3", "stable", "s3"),
    ],
)
def test_the_place_of_the_bytes_shows_where_they_are_going(
    source: str, state: str, told: str
) -> None:
    assert words.place(track(file_source=source, file_state=state)) == told


@pytest.mark.parametrize(
    ("state", "failure", "told"),
    [
        ("pending", None, "being analysed"),
        ("done", None, "analysed"),
        ("failed", "undecodable", "not analysed: undecodable"),
    ],
)
def test_the_analysis_is_told_in_a_word(state: str, failure: str | None, told: str) -> None:
    assert words.facts(track(analysis={"state": state, "failure": failure})) == told


def test_counts_agree_with_their_noun() -> None:
    assert [words.plural(count, "track") for count in (0, 1, 1200)] == [
        "0 tracks",
        "1 track",
        "1,200 tracks",
    ]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/music/a.mp3", "a.mp3"),
        ("https://example.org/x/mix.flac?token=1", "mix.flac"),
        ("https://example.org/", "https://example.org/"),
        ("https://example.org?a=/b", "https://example.org?a=/b"),
        ("http://[::1", "http://[::1"),
        ("/music/a\x1b[31m\n.mp3", "a�[31m�.mp3"),
        (f"/m/{'a' * 50}.mp3", f"{'a' * 35}…"),
    ],
)
def test_a_source_is_shown_by_its_last_part(source: str, name: str) -> None:
    assert short_name(source) == name

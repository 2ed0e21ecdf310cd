"""A whole track in 300 bytes."""

from __future__ import annotations

from base64 import b64decode

import pytest

from autodj.audio.facts import Waveform
from autodj.tracks.overview import POINTS, overview


def bands(low: tuple[int, ...], mid: tuple[int, ...], high: tuple[int, ...]) -> list[bytes]:
    found = overview(Waveform(50.0, low, low, mid, high))
    assert found is not None
    assert len(found) == 400
    values = b64decode(found)
    return [values[start : start + POINTS] for start in range(0, 3 * POINTS, POINTS)]


def test_each_part_has_the_effective_value_of_its_band_and_the_loudest_is_full() -> None:
    low = (30,) * 500 + (40, 0) * 250
    high = (10,) * 500 + (0,) * 500
    low_band, mid_band, high_band = bands(low, (0,) * 1000, high)
    assert set(low_band[:50]) == {255}
    assert set(low_band[50:]) == {round(255 * 800**0.5 / 30)}
    assert set(mid_band) == {0}
    assert (set(high_band[:50]), set(high_band[50:])) == ({85}, {0})


@pytest.mark.parametrize("length", [1, 2, 99, 100, 101])
def test_tracks_shorter_than_the_picture_fill_it(length: int) -> None:
    low_band, _, high_band = bands((7,) * length, (0,) * length, ())
    assert (set(low_band), set(high_band)) == ({255}, {0})


def test_silence_has_no_picture() -> None:
    assert overview(Waveform(50.0, (0,), (0,), (0,), (0,))) is None
    assert overview(Waveform(50.0, (), (), (), ())) is None

"""Outlines for other players, read back by a parser written from the description of the format."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.tracks.exports.audiowaveform import (
    LEVELS_PER_S,
    Outline,
    at_most,
    at_rate,
    outline_of,
    to_dat,
    to_json,
)

VALUES = st.lists(st.tuples(st.integers(-128, 127), st.integers(-128, 127)), max_size=400)
RATES_HZ = st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000, 88200, 96000, 192000])


@dataclass(frozen=True)
class Parsed:
    """What a player finds: ``pairs`` of least and largest."""

    sample_rate: int
    samples_per_pixel: int
    bits: int
    channels: int
    pairs: list[tuple[int, int]]

    @property
    def seconds(self) -> float:
        return len(self.pairs) * self.samples_per_pixel / self.sample_rate


def parse_dat(data: bytes) -> Parsed:
    """Little-endian: int32 version, uint32 flags, int32 sample rate, int32 samples per pixel,
    uint32 length, and since version 2 int32 channels; then pairs of int8 or int16.
    """
    version, flags, rate, samples, length = struct.unpack_from("<iIiiI", data)
    assert version in {1, 2}
    channels, offset = (struct.unpack_from("<i", data, 20)[0], 24) if version == 2 else (1, 20)
    code = "b" if flags & 1 else "h"
    values = struct.unpack_from(f"<{2 * length * channels}{code}", data, offset)
    assert offset + struct.calcsize(f"<{len(values)}{code}") == len(data)
    pairs = list(zip(values[::2], values[1::2], strict=True))
    return Parsed(rate, samples, 8 if flags & 1 else 16, channels, pairs)


def parse_json(text: str | bytes) -> Parsed:
    document = json.loads(text)
    assert document["version"] == 2
    assert len(document["data"]) == 2 * document["length"] * document["channels"]
    pairs = list(zip(document["data"][::2], document["data"][1::2], strict=True))
    return Parsed(
        document["sample_rate"],
        document["samples_per_pixel"],
        document["bits"],
        document["channels"],
        pairs,
    )


def outline(pairs: list[tuple[int, int]], interval: int = 1) -> Outline:
    return Outline([low for low, _ in pairs], [high for _, high in pairs], interval)


@given(pairs=VALUES, rate_hz=RATES_HZ, interval=st.integers(1, 30))
def test_both_forms_say_the_same_at_the_right_times(
    pairs: list[tuple[int, int]], rate_hz: int, interval: int
) -> None:
    binary = parse_dat(to_dat(outline(pairs, interval), rate_hz))
    assert binary == parse_json(to_json(outline(pairs, interval), rate_hz))
    assert (binary.bits, binary.channels, binary.pairs) == (8, 1, pairs)
    assert binary.seconds == pytest.approx(len(pairs) * interval / 50, rel=1e-12)
    if rate_hz % 50 == 0:
        assert binary.sample_rate == rate_hz


def test_a_small_outline_byte_by_byte() -> None:
    made = to_dat(Outline([-128, -1], [127, 0]), 44100)
    assert made.hex(" ") == (
        "02 00 00 00 01 00 00 00 44 ac 00 00 72 03 00 00 02 00 00 00 01 00 00 00 80 7f ff 00"
    )
    assert json.loads(to_json(Outline([-128, -1], [127, 0]), 44100)) == {
        "version": 2,
        "channels": 1,
        "sample_rate": 44100,
        "samples_per_pixel": 882,
        "bits": 8,
        "length": 2,
        "data": [-128, 127, -1, 0],
    }


@given(pairs=VALUES, points=st.integers(1, 300))
def test_a_coarser_outline_reaches_as_far_as_the_fine_one(
    pairs: list[tuple[int, int]], points: int
) -> None:
    coarse = at_most(outline(pairs), points)
    assert len(coarse.least) == len(coarse.largest) <= points
    if pairs:
        assert min(coarse.least) == min(low for low, _ in pairs)
        assert max(coarse.largest) == max(high for _, high in pairs)
        step = coarse.interval
        assert coarse.least[0] == min(low for low, _ in pairs[:step])


@pytest.mark.parametrize("points_per_s", LEVELS_PER_S)
@pytest.mark.parametrize("interval", [1, 2, 3, 7])
def test_levels_are_never_finer_than_asked_nor_coarser_than_need_be(
    points_per_s: int, interval: int
) -> None:
    fine = Outline([0] * 1000, [0] * 1000, interval)
    level = at_rate(fine, points_per_s)
    assert level.points_per_s <= points_per_s + 1e-9
    finer = level.interval - interval
    assert finer == 0 or 50 / finer > points_per_s


def test_a_document_from_before_has_its_peaks_on_both_sides() -> None:
    old = outline_of({"points_per_s": 25.0, "peak": [0, 128, 255]})
    assert old == Outline([0, -64, -127], [0, 64, 127], 2)
    new = outline_of({"points_per_s": 50.0, "peak": [255], "min": [-128], "max": [90]})
    assert new == Outline([-128], [90])
    assert to_dat(outline_of({"points_per_s": 50.0, "peak": []}), 8000)[24:] == b""

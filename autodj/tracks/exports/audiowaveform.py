"""The outline of a track as players of BBC audiowaveform data read it: JSON, and binary ``.dat``.

Both are the format of version 2 as that project describes it: pairs of the least and the largest
sample in each interval, 8 bits each, of the channels together.
"""

from __future__ import annotations

import json
import math
import struct
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

JSON_TYPE: Final = "application/json"
DAT_TYPE: Final = "application/octet-stream"
LEVELS_PER_S: Final = (50, 10, 2)
"""Points a second at which an outline is offered; very long tracks have fewer."""
USUAL_RATE_HZ: Final = 44100
"""Divides into 50 points a second, unlike the rates of some files."""

VERSION: Final = 2
BITS: Final = 8
_IS_8_BIT: Final = 1
_FINEST_PER_S: Final = 50
_HEADER: Final = struct.Struct("<iIiiIi")


@dataclass(frozen=True, slots=True)
class Outline:
    """The least and the largest sample (-128 to 127) of each interval, of which
    ``interval / 50`` seconds each.
    """

    least: Sequence[int]
    largest: Sequence[int]
    interval: int = 1

    @property
    def points_per_s(self) -> float:
        return _FINEST_PER_S / self.interval


def outline_of(waveform: Mapping[str, Any]) -> Outline:
    """From the ``waveform`` of an analysis document. One of before version 3 knows only the
    peak of either sign, which then stands for both.
    """
    least, largest = waveform.get("min"), waveform.get("max")
    if not least or not largest:
        largest = [min(127, round(peak * 128 / 255)) for peak in waveform["peak"]]
        least = [-value for value in largest]
    points_per_s = waveform["points_per_s"]
    return Outline(least, largest, round(_FINEST_PER_S / points_per_s) if points_per_s else 1)


def at_rate(outline: Outline, points_per_s: float) -> Outline:
    """With no more than so many points a second."""
    return _coarser(outline, math.ceil(outline.points_per_s / points_per_s - 1e-9))


def at_most(outline: Outline, points: int) -> Outline:
    """With no more than so many points in all."""
    return _coarser(outline, math.ceil(len(outline.least) / points))


def to_json(outline: Outline, sample_rate_hz: int) -> bytes:
    """Audiowaveform JSON for a track of that sample rate."""
    rate_hz, samples_per_pixel = _scale(outline, sample_rate_hz)
    document = {
        "version": VERSION,
        "channels": 1,
        "sample_rate": rate_hz,
        "samples_per_pixel": samples_per_pixel,
        "bits": BITS,
        "length": len(outline.least),
        "data": _pairs(outline).tolist(),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def to_dat(outline: Outline, sample_rate_hz: int) -> bytes:
    """The same, binary."""
    rate_hz, samples_per_pixel = _scale(outline, sample_rate_hz)
    length = len(outline.least)
    header = _HEADER.pack(VERSION, _IS_8_BIT, rate_hz, samples_per_pixel, length, 1)
    return header + _pairs(outline).tobytes()


def _pairs(outline: Outline) -> array[int]:
    pairs = array("b", bytes(2 * len(outline.least)))
    pairs[::2], pairs[1::2] = array("b", outline.least), array("b", outline.largest)
    return pairs


def _scale(outline: Outline, sample_rate_hz: int) -> tuple[int, int]:
    """A sample rate and a whole number of samples for each point that give the exact times."""
    samples, rest = divmod(sample_rate_hz * outline.interval, _FINEST_PER_S)
    if rest == 0:
        return sample_rate_hz, samples
    return USUAL_RATE_HZ, USUAL_RATE_HZ * outline.interval // _FINEST_PER_S


def _coarser(outline: Outline, count: int) -> Outline:
    """Every ``count`` neighbours as one point; the last may be of fewer."""
    if count <= 1:
        return outline
    starts = range(0, len(outline.least), count)
    return Outline(
        least=[min(outline.least[start : start + count]) for start in starts],
        largest=[max(outline.largest[start : start + count]) for start in starts],
        interval=outline.interval * count,
    )

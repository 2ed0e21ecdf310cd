"""What an order to correct a track comes to: the columns to set, or why it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from autodj.audio.keynames import camelot
from autodj.tracks.corrections.document import SAME_TEMPO, multiple_of
from autodj.tracks.corrections.values import BPM_RANGE, MOST_SHIFT_MS, Corrected

STEPS = {"double": 2.0, "half": 0.5}
_MICRO = 6


class Correctable(Corrected, Protocol):
    """The columns of a track that corrections are decided by."""

    bpm: float | None
    first_downbeat_s: float | None
    duration_s: float


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """The value of ``field`` cannot be taken."""

    field: str
    detail: str


def columns_of(asked: Mapping[str, Any], row: Correctable) -> dict[str, object]:
    """The columns to set for what was asked, by the names that the API has; None takes a
    correction back. Refusal where the track does not allow it.
    """
    columns: dict[str, object] = {}
    if "key" in asked:
        key = asked["key"]
        columns["corrected_key"] = key
        columns["corrected_camelot"] = None if key is None else camelot(key)
    if "metre" in asked:
        columns["corrected_metre"] = asked["metre"]
    shift_ms = _shift_ms(asked, row)
    if {"grid_shift_ms", "nudge_ms"} & asked.keys():
        columns["corrected_shift_ms"] = shift_ms
    if "downbeat_s" in asked:
        columns["corrected_downbeat_s"] = _before_shift(asked, "downbeat_s", row, shift_ms)
    return columns | _tempo(asked, row, shift_ms)


def _tempo(asked: Mapping[str, Any], row: Correctable, shift_ms: float | None) -> dict[str, object]:
    if not {"bpm", "tempo", "anchor_s"} & asked.keys():
        return {}
    bpm = _bpm(asked, row)
    anchor_s = row.corrected_anchor_s
    if "anchor_s" in asked:
        anchor_s = _before_shift(asked, "anchor_s", row, shift_ms)
        if anchor_s is not None and bpm is None:
            raise Refusal("anchor_s", "needs a tempo that is set: give bpm too")
    elif bpm is not None and "bpm" in asked and anchor_s is None:
        # An exact tempo stays where it was seen, whatever a later analysis finds.
        anchor_s = None if _is_multiple(bpm, row.bpm) else row.first_downbeat_s
    if anchor_s is None and "tempo" in asked and bpm == row.bpm:
        bpm = None
    return {
        "corrected_bpm": bpm,
        "corrected_anchor_s": None if bpm is None else anchor_s,
    }


def _bpm(asked: Mapping[str, Any], row: Correctable) -> float | None:
    if "tempo" not in asked:
        given: float | None = asked.get("bpm", row.corrected_bpm)
        return given
    if "bpm" in asked:
        raise Refusal("tempo", "is for the tempo as it is: give bpm or tempo, not both")
    now = row.corrected_bpm or row.bpm
    if now is None:
        raise Refusal("tempo", "there is no tempo to change: set bpm")
    bpm = round(now * STEPS[asked["tempo"]], _MICRO)
    if not BPM_RANGE[0] <= bpm <= BPM_RANGE[1]:
        least, most = BPM_RANGE
        raise Refusal("tempo", f"would be {bpm:g} beats a minute, not {least:g} to {most:g}")
    return bpm


def _is_multiple(bpm: float, measured_bpm: float | None) -> bool:
    if measured_bpm is None:
        return False
    return abs(multiple_of(bpm, measured_bpm)[2] - 1) <= SAME_TEMPO


def _shift_ms(asked: Mapping[str, Any], row: Correctable) -> float | None:
    if "nudge_ms" not in asked:
        given: float | None = asked.get("grid_shift_ms", row.corrected_shift_ms)
        return given or None
    if "grid_shift_ms" in asked:
        raise Refusal("nudge_ms", "adds to the shift there is: give grid_shift_ms or nudge_ms")
    shift_ms = round((row.corrected_shift_ms or 0.0) + asked["nudge_ms"], 3)
    if abs(shift_ms) > MOST_SHIFT_MS:
        raise Refusal("nudge_ms", f"would be {shift_ms:g} ms in all, not {MOST_SHIFT_MS:g}")
    return shift_ms or None


def _before_shift(
    asked: Mapping[str, Any], name: str, row: Correctable, shift_ms: float | None
) -> float | None:
    """A time on the track as the grid keeps it: without the shift that lies over all of it."""
    at_s: float | None = asked[name]
    if at_s is None:
        return None
    if at_s > row.duration_s:
        raise Refusal(name, f"the track is {row.duration_s:.3f} s long")
    return round(at_s - (shift_ms or 0.0) / 1000, _MICRO)

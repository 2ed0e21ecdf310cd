"""An analysis document as it reads after a person's corrections."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from autodj.audio.keynames import camelot, open_key
from autodj.tracks.corrections.grid import (
    USUAL_METRE,
    Grid,
    barred,
    even,
    even_times_s,
    multiplied,
    nearest,
    shifted,
    thinned,
)
from autodj.tracks.corrections.values import Corrections

SAME_TEMPO = 2e-6
"""A tempo this near to a multiple of the measured one is that multiple."""
_FOLLOWED = 0.06
_SAME_BEAT_S = 0.02

Document = Mapping[str, Any]


def corrected(document: Document, corrections: Corrections) -> dict[str, Any]:
    """The document with its beats, bars, sections, cues and key as corrected.

    ``measured`` keeps what was found, ``corrections`` says what was done. Silences, levels and
    confidences stay what they were. Nothing of it is stored, so a new analysis changes none.
    """
    read = dict(document)
    if not corrections.given():
        return read
    read["corrections"] = dict(corrections.given())
    read["measured"] = {
        name: document.get(name) for name in ("bpm", "metre", "grid", "key", "camelot")
    }
    if corrections.key is not None:
        read["key"] = corrections.key
        read["camelot"] = camelot(corrections.key)
        read["open_key"] = open_key(corrections.key)
    grid = corrected_grid(document, corrections) if corrections.touch_the_grid else None
    if grid is not None:
        read |= _grid_facts(document, grid, corrections)
    return read


def corrected_grid(document: Document, corrections: Corrections) -> Grid | None:
    """Beats and bars after the corrections; None for a track without beats that nobody gave a
    tempo.
    """
    grid = _paced(document, corrections)
    if grid is None or not grid.times_s:
        return None
    barred_grid = barred(grid, corrections.metre, corrections.downbeat_s)
    return shifted(barred_grid, corrections.shift_s) if corrections.shift_s else barred_grid


def measured_grid(document: Document) -> Grid | None:
    """As the analysis found it; None where there are no beats."""
    times_s = tuple(document.get("beats_s") or ())
    if not times_s or document.get("bpm") is None:
        return None
    found_s = document.get("downbeats_s") or times_s[:1]
    downbeats = sorted({nearest(times_s, at_s) for at_s in found_s})
    metre = document.get("metre") or USUAL_METRE
    if not document.get("downbeats_s"):
        downbeats = list(range(0, len(times_s), metre))
    is_even = document.get("grid") == "constant"
    if is_even:
        times_s = even_times_s(times_s)
    return Grid(times_s, tuple(downbeats), metre, is_even, float(document["duration_s"]))


def multiple_of(bpm: float, measured_bpm: float) -> tuple[int, int, float]:
    """How a tempo is made from another: times and divided by, of which one is 1, and the ratio
    that is then left.
    """
    ratio = bpm / measured_bpm
    times, parts = max(1, round(ratio)), max(1, round(1 / ratio))
    return times, parts, ratio / times * parts


def _paced(document: Document, corrections: Corrections) -> Grid | None:
    """At the corrected tempo, before any shift."""
    measured, bpm = measured_grid(document), corrections.bpm
    if bpm is None:
        return measured
    duration_s = float(document["duration_s"])
    metre = USUAL_METRE if measured is None else measured.metre
    if corrections.anchor_s is not None:
        return even(corrections.anchor_s, bpm, duration_s, metre)
    if measured is None:
        return even(corrections.downbeat_s or 0.0, bpm, duration_s, metre)
    times, parts, rest = multiple_of(bpm, float(document["bpm"]))
    if abs(rest - 1) > (SAME_TEMPO if measured.is_even else _FOLLOWED):
        return even(measured.first_downbeat_s, bpm, duration_s, metre)
    if times > 1:
        return multiplied(measured, times)
    return thinned(measured, parts) if parts > 1 else measured


def _grid_facts(document: Document, grid: Grid, corrections: Corrections) -> dict[str, Any]:
    shift_s = corrections.shift_s
    downbeats_s = grid.downbeats_s
    cues = document.get("cues") or {}
    return {
        "bpm": corrections.bpm or document.get("bpm"),
        "beats_s": list(grid.beats_s),
        "downbeats_s": list(downbeats_s),
        "metre": grid.metre,
        "grid": "constant" if grid.is_even else "variable",
        "bar_energy": _bar_energy(document, downbeats_s, shift_s),
        "sections": _sections(document.get("sections") or (), downbeats_s, shift_s),
        "cues": {
            name: None if at_s is None else downbeats_s[nearest(downbeats_s, at_s + shift_s)]
            for name, at_s in cues.items()
        },
    }


def _sections(
    sections: Sequence[Document], downbeats_s: Sequence[float], shift_s: float
) -> list[dict[str, Any]]:
    """Each from the bar on that is nearest to where it was found; of two that would begin
    together, the later.
    """
    by_bar = {nearest(downbeats_s, section["start_s"] + shift_s): section for section in sections}
    bars = sorted(by_bar)
    ends = [*bars[1:], len(downbeats_s)] if bars else []
    return [
        {**by_bar[bar], "start_s": downbeats_s[bar], "bar": bar + 1, "bars": end - bar}
        for bar, end in zip(bars, ends, strict=True)
    ]


def _bar_energy(document: Document, downbeats_s: Sequence[float], shift_s: float) -> list[float]:
    """For each bar the mean of the measured bars whose middles lie in it, or that of the one
    around its start.
    """
    energy = document.get("bar_energy") or ()
    found_s = document.get("downbeats_s") or ()
    if not energy or len(energy) != len(found_s):
        return []
    ends_s = [*found_s[1:], document["duration_s"]]
    middles_s = [(start + end) / 2 for start, end in zip(found_s, ends_s, strict=True)]
    starts_s = [at_s - shift_s for at_s in downbeats_s]
    stops_s = [*starts_s[1:], float("inf")]
    return [
        _mean(energy, middles_s, found_s, start, stop)
        for start, stop in zip(starts_s, stops_s, strict=True)
    ]


def _mean(
    energy: Sequence[float],
    middles_s: Sequence[float],
    found_s: Sequence[float],
    start_s: float,
    stop_s: float,
) -> float:
    inside = energy[bisect_left(middles_s, start_s) : bisect_left(middles_s, stop_s)]
    if inside:
        return round(sum(inside) / len(inside), 3)
    return energy[max(0, bisect_right(found_s, start_s + _SAME_BEAT_S) - 1)]

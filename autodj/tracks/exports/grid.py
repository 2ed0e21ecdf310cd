"""Beats as other programs keep them: each with its place in the bar."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from autodj.audio.facts import Analysis

_METRE = 4


@dataclass(frozen=True, slots=True)
class Beats:
    """The beats in seconds with their numbers in the bar (from 1); ``is_even`` when one stretch
    of ``bpm`` is all of them.
    """

    times_s: tuple[float, ...]
    numbers: tuple[int, ...]
    bpm: float
    metre: int
    is_even: bool


def beats_of(analysis: Analysis) -> Beats | None:
    """The beats of an analysis, corrected or not; None where there are none."""
    if analysis.bpm is None or not analysis.beats_s:
        return None
    metre = analysis.metre or _METRE
    numbers = _numbers(analysis.beats_s, analysis.downbeats_s or analysis.beats_s[:1], metre)
    return Beats(analysis.beats_s, numbers, analysis.bpm, metre, analysis.grid == "constant")


def _numbers(times_s: Sequence[float], downbeats_s: Sequence[float], metre: int) -> tuple[int, ...]:
    """Each beat's place in its bar, counted from the last downbeat, or back from the first."""
    # Between two beats any time is as good to tell on which side of a downbeat they are.
    places = [bisect_right(times_s, at_s + 0.02) - 1 for at_s in downbeats_s]
    numbers = []
    for index in range(len(times_s)):
        before = bisect_right(places, index) - 1
        origin = places[max(before, 0)]
        numbers.append((index - origin) % metre + 1)
    return tuple(numbers)

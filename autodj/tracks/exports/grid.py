"""Beats as other programs keep them: stretches of even tempo, each with its first beat."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from autodj.audio.facts import Analysis

TOLERANCE_S = 0.008
"""How far a beat may lie from an even stretch: below what mixing by ear would hear."""
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


@dataclass(frozen=True, slots=True)
class Stretch:
    """``beats`` even beats from ``start_s`` on; ``number`` is that of the first in its bar."""

    start_s: float
    bpm: float
    number: int
    beats: int


def beats_of(analysis: Analysis) -> Beats | None:
    """The beats of an analysis, corrected or not; None where there are none."""
    if analysis.bpm is None or not analysis.beats_s:
        return None
    metre = analysis.metre or _METRE
    numbers = _numbers(analysis.beats_s, analysis.downbeats_s or analysis.beats_s[:1], metre)
    return Beats(analysis.beats_s, numbers, analysis.bpm, metre, analysis.grid == "constant")


def stretches_of(beats: Beats) -> tuple[Stretch, ...]:
    """As few even stretches as keep every beat within ``TOLERANCE_S``; one for an even grid."""
    times_s = beats.times_s
    if beats.is_even or len(times_s) < 2:
        return (Stretch(times_s[0], beats.bpm, beats.numbers[0], len(times_s)),)
    found = []
    first = 0
    while first < len(times_s) - 1:
        last = _last_even(times_s, first)
        bpm = 60 * (last - first) / (times_s[last] - times_s[first])
        found.append(Stretch(times_s[first], bpm, beats.numbers[first], last - first))
        first = last
    return tuple(found)


def _last_even(times_s: Sequence[float], first: int) -> int:
    """How far beats from ``first`` on lie evenly: between the two ends none is out of place."""
    shortest_s, longest_s = 0.0, inf  # the periods that every beat so far allows
    for last in range(first + 1, len(times_s)):
        beats, length_s = last - first, times_s[last] - times_s[first]
        if not shortest_s <= length_s / beats <= longest_s:
            return last - 1
        shortest_s = max(shortest_s, (length_s - TOLERANCE_S) / beats)
        longest_s = min(longest_s, (length_s + TOLERANCE_S) / beats)
    return len(times_s) - 1


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

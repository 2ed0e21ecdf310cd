"""Beats as programs keep them that know no single ones: stretches of even tempo.

Each goes to where the next begins, so that no beat between two is missing or there twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from autodj.tracks.exports.grid import Beats

TOLERANCE_S = 0.008
"""How far a beat may lie from its stretch: below what mixing by ear would hear."""
_EXACTLY_S = 0.001
# How many beats before the last that a stretch reaches it may end instead.
_ENDS = 4

Knot = tuple[int, float]  # a beat, and the time at which a stretch has it


@dataclass(frozen=True, slots=True)
class Stretch:
    """``beats`` even steps from ``start_s`` on; ``number`` is that of the first in its bar."""

    start_s: float
    bpm: float
    number: int
    beats: int


def stretches_of(beats: Beats, *, tell_bars: bool = False) -> tuple[Stretch, ...]:
    """Stretches that keep every beat within ``TOLERANCE_S``: one for an even grid, else about as
    few as there can be. With ``tell_bars`` one begins wherever a bar is shorter or longer than
    the others, so that counting on from each number gives every bar.
    """
    last = len(beats.times_s) - 1
    odd = _odd_bars(beats) if tell_bars else []
    ends = sorted({*odd, last})
    knots = _even_knots(beats, ends) if beats.is_even else _knots(beats.times_s, ends)
    found = [
        Stretch(start_s, 60 * (end - first) / (end_s - start_s), beats.numbers[first], end - first)
        for (first, start_s), (end, end_s) in pairwise(knots)
    ]
    if not found or last in odd:
        bpm = found[-1].bpm if found else beats.bpm
        found.append(Stretch(knots[-1][1], bpm, beats.numbers[last], 0))
    return tuple(found)


def _odd_bars(beats: Beats) -> Sequence[int]:
    """The beats whose numbers do not go on from the one before."""
    return [
        index
        for index, (before, number) in enumerate(pairwise(beats.numbers), 1)
        if number != before % beats.metre + 1
    ]


def _even_knots(beats: Beats, ends: Sequence[int]) -> Sequence[Knot]:
    times_s, last = beats.times_s, len(beats.times_s) - 1
    first = 0
    period_s = 60 / beats.bpm
    if abs(times_s[last] - times_s[first] - period_s * last) > _EXACTLY_S:
        from_beat = min(1, last - 1)
        period_s = (times_s[last] - times_s[from_beat]) / (last - from_beat)
        # One that comes a little before the track is told at 0.
        first = int(times_s[1] - times_s[0] < period_s - _EXACTLY_S)
    places = [first, *(end for end in ends if end > first)]
    return [(place, times_s[first] + (place - first) * period_s) for place in places]


def _knots(times_s: Sequence[float], ends: Sequence[int]) -> Sequence[Knot]:
    """Where stretches meet; there is one at each of ``ends``."""
    found = [(0, times_s[0])]
    for end in ends:
        while found[-1][0] < end:
            found.append(_next_knot(times_s, found[-1], end))
    return found


def _next_knot(times_s: Sequence[float], knot: Knot, end: int) -> Knot:
    """Of the ends that a stretch from ``knot`` may have, the one from which the next goes
    furthest, or ``end``.
    """
    reached = list(_reached(times_s, knot, end))
    index, earliest_s, latest_s = reached[-1]
    if index == end:
        return end, min(max(times_s[end], earliest_s), latest_s)
    candidates = [
        (index, at_s)
        for index, earliest_s, latest_s in reached[-_ENDS:]
        for at_s in (
            min(max(times_s[index], earliest_s), latest_s),
            earliest_s,
            (earliest_s + latest_s) / 2,
            latest_s,
        )
    ]
    return max(candidates, key=lambda each: _merit(times_s, each, end))


def _merit(times_s: Sequence[float], knot: Knot, end: int) -> tuple[int, float]:
    """How far the next stretch goes, and how near to its beat it begins."""
    index, at_s = knot
    furthest = max(reached for reached, _, _ in _reached(times_s, knot, end))
    return furthest, -abs(at_s - times_s[index])


def _reached(times_s: Sequence[float], knot: Knot, end: int) -> Iterator[tuple[int, float, float]]:
    """The beats that an even stretch from ``knot`` can go to, each with the earliest and the
    latest time at which it can have it: none before it is out of place.
    """
    first, start_s = knot
    shortest_s, longest_s = 0.0, inf  # the periods that every beat so far allows
    for index in range(first + 1, end + 1):
        steps = index - first
        length_s = times_s[index] - start_s
        shortest_s = max(shortest_s, (length_s - TOLERANCE_S) / steps)
        longest_s = min(longest_s, (length_s + TOLERANCE_S) / steps)
        if shortest_s > longest_s:
            return
        yield index, start_s + shortest_s * steps, start_s + longest_s * steps

"""Beats as other programs keep them: stretches of even tempo, each with its first beat."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from autodj.audio.facts import Analysis

TOLERANCE_S = 0.008
"""How far a beat may lie from an even stretch: below what mixing by ear would hear."""
_SAME_TEMPO = 0.005
_METRE = 4


@dataclass(frozen=True, slots=True)
class Beats:
    """The beats in seconds with their numbers in the bar (from 1) as a person would have them
    after a correction; ``is_even`` when one stretch of ``bpm`` is all of them.
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


def beats_of(analysis: Analysis, bpm: float | None) -> Beats | None:
    """The beats at the tempo ``bpm``, which may be a correction; None where there are none.

    Twice or half of what was measured keeps the measured beats, or every second; any other
    correction is an even grid from the first downbeat on.
    """
    if bpm is None or analysis.bpm is None or not analysis.beats_s:
        return None
    metre = analysis.metre or _METRE
    first_s = analysis.downbeats_s[0] if analysis.downbeats_s else analysis.beats_s[0]
    is_even = analysis.grid == "constant"
    ratio = bpm / analysis.bpm
    times_s: Sequence[float]
    if abs(ratio - 1) < _SAME_TEMPO:
        numbers = _numbers(analysis.beats_s, analysis.downbeats_s or (first_s,), metre)
        return Beats(analysis.beats_s, numbers, bpm, metre, is_even)
    if abs(ratio - 2) < 2 * _SAME_TEMPO:
        pairs = zip(analysis.beats_s, analysis.beats_s[1:], strict=False)
        between_s = [(here + there) / 2 for here, there in pairs]
        times_s = sorted([*analysis.beats_s, *between_s])
    elif abs(ratio - 0.5) < _SAME_TEMPO:
        shift = analysis.beats_s.index(first_s) % 2 if first_s in analysis.beats_s else 0
        times_s = analysis.beats_s[shift::2]
    else:
        times_s, is_even = _even(first_s, bpm, analysis.duration_s), True
    return Beats(tuple(times_s), _numbers(times_s, (first_s,), metre), bpm, metre, is_even)


def stretches_of(beats: Beats) -> tuple[Stretch, ...]:
    """As few even stretches as keep every beat within ``TOLERANCE_S``; one for an even grid."""
    times_s = beats.times_s
    if beats.is_even or len(times_s) < 2:
        return (Stretch(times_s[0], beats.bpm, beats.numbers[0], len(times_s)),)
    found = []
    first = 0
    while first < len(times_s) - 1:
        last = first + 1
        while last + 1 < len(times_s) and _is_even(times_s[first : last + 2]):
            last += 1
        bpm = 60 * (last - first) / (times_s[last] - times_s[first])
        found.append(Stretch(times_s[first], bpm, beats.numbers[first], last - first))
        first = last
    return tuple(found)


def _is_even(times_s: Sequence[float]) -> bool:
    period_s = (times_s[-1] - times_s[0]) / (len(times_s) - 1)
    return all(
        abs(times_s[0] + index * period_s - at_s) <= TOLERANCE_S
        for index, at_s in enumerate(times_s)
    )


def _even(first_s: float, bpm: float, duration_s: float) -> Sequence[float]:
    period_s = 60 / bpm
    before = int(first_s / period_s)
    count = int((duration_s - first_s) / period_s) + 1
    return [first_s + index * period_s for index in range(-before, count)]


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

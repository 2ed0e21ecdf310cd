"""A grid of beats and bars, and what a person does to one: double, halve, move, count anew."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil

DECIMALS = 4
USUAL_METRE = 4
_SAME_TIME_S = 10**-DECIMALS
# A beat that comes so little before the track still is one, as in what is measured.
_EARLIEST_S = -0.02


@dataclass(frozen=True, slots=True)
class Grid:
    """Rising beats in seconds within the track of ``duration_s``, the first up to 20 ms before
    it; ``downbeats`` are indices of those that begin a bar, at least one where there are beats.
    ``is_even``: all beats are equally far apart.
    """

    times_s: tuple[float, ...]
    downbeats: tuple[int, ...]
    metre: int
    is_even: bool
    duration_s: float

    @property
    def beats_s(self) -> tuple[float, ...]:
        """As documents list them: a beat before the track at 0."""
        return tuple(max(at_s, 0.0) for at_s in self.times_s)

    @property
    def downbeats_s(self) -> tuple[float, ...]:
        beats_s = self.beats_s
        return tuple(beats_s[index] for index in self.downbeats)

    @property
    def first_downbeat_s(self) -> float:
        return self.times_s[self.downbeats[0]]


def even_times_s(beats_s: Sequence[float]) -> tuple[float, ...]:
    """Even beats that a document lists, the first where the others have it: one that comes
    before the track is listed at 0.
    """
    if len(beats_s) < 3 or beats_s[0] > 0:
        return tuple(beats_s)
    period_s = (beats_s[-1] - beats_s[1]) / (len(beats_s) - 2)
    return (min(_clean(beats_s[1] - period_s), 0.0), *beats_s[1:])


def even(anchor_s: float, bpm: float, duration_s: float, metre: int) -> Grid:
    """Even beats through the whole track, of which one, a downbeat, is at ``anchor_s``; none
    where the track is too short for one.
    """
    period_s = 60 / bpm
    first = ceil((_EARLIEST_S - anchor_s) / period_s)
    after = ceil((duration_s - _SAME_TIME_S - anchor_s) / period_s)
    steps = range(first, after)
    times_s = tuple(_clean(anchor_s + step * period_s) for step in steps)
    downbeats = tuple(range(-first % metre, len(times_s), metre)) or (0,)
    return Grid(times_s, downbeats, metre, True, duration_s)


def multiplied(grid: Grid, by: int) -> Grid:
    """``by`` times as many beats: new ones at equal distances between every two, and around an
    even grid as far as the track goes. Downbeats stay, and the longer bars are parted.
    """
    times_s = [
        _clean(here + (there - here) * part / by)
        for here, there in pairwise(grid.times_s)
        for part in range(by)
    ]
    dense = replace(
        grid,
        times_s=(*times_s, grid.times_s[-1]),
        downbeats=tuple(index * by for index in grid.downbeats),
    )
    return _counted(_extended(dense))


def thinned(grid: Grid, to: int) -> Grid:
    """Every beat in ``to``: those on which most bars begin."""
    kept = _commonest([index % to for index in grid.downbeats])
    downbeats: list[int] = []
    for index in grid.downbeats:
        place = (index - kept) // to
        if index % to == kept and (not downbeats or place - downbeats[-1] >= grid.metre):
            downbeats.append(place)
    return _counted(replace(grid, times_s=grid.times_s[kept::to], downbeats=tuple(downbeats)))


def shifted(grid: Grid, by_s: float) -> Grid:
    """All beats later by ``by_s``; those that leave the track are gone, an even grid goes on."""
    moved = [_clean(at_s + by_s) for at_s in grid.times_s]
    inside = [index for index, at_s in enumerate(moved) if _EARLIEST_S <= at_s < grid.duration_s]
    if not inside:
        return grid
    first, last = inside[0], inside[-1]
    left = [index - first for index in grid.downbeats if first <= index <= last]
    # With no downbeat left, the bars are counted on from the one before.
    downbeats = left or [(grid.downbeats[0] - first) % grid.metre % len(inside)]
    held = replace(grid, times_s=tuple(moved[first : last + 1]), downbeats=tuple(downbeats))
    return _counted(_extended(held))


def barred(grid: Grid, metre: int | None, downbeat_s: float | None) -> Grid:
    """Bars of ``metre`` beats throughout (None: as they are), one of which begins at the beat
    nearest to ``downbeat_s`` (None: at the first downbeat).
    """
    if metre is None and downbeat_s is None:
        return grid
    metre = metre or grid.metre
    origin = grid.downbeats[0] if downbeat_s is None else nearest(grid.times_s, downbeat_s)
    downbeats = tuple(range(origin % metre, len(grid.times_s), metre)) or (origin,)
    return replace(grid, downbeats=downbeats, metre=metre)


def nearest(times_s: Sequence[float], at_s: float) -> int:
    """The index of the time that is nearest; the earlier of two."""
    after = bisect_left(times_s, at_s)
    beside = [index for index in (after - 1, after) if 0 <= index < len(times_s)]
    return min(beside, key=lambda index: abs(times_s[index] - at_s))


def _extended(grid: Grid) -> Grid:
    """An even grid to both ends of the track."""
    times_s = grid.times_s
    if not grid.is_even or len(times_s) < 2:
        return grid
    period_s = (times_s[-1] - times_s[0]) / (len(times_s) - 1)
    before = int((times_s[0] - _EARLIEST_S) / period_s)
    after = int((grid.duration_s - times_s[-1] - _SAME_TIME_S) / period_s)
    return replace(
        grid,
        times_s=(
            *(_clean(times_s[0] - step * period_s) for step in range(before, 0, -1)),
            *times_s,
            *(_clean(times_s[-1] + step * period_s) for step in range(1, after + 1)),
        ),
        downbeats=tuple(index + before for index in grid.downbeats),
    )


def _counted(grid: Grid) -> Grid:
    return replace(grid, downbeats=_filled(grid.downbeats, len(grid.times_s), grid.metre))


def _filled(downbeats: Sequence[int], beats: int, metre: int) -> tuple[int, ...]:
    """Downbeats wherever whole bars are left between those given and at the ends."""
    return tuple(sorted({*downbeats, *_between(downbeats, beats, metre)}))


def _between(downbeats: Sequence[int], beats: int, metre: int) -> Iterator[int]:
    yield from range(downbeats[0] % metre, downbeats[0], metre)
    for here, there in pairwise(downbeats):
        yield from range(here + metre, there - metre + 1, metre)
    yield from range(downbeats[-1] + metre, beats, metre)


def _commonest(places: Sequence[int]) -> int:
    """The first of those that occur most often."""
    return Counter(places).most_common(1)[0][0]


def _clean(at_s: float) -> float:
    """Rounded as measured times are; what lies at the start up to rounding is the start."""
    return max(round(at_s, DECIMALS), 0.0) if at_s > -_SAME_TIME_S else round(at_s, DECIMALS)

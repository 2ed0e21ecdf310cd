"""Where the beats of a tracker module lie, which states rows and no beats.

The drums tell how many rows a beat has: a snare between the strokes of a bass drum, or a bass
drum on every beat and a hi-hat between. What they leave in doubt is no truth.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.truth.piece import Doubles, moments

BEATS_A_BAR: Final = 4
_FEWEST_BEATS: Final = 48
# Swing makes some beats of three or seven ticks; this much more or less is another tempo.
_SAME_TEMPO: Final = 0.06

# From the longest on: a hi-hat between the beats looks like a snare of beats half as long.
_ROWS_A_BEAT: Final = (24, 16, 12, 8, 6, 4, 3)
# A snare's beat is rarely counted otherwise in here. Beats that only a bass drum and a hi-hat
# tell may be half as long where that is no absurd tempo.
_BACKBEAT_BPM: Final = (80.0, 180.0)
_FLOOR_BPM: Final = (100.0, 180.0)

# What makes an instrument a drum: strokes enough, nearly all of one pitch.
_FEWEST_STROKES, _ONE_PITCH = 8, 0.8
# How much of a drum lies in its place, and elsewhere; how many of the places have it.
_SNARE_THERE, _SNARE_ASTRAY = 0.5, 0.1
_BASS_THERE, _BASS_OVER_OTHERS, _STRAY = 0.25, 1.5, 0.01
_FLOOR_THERE, _FLOOR_TAKEN = 0.6, 0.6
_TAKEN, _ALIKE = 0.3, 0.8

Whole = NDArray[np.int64]


class InDoubt(ValueError):
    """Nobody can be sure where the beats of this piece are."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row when it is played: its time, and its place in its pattern from 0 on."""

    start_s: float
    place: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A note that is struck in ``row``, an index of the rows played; ``loudness`` is 0 to 1."""

    row: int
    instrument: int
    pitch: int
    loudness: float


@dataclass(frozen=True, slots=True)
class Course:
    """A module as it was played up to ``end_s``."""

    rows: tuple[Row, ...]
    hits: tuple[Hit, ...]
    end_s: float


@dataclass(frozen=True, slots=True)
class Grid:
    """The beats of a stretch from ``start_s`` to ``end_s``, in seconds from its start.

    ``downbeats_s`` is None where patterns do not tell bars.
    """

    start_s: float
    end_s: float
    beats_s: tuple[float, ...]
    downbeats_s: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class _Drum:
    """``places`` in its pattern of each row that it is struck in, and how loud it is there."""

    rows: Whole
    places: Whole
    loudness: Doubles

    def shares(self, period: int) -> Doubles:
        """How much of it lies on each place of a period of rows, together 1."""
        shares = np.bincount(self.places % period, self.loudness, period)
        return np.asarray(shares / shares.sum(), np.float64)

    def taken(self, places: Whole, period: int, place: int) -> float:
        """The part of the rows on ``place`` of a period that have it."""
        wanted = np.flatnonzero(places % period == place)
        return float(np.isin(wanted, self.rows).mean()) if wanted.size else 0.0


def grid(course: Course) -> Grid:
    """The longest stretch of one tempo, from its first note on; raises ``InDoubt``."""
    size = rows_a_beat(course)
    beats = beat_rows(course.rows, size)
    starts_s = np.array([row.start_s for row in course.rows])
    edges_s = np.append(starts_s[beats], course.end_s)
    first = min(hit.row for hit in course.hits)
    begin, end = _steady(edges_s, int(np.searchsorted(beats, first)))
    if end - begin < _FEWEST_BEATS:
        raise InDoubt(f"one tempo holds for {end - begin} beats alone")
    start_s, end_s = float(edges_s[begin]), float(edges_s[end])
    downbeats_s = None
    if (bars := bar_rows(course.rows, size)) is not None:
        inside = bars[(bars >= beats[begin]) & (starts_s[bars] < end_s)]
        downbeats_s = moments(starts_s[inside] - start_s)
    return Grid(start_s, end_s, moments(edges_s[begin:end] - start_s), downbeats_s)


def rows_a_beat(course: Course) -> int:
    """What the drums agree on; raises ``InDoubt``."""
    drums = _drums(course)
    if not drums:
        raise InDoubt("there are no drums")
    starts_s = np.array([row.start_s for row in course.rows])
    places = np.array([row.place for row in course.rows])
    said = set()
    for tells, (slowest, fastest) in ((_backbeat, _BACKBEAT_BPM), (_floor, _FLOOR_BPM)):
        fitting = (
            size
            for size in _ROWS_A_BEAT
            if slowest <= _bpm(starts_s, size) < fastest and tells(drums, places, size)
        )
        said |= {size for size in [next(fitting, None)] if size}
    if len(said) != 1:
        raise InDoubt("drums tell more than one beat" if said else "drums tell no beat")
    return said.pop()


def beat_rows(rows: Sequence[Row], size: int) -> Whole:
    """The rows that beats begin on; raises ``InDoubt`` where patterns break off inside of one."""
    if not _whole(rows, size):
        raise InDoubt("a pattern breaks off inside a beat")
    return _on(rows, size)


def bar_rows(rows: Sequence[Row], size: int) -> Whole | None:
    """The rows that bars begin on; None where a pattern does not hold whole bars."""
    bar = BEATS_A_BAR * size
    return _on(rows, bar) if _whole(rows, bar) else None


def _on(rows: Sequence[Row], period: int) -> Whole:
    return np.array([at for at, row in enumerate(rows) if row.place % period == 0])


def _whole(rows: Sequence[Row], period: int) -> bool:
    """Whether all that is played in one go begins on a period and, but for the last, ends so."""
    cuts = [at for at in range(1, len(rows)) if rows[at].place != rows[at - 1].place + 1]
    lengths = [end - begin for begin, end in zip([0, *cuts], cuts, strict=False)]
    begins = [rows[at].place for at in [0, *cuts]]
    return not any(each % period for each in [*begins, *lengths])


def _bpm(starts_s: Doubles, size: int) -> float:
    if starts_s.size <= size:
        return 0.0
    return 60 / float(np.median(starts_s[size:] - starts_s[:-size]))


def _steady(edges_s: Doubles, first: int) -> tuple[int, int]:
    """The longest run of beats as long as most are, from ``first`` on."""
    gaps_s = np.diff(edges_s)
    usual_s = float(np.median(gaps_s))
    best, begin = (first, first), first
    for at in range(first, gaps_s.size + 1):
        if at == gaps_s.size or abs(gaps_s[at] - usual_s) > _SAME_TEMPO * usual_s:
            best = max(best, (begin, at), key=lambda run: run[1] - run[0])
            begin = at + 1
    return best


def _drums(course: Course) -> list[_Drum]:
    strokes: dict[int, list[Hit]] = defaultdict(list)
    for hit in course.hits:
        strokes[hit.instrument].append(hit)
    return [
        _Drum(
            np.array([hit.row for hit in own]),
            np.array([course.rows[hit.row].place for hit in own]),
            np.array([hit.loudness for hit in own]),
        )
        for own in strokes.values()
        if len(own) >= _FEWEST_STROKES
        and Counter(hit.pitch for hit in own).most_common(1)[0][1] >= _ONE_PITCH * len(own)
    ]


def _backbeat(drums: Sequence[_Drum], places: Whole, size: int) -> bool:
    """A snare on the second of each pair of beats, a bass drum on the first."""
    pair = 2 * size

    def snare(drum: _Drum) -> bool:
        shares = drum.shares(pair)
        gathered = shares[size] >= _SNARE_THERE and shares[0] <= _SNARE_ASTRAY
        return bool(gathered) and drum.taken(places, pair, size) >= _TAKEN

    def bass(drum: _Drum) -> bool:
        shares = drum.shares(pair)
        others = np.delete(shares, [0, size])
        usual = others[others > _STRAY].mean() if (others > _STRAY).any() else 0.0
        gathered = shares[0] >= max(_BASS_THERE, _BASS_OVER_OTHERS * usual, _ALIKE * shares[size])
        return bool(gathered) and drum.taken(places, pair, 0) >= _TAKEN

    return any(map(snare, drums)) and any(map(bass, drums))


def _floor(drums: Sequence[_Drum], places: Whole, size: int) -> bool:
    """A bass drum on every beat, as much on the second of a pair, and a hi-hat between."""

    def there(drum: _Drum, place: int, taken: float) -> bool:
        gathered = drum.shares(size)[place] >= _FLOOR_THERE
        return bool(gathered) and drum.taken(places, size, place) >= taken

    def bass(drum: _Drum) -> bool:
        shares = drum.shares(2 * size)
        return bool(shares[size] >= _ALIKE * shares[0]) and there(drum, 0, _FLOOR_TAKEN)

    return (
        size % 2 == 0
        and any(map(bass, drums))
        and any(there(drum, size // 2, _TAKEN) for drum in drums)
    )

"""Stretches that keep one tempo, in music that does not keep it from start to end."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

# Eight bars: fewer beats lie near a line where a tempo climbs slowly.
_FEWEST = 32
# Of so many beats together.
_OFF_S = ((1, 0.025), (8, 0.008))
_SHARE, _SHARE_OFF_S = 4, 0.004

_Doubles = NDArray[np.float64]


def straighten_stretches(beats_s: _Doubles) -> _Doubles:
    """Beats that were followed one by one, made even wherever 32 or more of them keep one tempo."""
    straight = beats_s.copy()
    for start, stop in even_stretches(beats_s):
        straight[start:stop] = _line(beats_s[start:stop])
    return straight


def even_stretches(beats_s: _Doubles) -> list[tuple[int, int]]:
    """Where beats lie on one line, from the first to behind the last, each as long as it can be.

    A quarter of them together may be 4 ms off, eight of them 8, one 25: who drifts is told from
    who is followed roughly.
    """
    if beats_s.size < _FEWEST:
        return []
    begins = _are_even(sliding_window_view(beats_s, _FEWEST))
    stretches, start = [], 0
    while (ahead := np.flatnonzero(begins[start:])).size:
        start += int(ahead[0])
        stop = _end(beats_s, start)
        stretches.append((start, stop))
        start = stop
    return stretches


def _end(beats_s: _Doubles, start: int) -> int:
    """How far the line from ``start`` goes: doubled until it is too long, then by halves."""

    def goes_to(stop: int) -> bool:
        return stop <= beats_s.size and bool(_are_even(beats_s[None, start:stop])[0])

    stop = start + _FEWEST
    step = _FEWEST
    while goes_to(stop + step):
        stop, step = stop + step, 2 * step
    while step := step // 2:
        if goes_to(stop + step):
            stop += step
    return stop


def _are_even(rows: _Doubles) -> NDArray[np.bool_]:
    """Whether the beats of each row lie on a line of its own."""
    count = rows.shape[1]
    at = np.arange(count) - (count - 1) / 2
    off_s = rows - rows.mean(axis=1, keepdims=True) - (rows @ at / (at @ at))[:, None] * at
    sums = np.zeros((len(rows), count + 1))
    np.cumsum(off_s, axis=1, out=sums[:, 1:])
    even = np.ones(len(rows), bool)
    for together, most_s in (*_OFF_S, (count // _SHARE, _SHARE_OFF_S)):
        means = (sums[:, together:] - sums[:, :-together]) / together
        even &= np.abs(means).max(axis=1) < most_s
    return even


def _line(beats_s: _Doubles) -> _Doubles:
    at = np.arange(beats_s.size)
    return np.asarray(np.polynomial.Polynomial.fit(at, beats_s, 1)(at))

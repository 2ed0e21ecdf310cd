"""Stretches that keep one tempo, in music that does not keep it from start to end."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

# Eight bars: fewer beats lie near a line where a tempo climbs slowly.
_FEWEST = 32
_ONE_OFF_S = 0.025
_FEW, _FEW_OFF_S = 8, 0.008
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
    """How far the line from ``start`` goes, by doubling and halving."""
    step = _FEWEST
    stop = start + step
    while step:
        further = min(stop + step, beats_s.size)
        if further > stop and _are_even(beats_s[None, start:further])[0]:
            stop, step = further, 2 * step
        else:
            step //= 2
    return stop


def _are_even(rows: _Doubles) -> NDArray[np.bool_]:
    """Whether the beats of each row lie on a line of its own."""
    at = np.arange(rows.shape[1]) - (rows.shape[1] - 1) / 2
    middle = rows.mean(axis=1, keepdims=True)
    off_s = rows - middle - (rows @ at / (at @ at))[:, None] * at
    few = _none_off(off_s, 1, _ONE_OFF_S) & _none_off(off_s, _FEW, _FEW_OFF_S)
    return few & _none_off(off_s, rows.shape[1] // _SHARE, _SHARE_OFF_S)


def _none_off(off_s: _Doubles, together: int, most_s: float) -> NDArray[np.bool_]:
    """Whether so many neighbours are nowhere further off, on average."""
    sums = np.cumsum(np.pad(off_s, ((0, 0), (1, 0))), axis=1)
    means = (sums[:, together:] - sums[:, :-together]) / together
    return np.asarray(np.abs(means).max(axis=1) < most_s)


def _line(beats_s: _Doubles) -> _Doubles:
    at = np.arange(beats_s.size)
    return np.asarray(np.polynomial.Polynomial.fit(at, beats_s, 1)(at))

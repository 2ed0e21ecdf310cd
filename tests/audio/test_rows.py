"""What is kept over time: all of it, in its order, whatever room was made at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autodj.audio.rows import Rows


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 7))
def test_rows_come_back_in_their_order_however_many_came_together(
    counts: list[int], at_once: int
) -> None:
    kept = Rows(2, np.float16, at_once)
    numbers = np.arange(2.0 * sum(counts)).reshape(-1, 2)
    for block in np.split(numbers, np.cumsum(counts)[:-1]):
        kept.add(block)
    taken = kept.taken()
    assert taken.dtype == np.float16
    assert np.array_equal(taken, numbers)


def test_what_was_taken_is_no_longer_kept() -> None:
    kept = Rows(3, np.float32, at_once=2)
    kept.add(np.ones((5, 3)))
    assert len(kept.taken()) == 5
    kept.add(np.zeros((1, 3)))
    assert np.array_equal(kept.taken(), np.zeros((1, 3)))

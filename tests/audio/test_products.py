"""A product is added where the sum lies, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from autodj.audio.products import add_product


def drawn(rows: int, columns: int) -> NDArray[np.float32]:
    return np.random.default_rng(rows).normal(size=(rows, columns)).astype(np.float32)


@pytest.mark.parametrize("rows", [0, 1, 7, 300])
def test_a_product_is_added_to_the_rows_that_are_there(rows: int) -> None:
    total, left, right = drawn(rows + 2, 5), drawn(rows, 3), drawn(3, 5)
    wanted = total.copy()
    wanted[1:-1] += left @ right
    add_product(total[1:-1], left, right)
    np.testing.assert_allclose(total, wanted, atol=1e-6)


def test_factors_may_lie_askew() -> None:
    total, left, right = np.zeros((4, 5), np.float32), drawn(8, 6), drawn(10, 3)
    add_product(total, left[::2, 3:], right[::2].T)
    np.testing.assert_allclose(total, left[::2, 3:] @ right[::2].T, atol=1e-6)


def test_a_sum_that_is_not_in_one_piece_is_refused() -> None:
    with pytest.raises(AssertionError):
        add_product(np.zeros((4, 10), np.float32)[:, :5], drawn(4, 3), drawn(3, 5))

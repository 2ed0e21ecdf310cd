"""Products of matrices that are added to what is there already."""

from __future__ import annotations

from scipy.linalg.blas import sgemm

from autodj.audio.frames import Floats


def add_product(total: Floats, left: Floats, right: Floats) -> None:
    """``total += left @ right``, without room for the product and a pass to add it.

    ``total`` has to lie in one piece: BLAS would add to a copy of any other.
    """
    assert total.flags.c_contiguous
    if not total.size:
        return
    # BLAS thinks in columns: turned over, all three are in order where they lie.
    sgemm(1.0, right.T, left.T, 1.0, total.T, overwrite_c=True)

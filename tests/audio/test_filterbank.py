"""A bank of filters gives what the product with all of them would."""

from __future__ import annotations

import numpy as np
import pytest

from autodj.audio.filterbank import FilterBank
from autodj.audio.frames import Floats
from autodj.audio.rhythm.bands import band_filters


def stairs(bins: int, bands: int) -> Floats:
    """Every band the plain sum of the bins between two edges."""
    edges = np.linspace(0, bins, bands + 1).astype(int)
    at = np.arange(bins)[:, None]
    return ((edges[:-1] <= at) & (at < edges[1:])).astype(np.float32)


@pytest.mark.parametrize(
    "filters",
    [band_filters(22050, 960), band_filters(24000, 1024), stairs(481, 40), stairs(30, 3)],
    ids=["bands at 22.05 kHz", "bands at 24 kHz", "forty sums", "fewer than one group"],
)
def test_bands_are_those_of_the_whole_product(filters: Floats) -> None:
    spectra = np.random.default_rng(5).random((7, len(filters))).astype(np.float32)
    wanted = spectra.astype(np.float64) @ filters.astype(np.float64)
    np.testing.assert_allclose(FilterBank(filters)(spectra), wanted, rtol=1e-5)


def test_no_spectra_have_no_bands() -> None:
    assert FilterBank(stairs(481, 40))(np.zeros((0, 481), np.float32)).shape == (0, 40)

"""A part of the rate: what it can hold stays where it was, what would fold back is gone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autodj.audio.decimate import Decimator, Halvings, low_pass

RATE_HZ = 44_100


def tone(hz: float, samples: int, rate_hz: float = RATE_HZ) -> NDArray[np.float32]:
    turns = hz * np.arange(samples) / rate_hz
    return np.asarray(np.cos(2 * np.pi * turns + 1), np.float32)


def through(
    stream: Decimator | Halvings, samples: NDArray[np.float32], cuts: Sequence[int] = ()
) -> NDArray[np.float32]:
    parts = [stream.push(part) for part in np.split(samples, sorted(cuts))]
    return np.concatenate([*parts, stream.finish()])


@pytest.mark.parametrize(
    ("factor", "hz"),
    [(2, 0.0), (2, 55.0), (2, 8000.0), (2, 10_000.0), (4, 0.0), (4, 1000.0), (4, 4400.0)],
)
def test_what_the_new_rate_can_hold_stays_as_it_was(factor: int, hz: float) -> None:
    found, wanted = through(Decimator(factor), tone(hz, 20_000)), tone(hz, 20_000)[::factor]
    np.testing.assert_allclose(found[20:-20], wanted[20:-20], atol=0.005)


@pytest.mark.parametrize(
    ("factor", "hz"),
    [(2, 12_100.0), (2, 14_000.0), (2, 22_000.0), (4, 6600.0), (4, 11_000.0), (4, 21_000.0)],
)
def test_what_would_fold_back_is_fifty_decibels_down(factor: int, hz: float) -> None:
    found = through(Decimator(factor), tone(hz, 20_000))
    assert np.abs(found[20:-20]).max() < 10 ** (-49 / 20)


def test_three_halvings_keep_the_time() -> None:
    click = np.zeros(8000, np.float32)
    click[4000] = 1.0
    assert through(Halvings(3), click).argmax() == 500


@settings(deadline=None)
@given(
    samples=st.integers(0, 700),
    cuts=st.lists(st.integers(0, 700), max_size=6),
    factors=st.sampled_from([[], [2], [4], [2, 2], [2, 2, 2]]),
)
def test_blocks_of_any_size_give_what_one_convolution_gives(
    samples: int, cuts: list[int], factors: list[int]
) -> None:
    noise = np.random.default_rng(samples).normal(0, 0.3, samples).astype(np.float32)
    wanted = noise
    for factor in factors if samples else []:
        wanted = np.convolve(wanted, low_pass(factor))[31 : 31 + wanted.size : factor]
    stream = Decimator(4) if factors == [4] else Halvings(len(factors))
    found = through(stream, noise, [cut % (samples + 1) for cut in cuts])
    assert found.size == -(-samples // int(np.prod(factors)))
    np.testing.assert_allclose(found, wanted, atol=1e-6)

"""The weighting of whole blocks is that of a filter that goes sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import sosfilt

from autodj.audio.kweighting import KWeighting, k_filters
from autodj.audio.loudness import LoudnessStream, levels
from tests.clips import beat

# A millionth of what goes in: 120 dB below it.
CLOSE = 1e-6


def filtered(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    sections = np.array([np.concatenate(each) for each in k_filters(rate_hz)])
    return np.asarray(sosfilt(sections, samples.astype(np.float64), axis=1))


def weighted(
    samples: NDArray[np.float32], rate_hz: int, cuts: list[int] | None = None
) -> NDArray[np.float32]:
    stream = KWeighting(rate_hz, len(samples))
    parts = [stream.push(part) for part in np.split(samples, sorted(cuts or []), axis=1)]
    return np.concatenate([*parts, stream.finish()], axis=1)


def test_the_filters_are_those_of_the_recommendation() -> None:
    """ITU-R BS.1770, tables 1 and 2: the coefficients at 48 kHz. It leaves out the high-pass's
    gain, as is done here.
    """
    (shelf, shelf_poles), (high_pass, high_pass_poles) = k_filters(48_000)
    for found, stated in (
        (shelf, [1.53512485958697, -2.69169618940638, 1.19839281085285]),
        (shelf_poles, [1.0, -1.69065929318241, 0.73248077421585]),
        (high_pass, [1.0, -2.0, 1.0]),
        (high_pass_poles, [1.0, -1.99004745483398, 0.99007225036621]),
    ):
        np.testing.assert_allclose(found, stated, atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(
    rate_hz=st.sampled_from([8_000, 11_025, 44_100, 48_000, 96_000, 192_000]),
    channels=st.integers(1, 2),
    samples=st.integers(1, 5000),
    cuts=st.lists(st.integers(0, 5000), max_size=6),
)
def test_any_blocks_at_any_rate_are_filtered_as_one(
    rate_hz: int, channels: int, samples: int, cuts: list[int]
) -> None:
    noise = np.random.default_rng(samples).uniform(-1, 1, (channels, samples)).astype(np.float32)
    found = weighted(noise, rate_hz, [cut % (samples + 1) for cut in cuts])
    assert found.shape == noise.shape
    np.testing.assert_allclose(found, filtered(noise, rate_hz), atol=CLOSE)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("gain", [1.0, 1e-4])
def test_the_energies_of_music_are_exact_to_a_thousandth_of_a_unit(
    rate_hz: int, gain: float
) -> None:
    music = beat(6, rate_hz=rate_hz) * np.float32(gain)
    music[:, : 2 * rate_hz] *= np.float32(0.01)
    stream = LoudnessStream(rate_hz, 2)
    for part in np.array_split(music, 5, axis=1):
        stream.push(part)
    step = rate_hz // 10
    steps = filtered(music, rate_hz)[:, : 60 * step].reshape(2, 60, step)
    wanted = levels(np.square(steps).mean(axis=2).sum(axis=0))
    np.testing.assert_allclose(levels(stream.finish()), wanted, atol=0.001)


def test_a_constant_offset_is_not_heard() -> None:
    offset = np.full((1, 96_000), 0.5, np.float32)
    assert np.abs(weighted(offset, 48_000)[:, 48_000:]).max() < CLOSE

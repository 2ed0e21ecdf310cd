"""Blocks hold the samples of the frames, none lost and none invented."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from av import AudioFrame, AudioResampler
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autodj.audio.blocks import BLOCK_SAMPLES, source_blocks

RATE_HZ = 44_100


def noise(samples: int, channels: int, seed: int = 0) -> NDArray[np.float32]:
    """Values that sixteen bits can hold."""
    drawn = np.random.default_rng(seed).integers(-(2**15), 2**15, (channels, samples))
    return (drawn / 2**15).astype(np.float32)


def frames(
    samples: NDArray[np.float32],
    *,
    sample_format: str = "fltp",
    cuts: Sequence[int] = (),
    rate_hz: int = RATE_HZ,
) -> list[AudioFrame]:
    layout = "mono" if len(samples) == 1 else "stereo"
    made: list[AudioFrame] = []
    for part in np.split(samples, sorted(cuts), axis=1):
        if part.shape[1]:
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(part), format="fltp", layout=layout
            )
            frame.sample_rate = rate_hz
            # A gap in the time stamps must not become silence.
            frame.pts = 7_777_777 * len(made)
            made.append(converted(frame, sample_format) if sample_format != "fltp" else frame)
    return made


def converted(frame: AudioFrame, sample_format: str) -> AudioFrame:
    resampler = AudioResampler(
        format=sample_format, layout=frame.layout.name, rate=frame.sample_rate
    )
    (made,) = resampler.resample(frame)
    return made


def gathered(
    given: Sequence[AudioFrame], channels: int, rate_hz: int = RATE_HZ
) -> list[NDArray[np.float32]]:
    return [block.copy() for block in source_blocks(given, rate_hz, channels)]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    "sample_format", ["fltp", "flt", "s16p", "s16", "s32p", "s32", "dblp", "dbl"]
)
def test_every_format_gives_its_samples(sample_format: str, channels: int) -> None:
    samples = noise(9000, channels)
    given = frames(samples, sample_format=sample_format, cuts=[100, 4708, 8000])
    blocks = gathered(given, channels)
    assert all(block.dtype == np.float32 for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), samples)


@settings(max_examples=50, deadline=None)
@given(cuts=st.lists(st.integers(0, 400_000), max_size=30))
def test_frames_of_any_length_are_gathered_in_order(cuts: list[int]) -> None:
    samples = noise(400_000, 2)
    blocks = gathered(frames(samples, cuts=cuts), 2)
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), samples)
    assert [block.shape[1] for block in blocks] == [BLOCK_SAMPLES, 400_000 - BLOCK_SAMPLES]


def test_a_change_of_rate_layout_or_format_midway_is_converted() -> None:
    first, second = noise(20_000, 2, 1), noise(22_050, 2, 2)
    for other in (
        frames(second, rate_hz=22_050),
        frames(second, sample_format="s16"),
        frames(second[:1]),
    ):
        blocks = gathered([*frames(first, cuts=[5000]), *other], 2)
        found = np.concatenate(blocks, axis=1)
        np.testing.assert_array_equal(found[:, :20_000], first)
        times = 2 if other[0].sample_rate == 22_050 else 1
        assert found.shape[1] == pytest.approx(20_000 + times * 22_050, abs=64)
        assert np.abs(found[:, 20_100:]).max() > 0.5


def test_more_than_two_channels_become_two() -> None:
    frame = AudioFrame.from_ndarray(noise(5000, 6), format="fltp", layout="5.1")
    frame.sample_rate = RATE_HZ
    (block,) = gathered([frame], 2)
    assert block.shape == (2, 5000)


def test_a_block_is_not_overwritten_by_the_next() -> None:
    samples = noise(2 * BLOCK_SAMPLES + 1000, 2)
    cuts = range(0, samples.shape[1], 1152)
    kept = list(source_blocks(frames(samples, cuts=cuts), RATE_HZ, 2))
    assert len(kept) == 3
    np.testing.assert_array_equal(np.concatenate(kept, axis=1), samples)


def test_no_frames_give_no_blocks() -> None:
    assert gathered([], 2) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_no_number_leaves_the_rest_as_it_is(value: float) -> None:
    samples = noise(3000, 2)
    broken = samples.copy()
    broken[1, 1000] = value
    (block,) = gathered(frames(broken), 2)
    assert np.isfinite(block).all()
    assert np.abs(block).max() <= 2.0**31
    block[1, 1000] = samples[1, 1000]
    np.testing.assert_array_equal(block, samples)

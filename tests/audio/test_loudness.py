"""Loudness and true peak against the signals whose values are defined.

The cases are those of EBU Tech 3341, "Loudness metering: EBU mode", table 1, remade from their
descriptions: integrated loudness within 0.1 LU, true peak within +0.2 and -0.4 dB.
"""

from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autodj.audio.loudness import (
    LoudnessStream,
    TruePeakStream,
    _interpolators,
    gated_loudness,
    loudness_range,
)
from tests.clips import beat

RATE_HZ = 48000


def tone(level_dbfs: float, seconds: float, *, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    """1 kHz in both channels; the level is that of the sine's peak, as in EBU Tech 3341."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    sine = 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * 1000 * t)
    return np.stack([sine, sine]).astype(np.float32)


def energies(samples: NDArray[np.float32], rate_hz: int = RATE_HZ) -> NDArray[np.float64]:
    stream = LoudnessStream(rate_hz, samples.shape[0])
    for start in range(0, samples.shape[1], 30_011):
        stream.push(samples[:, start : start + 30_011])
    return stream.finish()


def loudness(samples: NDArray[np.float32], rate_hz: int = RATE_HZ) -> float | None:
    return gated_loudness(energies(samples, rate_hz))


@pytest.mark.parametrize(
    ("passages", "lufs"),
    [
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
    ids=["case 1", "case 2", "case 3", "case 4", "case 5"],
)
def test_integrated_loudness_is_that_of_ebu_3341(
    passages: list[tuple[float, float]], lufs: float
) -> None:
    signal = np.concatenate([tone(level, seconds) for level, seconds in passages], axis=1)
    assert loudness(signal) == pytest.approx(lufs, abs=0.1)


@pytest.mark.parametrize(
    ("passages", "range_lu"),
    [
        ([(-20, 20), (-30, 20)], 10.0),
        ([(-20, 20), (-15, 20)], 5.0),
        ([(-40, 20), (-20, 20)], 20.0),
        ([(-50, 20), (-35, 20), (-20, 20), (-35, 20), (-50, 20)], 15.0),
    ],
    ids=["case 1", "case 2", "case 3", "case 4"],
)
def test_the_loudness_range_is_that_of_ebu_3342(
    passages: list[tuple[float, float]], range_lu: float
) -> None:
    signal = np.concatenate([tone(level, seconds) for level, seconds in passages], axis=1)
    assert loudness_range(energies(signal)) == pytest.approx(range_lu, abs=1.0)


def test_silence_has_no_range() -> None:
    assert loudness_range(energies(np.zeros((2, 10 * RATE_HZ), np.float32))) is None


@pytest.mark.parametrize("rate_hz", [8000, 11025, 22050, 44100, 96000, 192000])
def test_the_rate_makes_no_difference(rate_hz: int) -> None:
    assert loudness(tone(-23, 5, rate_hz=rate_hz), rate_hz) == pytest.approx(-23.0, abs=0.1)


def test_one_channel_is_three_decibels_softer_than_the_same_in_two() -> None:
    assert loudness(tone(-23, 5)[:1]) == pytest.approx(-26.0, abs=0.1)


@pytest.mark.parametrize("rate_hz", [44100, 48000])
@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_music_is_as_loud_as_another_meter_says(rate_hz: int, gain: float) -> None:
    music = beat(12, rate_hz=rate_hz) * np.float32(gain)
    music[:, : 3 * rate_hz] *= np.float32(0.05)
    other = pyloudnorm.Meter(rate_hz).integrated_loudness(music.T.astype(np.float64))
    assert loudness(music, rate_hz) == pytest.approx(other, abs=0.1)


@pytest.mark.parametrize("samples", [np.zeros((2, 96000)), tone(-80, 2), tone(-23, 0.3)])
def test_what_never_passes_the_gate_has_no_loudness(samples: NDArray[np.float32]) -> None:
    assert loudness(samples.astype(np.float32)) is None


def true_peak(samples: NDArray[np.float64]) -> float | None:
    stream = TruePeakStream(1)
    for block in np.array_split(samples[None, :].astype(np.float32), 7, axis=1):
        stream.push(block)
    return stream.finish()


@pytest.mark.parametrize(
    ("divisor", "phase_degrees", "amplitude", "dbtp"),
    [
        (4, 0, 0.5, -6.0),
        (4, 45, 0.5, -6.0),
        (6, 60, 0.5, -6.0),
        (8, 67.5, 0.5, -6.0),
        (4, 45, 1.41, 3.0),
    ],
    ids=["case 15", "case 16", "case 17", "case 18", "case 19"],
)
def test_true_peak_is_that_of_ebu_3341(
    divisor: int, phase_degrees: float, amplitude: float, dbtp: float
) -> None:
    turns = np.arange(RATE_HZ) / divisor + phase_degrees / 360
    fade = np.clip(np.minimum(np.arange(RATE_HZ), np.arange(RATE_HZ)[::-1]) / 2000, 0, 1)
    peak = true_peak(amplitude * fade * np.sin(2 * np.pi * turns))
    assert peak is not None
    assert dbtp - 0.4 <= peak <= dbtp + 0.2


def test_silence_has_no_peak() -> None:
    assert true_peak(np.zeros(1000)) is None


def between(samples: NDArray[np.float32]) -> float:
    """The largest of everything that four times oversampling gives, in double precision."""
    padded = np.pad(samples.astype(np.float64), (40, 40))
    values = [np.convolve(padded, kernel[::-1].astype(np.float64)) for kernel in _interpolators()]
    return float(max(np.abs(value).max() for value in [*values, padded]))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    samples=st.integers(1, 4000),
    power=st.sampled_from([0.0, 1.0, 6.0]),
    cuts=st.lists(st.integers(0, 4000), max_size=4),
)
def test_the_peak_is_what_interpolating_everything_would_find(
    seed: int, samples: int, power: float, cuts: list[int]
) -> None:
    """Square waves, noise, and noise with few peaks."""
    noise = np.random.default_rng(seed).uniform(-1, 1, samples)
    signal = (np.sign(noise) * np.abs(noise) ** power).astype(np.float32)
    stream = TruePeakStream(1)
    for part in np.split(signal, sorted(cut % (samples + 1) for cut in cuts)):
        stream.push(part[None, :])
    found = stream.finish()
    wanted = between(signal)
    if wanted < 1e-6:
        assert found is None
    else:
        assert found == pytest.approx(20 * np.log10(wanted), abs=1e-5)


@pytest.mark.parametrize("block", [256, 4096, 131072])
def test_a_peak_between_two_blocks_is_found(block: int) -> None:
    signal = np.zeros(2 * block, np.float32)
    signal[block - 1 : block + 1] = 0.7
    stream = TruePeakStream(1)
    for part in np.split(signal, 2):
        stream.push(part[None, :])
    assert stream.finish() == pytest.approx(20 * np.log10(between(signal)), abs=1e-5)

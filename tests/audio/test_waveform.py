"""The outline shows what is there, where it is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from autodj.audio.waveform import MAX_POINTS, WaveformStream
from tests.audio.conftest import Measure

RATE_HZ = 44100


def sine(hz: float, amplitude: float, seconds: float) -> NDArray[np.float32]:
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * hz * t)).astype(np.float32)[None, :]


@pytest.mark.parametrize(("hz", "band"), [(80.0, "low"), (700.0, "mid"), (6000.0, "high")])
def test_a_tone_shows_in_its_band_at_its_level(measure: Measure, hz: float, band: str) -> None:
    waveform = measure(sine(hz, 0.5, 4), RATE_HZ).waveform
    assert waveform.points_per_s == 50
    assert len(waveform.peak) == len(waveform.low) == len(waveform.mid) == len(waveform.high) == 200
    inner = slice(10, -10)
    assert set(waveform.peak[inner]) <= {127, 128}
    for name in ("low", "mid", "high"):
        values = getattr(waveform, name)[inner]
        if name == band:
            assert min(values) >= 120
            assert max(values) <= 134
        else:
            assert max(values) <= 8


def test_a_burst_shows_at_its_time(measure: Measure) -> None:
    samples = np.zeros((1, 3 * RATE_HZ), np.float32)
    samples[:, RATE_HZ : RATE_HZ + 200] = 1.0
    peak = measure(samples, RATE_HZ).waveform.peak
    assert [point for point, value in enumerate(peak) if value] == [50]
    assert peak[50] == 255


def test_the_louder_channel_is_shown(measure: Measure) -> None:
    samples = np.concatenate([sine(500, 0.1, 2), sine(500, 0.8, 2)])
    assert max(measure(samples, RATE_HZ).waveform.peak) == 204


@pytest.mark.parametrize("rate_hz", [8000, 11025, 22050, 44100, 48000, 192000])
@pytest.mark.parametrize("block", [1000, 7777, 32768])
def test_every_rate_and_block_gives_fifty_points_a_second(rate_hz: int, block: int) -> None:
    ramp = np.linspace(0, 1, 2 * rate_hz, endpoint=False, dtype=np.float32)[None, :]
    stream = WaveformStream(rate_hz)
    for start in range(0, ramp.shape[1], block):
        stream.push_samples(ramp[:, start : start + block])
    peak = stream.finish().peak
    assert len(peak) == 100
    assert list(peak) == pytest.approx([255 * (point + 1) / 100 for point in range(100)], abs=1)


def test_a_long_track_gets_fewer_points_a_second() -> None:
    stream = WaveformStream(8000)
    minute = np.full((1, 60 * 8000), 0.25, np.float32)
    for _ in range(25):
        stream.push_samples(minute)
    waveform = stream.finish()
    assert waveform.points_per_s == pytest.approx(50 / 3)
    assert len(waveform.peak) == 25_000 <= MAX_POINTS
    assert set(waveform.peak) == {64}


def test_no_samples_give_no_points() -> None:
    assert WaveformStream(44100).finish().peak == ()


def test_the_least_and_the_largest_sample_are_kept_each_with_its_sign() -> None:
    samples = np.zeros((2, RATE_HZ), np.float32)
    samples[0, 882 * 10] = -1.0
    samples[1, 882 * 10 + 5] = 0.5
    samples[:, 882 * 20 : 882 * 21] = 0.25
    stream = WaveformStream(RATE_HZ)
    stream.push_samples(samples)
    waveform = stream.finish()
    assert (waveform.min[10], waveform.max[10], waveform.peak[10]) == (-128, 64, 255)
    assert (waveform.min[20], waveform.max[20], waveform.peak[20]) == (32, 32, 64)
    assert len(waveform.min) == len(waveform.max) == len(waveform.peak) == 50

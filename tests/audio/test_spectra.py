"""One piece has the same spectra at whatever rate and in whatever blocks it comes."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autodj.audio.frames import SpectrumStream
from autodj.audio.rhythm.bands import BandStream
from autodj.audio.rhythm.onsets import OnsetStream
from autodj.audio.spectra import Spectra, halvings_of

HIGHEST_HZ = 9_000


def bursts(rate_hz: int, seconds: int = 3) -> NDArray[np.float32]:
    """Pink noise that is struck four times a second: the same sound at every rate."""
    noise = np.random.default_rng(0)
    lines = np.arange(1, HIGHEST_HZ * seconds)
    turns = np.exp(2j * np.pi * noise.random(lines.size)) / np.sqrt(lines)
    count = rate_hz * seconds
    spectrum = np.zeros(count // 2 + 1, np.complex128)
    spectrum[lines] = turns
    struck = np.exp(-12 * (np.arange(count) / rate_hz % 0.25))
    return (0.02 * count * np.fft.irfft(spectrum, count) * struck)[None, :].astype(np.float32)


@cache
def band_levels(rate_hz: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    spectra = Spectra(rate_hz, 1)
    bands = BandStream(spectra.rate_hz, spectra.window_samples)
    onsets = OnsetStream(spectra.rate_hz, spectra.window_samples)
    for magnitudes, _ in (spectra.push(bursts(rate_hz)), spectra.finish()):
        bands.push(magnitudes)
        onsets.push(magnitudes)
    return bands.finish().astype(np.float32), onsets.finish()


@pytest.mark.parametrize("rate_hz", [22_050, 44_100, 88_200, 24_000, 96_000, 192_000, 32_000])
def test_levels_and_attacks_are_nearly_those_of_48_khz(rate_hz: int) -> None:
    (levels, onsets), (wanted, attacks) = band_levels(rate_hz), band_levels(48_000)
    assert abs(len(levels) - len(wanted)) <= 1
    frames = min(len(levels), len(wanted)) - 3
    difference = np.abs(levels[3:frames] - wanted[3:frames])
    # Levels are logarithms and reach 2 here: a difference of 0.1 is less than a decibel.
    assert wanted.max() > 2
    assert difference.mean() < 0.03
    assert np.quantile(difference, 0.99) < 0.2
    assert np.corrcoef(onsets[6 : 2 * frames], attacks[6 : 2 * frames])[0, 1] > 0.98


@pytest.mark.parametrize(
    ("rate_hz", "halvings"),
    [(22_050, 0), (44_100, 1), (88_200, 2), (176_400, 3), (48_000, 1), (192_000, 3)]
    + [(rate_hz, None) for rate_hz in (8_000, 11_025, 16_000, 32_000, 44_056)],
)
def test_the_usual_rates_are_halved_and_others_converted(
    rate_hz: int, halvings: int | None
) -> None:
    assert halvings_of(rate_hz) == halvings


@pytest.mark.parametrize("rate_hz", [8_000, 32_000, 44_100, 48_000])
def test_a_tone_stands_in_its_bin_at_its_amplitude(rate_hz: int) -> None:
    turns = 440 * np.arange(4 * rate_hz) / rate_hz
    spectra = Spectra(rate_hz, 2)
    tone = np.repeat(0.5 * np.sin(2 * np.pi * turns)[None, :], 2, axis=0).astype(np.float32)
    (rhythm, early), (last, late) = spectra.push(tone), spectra.finish()
    pitch = np.concatenate([early, late])
    assert len(rhythm) + len(last) == pytest.approx(401, abs=1)
    for frames, rate, window in (
        (rhythm[20:-20], spectra.rate_hz, spectra.window_samples),
        (pitch[5:-5], spectra.pitch_rate_hz, spectra.pitch_window_samples),
    ):
        assert frames.shape[1] == window // 2 + 1
        assert set(frames.argmax(axis=1)) == {round(440 * window / rate)}
        np.testing.assert_allclose(np.square(frames).sum(axis=1), 0.25, rtol=0.01)


def test_the_two_sides_of_a_stereo_piece_are_averaged() -> None:
    music = bursts(44_100)
    (one, _), (both, _) = (
        Spectra(44_100, 1).push(music),
        Spectra(44_100, 2).push(np.concatenate([2 * music, 0 * music])),
    )
    np.testing.assert_allclose(both, one, atol=1e-6)


@pytest.mark.parametrize("rate_hz", [22_050, 24_000])
def test_frames_stay_a_hundredth_of_a_second_apart(rate_hz: int) -> None:
    stream = SpectrumStream(64, Fraction(rate_hz, 100))
    samples = np.zeros(2 * rate_hz, np.float32)
    clicks = [round(frame * rate_hz / 100) for frame in (0, 1, 7, 100, 151)]
    samples[clicks] = 1.0
    energy = np.concatenate([stream.push(samples), stream.finish()]).sum(axis=1)
    assert np.flatnonzero(energy).tolist() == [0, 1, 7, 100, 151]
    np.testing.assert_allclose(energy[[0, 1, 7, 100, 151]], energy.max(), rtol=0.01)


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 3000), max_size=8),
    quarters=st.integers(30, 2000),
    samples=st.integers(0, 3000),
    at_once=st.integers(1, 20),
)
def test_blocks_of_any_size_give_the_same_frames(
    cuts: list[int], quarters: int, samples: int, at_once: int
) -> None:
    noise = np.random.default_rng(samples).normal(0, 0.3, samples).astype(np.float32)
    hop = Fraction(quarters, 4)
    whole, pieces = SpectrumStream(96, hop), SpectrumStream(96, hop, at_once)
    wanted = np.concatenate([whole.push(noise), whole.finish()])
    parts = np.split(noise, sorted(cut % (samples + 1) for cut in cuts))
    given_out = [pieces.push(part) for part in parts]
    assert all(len(frames) == 0 or len(frames) >= at_once for frames in given_out)
    found = np.concatenate([*given_out, pieces.finish()])
    assert len(found) == ceil((samples + Fraction(1, 2)) / hop)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    padded = np.pad(noise, (48, 48 + 96))
    for frame in range(len(found)):
        start = int(frame * hop + Fraction(1, 2))
        energy = np.square(padded[start : start + 96] * np.hanning(97)[:-1]).sum()
        assert found[frame].any() == (energy > 0)

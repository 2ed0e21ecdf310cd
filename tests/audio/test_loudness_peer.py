"""Loudness of music beside FFmpeg's own meter, which measures the same samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autodj.audio.frames import Floats
from autodj.audio.pieces import Section
from autodj.audio.synth import PIECES, RATE_HZ, render
from bench.loudness import MOST_APART, ffmpegs, ours

RATES_HZ = (44100, 48000, 32000, 96000)


def pieces() -> dict[str, tuple[Floats, int]]:
    """Seven pieces and excerpts, some soft, fading, in one channel or at another rate."""
    shortened = [
        replace(piece, sections=tuple(Section(6, each.parts) for each in piece.sections[1:4]))
        for piece in PIECES
    ]
    samples = {piece.slug: render(piece) for piece in shortened}
    ferry, lanterns = samples["slow-ferry"], samples["paper-lanterns"]
    found = {
        slug: (each, rate_hz)
        for (slug, each), rate_hz in zip(samples.items(), RATES_HZ, strict=True)
    }
    found["fading"] = (ferry * np.linspace(1, 0.05, ferry.shape[1], dtype=np.float32), RATE_HZ)
    found["one channel"] = (lanterns[1:] * np.float32(0.3), RATE_HZ)
    found["drums like noise"] = (noise_bursts(), RATE_HZ)
    return found


def noise_bursts() -> Floats:
    """White noise that starts and dies away twice a second: nothing has higher peaks between
    the samples.
    """
    random = np.random.default_rng(5)
    t = np.arange(12 * RATE_HZ) / RATE_HZ
    fading = np.exp(-9 * (t % 0.5)) * (0.1 + 0.9 * (t > 6))
    return np.asarray(0.25 * fading * random.standard_normal((2, t.size)), np.float32)


NAMES = [*(piece.slug for piece in PIECES), "fading", "one channel", "drums like noise"]


@pytest.fixture(scope="module")
def cases() -> dict[str, tuple[Floats, int]]:
    found = pieces()
    assert [*found] == NAMES
    return found


@pytest.mark.parametrize("name", NAMES)
def test_another_meter_agrees(cases: dict[str, tuple[Floats, int]], name: str) -> None:
    samples, rate_hz = cases[name]
    apart = ours(samples, rate_hz).apart(ffmpegs(samples, rate_hz))
    assert all(each <= most for each, most in zip(apart, MOST_APART, strict=True)), apart

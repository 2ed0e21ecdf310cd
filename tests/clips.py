"""Real audio files for tests, made in a few hundredths of a second each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autodj.audio.encode import encode

RATE_HZ = 44100
A_MINOR_HZ = (110.0, 220.0, 261.63, 329.63)


def make_clip(
    path: Path,
    seconds: float,
    *,
    bpm: float = 120.0,
    codec: str | None = None,
    channels: int = 2,
    rate_hz: int = RATE_HZ,
    tags: Mapping[str, str] | None = None,
    cover: bytes | None = None,
) -> Path:
    """Write a drum beat over an A minor chord to ``path`` and return it.

    ``codec`` is one of ``autodj.audio.encode.TARGETS``, by default what the suffix says. The
    first beat falls on 0 s. The same arguments give the same bytes. From 4 s on the analysis
    finds the key and any tempo from 70 to 160.
    """
    encode(
        beat(seconds, bpm=bpm, channels=channels, rate_hz=rate_hz),
        rate_hz,
        path,
        codec=codec or path.suffix.lstrip("."),
        tags=tags,
        cover=cover,
    )
    return path


def beat(
    seconds: float, *, bpm: float = 120.0, channels: int = 2, rate_hz: int = RATE_HZ
) -> NDArray[np.float32]:
    """The samples of such a clip, ``[channels, n]``: a kick on every beat, a snare on every
    second, hats between, a chord throughout.
    """
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    beats = t * bpm / 60
    since_beat_s = beats % 1 * 60 / bpm
    since_hat_s = (beats + 0.5) % 1 * 60 / bpm
    noise = np.random.default_rng(0).standard_normal(t.size)
    kick = np.sin(2 * np.pi * (50 * since_beat_s + 2 * (1 - np.exp(-40 * since_beat_s))))
    mix = 0.5 * kick * np.exp(-12 * since_beat_s)
    mix += 0.1 * noise * np.exp(-20 * since_beat_s) * (beats // 1 % 2)
    mix += 0.03 * noise * np.exp(-80 * since_hat_s)
    mix += 0.05 * sum(np.sin(2 * np.pi * hz * t) for hz in A_MINOR_HZ)
    return np.repeat(mix[None, :], channels, axis=0).astype(np.float32)

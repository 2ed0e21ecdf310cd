"""What a production does to a mix: tone, room, saturation, noise, and pumping."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import scipy.fft

from autodj.audio.frames import Floats
from bench.truth.piece import RATE_HZ

_DIPPED_TO = 0.2


def produce(dice: random.Random, samples: Floats) -> Floats:
    """``[2, n]`` with effects by chance, at a level by chance below full scale."""
    noise = np.random.default_rng(dice.randrange(2**32))
    mixed = _toned(dice, samples)
    if dice.random() < 0.35:
        mixed = _in_a_room(dice, mixed, noise)
    mixed = np.tanh(normal(mixed) * dice.uniform(1, 4))
    if dice.random() < 0.3:
        hiss = 10 ** (dice.uniform(-60, -32) / 20)
        mixed = mixed + noise.normal(0, hiss, mixed.shape)
    return (normal(mixed.astype(np.float32)) * dice.uniform(0.3, 0.98)).astype(np.float32)


def normal(samples: Floats) -> Floats:
    """The same with its loudest sample at full scale."""
    loudest = float(np.abs(samples).max(initial=0.0))
    return samples / loudest if loudest > 0 else samples


def pumped(samples: Floats, kicks_s: Iterable[float], recovery_s: float) -> Floats:
    """``samples`` turned down at each kick, as a compressor keyed by the kick does."""
    gain = np.ones(samples.shape[-1], np.float32)
    rising = np.linspace(_DIPPED_TO, 1, max(1, round(recovery_s * RATE_HZ)), dtype=np.float32)
    for kick_s in kicks_s:
        at = round(kick_s * RATE_HZ)
        if at >= 0:
            dipped = gain[at : at + rising.size]
            np.minimum(dipped, rising[: dipped.size], out=dipped)
    return samples * gain


def _toned(dice: random.Random, samples: Floats) -> Floats:
    """A tilt of the spectrum; sometimes the top or the bottom is missing."""
    size = scipy.fft.next_fast_len(samples.shape[-1], real=True)
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ).astype(np.float32) + 1
    gain = 10 ** (dice.uniform(-4, 4) * np.log2(hz / 1000) / 40)
    if dice.random() < 0.2:
        gain /= 1 + (hz / dice.uniform(3000, 9000)) ** 4
    if dice.random() < 0.15:
        gain /= 1 + (dice.uniform(80, 200) / hz) ** 4
    spectrum = scipy.fft.rfft(samples, size) * gain
    toned = scipy.fft.irfft(spectrum, size)[..., : samples.shape[-1]]
    return np.asarray(toned, np.float32)


def _in_a_room(dice: random.Random, samples: Floats, noise: np.random.Generator) -> Floats:
    size = round(dice.uniform(0.3, 1.6) * RATE_HZ)
    echo = noise.normal(0, 1, (2, size)) * np.exp(-np.arange(size) / (size / 5))
    padded = scipy.fft.next_fast_len(samples.shape[-1] + size, real=True)
    spectrum = scipy.fft.rfft(samples, padded) * scipy.fft.rfft(echo.astype(np.float32), padded)
    wet = scipy.fft.irfft(spectrum, padded)[:, : samples.shape[-1]].astype(np.float32)
    level = float(np.abs(samples).max(initial=0.0)) * dice.uniform(0.05, 0.35)
    return samples + normal(wet) * level

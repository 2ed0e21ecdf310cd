"""Electronic drums, synthesised anew for every piece."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import numpy as np

from autodj.audio.frames import Floats
from bench.truth.drumming import Hit
from bench.truth.piece import RATE_HZ
from bench.truth.styles import (
    CLAP,
    CLOSED_HAT,
    CONGA,
    COWBELL,
    CRASH,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MID_TOM,
    OPEN_HAT,
    RIDE,
    RIM,
    SHAKER,
    SNARE,
)

_LEVELS = {
    KICK: 0.9, SNARE: 0.7, CLAP: 0.55, CLOSED_HAT: 0.28, OPEN_HAT: 0.32, RIDE: 0.22,
    CRASH: 0.3, RIM: 0.4, SHAKER: 0.22, COWBELL: 0.4, CONGA: 0.4, HIGH_TOM: 0.5,
    MID_TOM: 0.5, LOW_TOM: 0.5,
}  # fmt: skip
_SOFT_FROM_HZ = 9000.0
_FULL_VELOCITY = 110


class DrumMachine:
    """One set of electronic drums."""

    def __init__(self, dice: random.Random) -> None:
        self._noise = np.random.default_rng(dice.randrange(2**32))
        snare = self._snare(dice)
        rim = self._burst(0.008, 1500)
        hiss = self._burst(0.07, 5500)
        self._sounds = {
            KICK: self._kick(dice), SNARE: snare, CLAP: self._clap(), RIM: rim, COWBELL: rim,
            CONGA: rim, CLOSED_HAT: self._burst(0.015, 6000), OPEN_HAT: hiss, RIDE: hiss,
            SHAKER: self._burst(0.02, 4500), CRASH: self._burst(0.5, 4000),
            HIGH_TOM: snare, MID_TOM: snare, LOW_TOM: snare,
        }  # fmt: skip
        self._gains = {
            drum: level * 10 ** (dice.uniform(-4, 2) / 20) for drum, level in _LEVELS.items()
        }

    def play(self, hits: Iterable[Hit], seconds: Callable[[float], float], samples: int) -> Floats:
        """``[samples]``: every hit at the time that ``seconds`` gives its beat."""
        mixed = np.zeros(samples)
        for hit in hits:
            at = round(seconds(hit.beat) * RATE_HZ)
            sound = self._sounds[hit.drum][: max(0, samples - at)]
            if at >= 0 and sound.size:
                gain = self._gains[hit.drum] * hit.velocity / _FULL_VELOCITY
                mixed[at : at + sound.size] += gain * sound
        return mixed.astype(np.float32)

    def _kick(self, dice: random.Random) -> Floats:
        time_s = np.arange(round(0.35 * RATE_HZ)) / RATE_HZ
        high_hz, low_hz = dice.uniform(120, 260), dice.uniform(42, 62)
        pitch_hz = low_hz + (high_hz - low_hz) * np.exp(-time_s / dice.uniform(0.02, 0.06))
        body = np.sin(2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ)
        body *= np.exp(-time_s / dice.uniform(0.08, 0.2))
        click = self._noise.normal(0, dice.uniform(0.05, 0.5), 110)
        body[:110] += click * np.hanning(220)[110:]
        return np.asarray(np.tanh(body * dice.uniform(1, 3)), np.float32)

    def _snare(self, dice: random.Random) -> Floats:
        sound = np.zeros(round(0.5 * RATE_HZ), np.float32)
        rattle = self._burst(dice.uniform(0.04, 0.09), 800)
        time_s = np.arange(round(0.3 * RATE_HZ)) / RATE_HZ
        drum = np.sin(2 * np.pi * dice.uniform(170, 230) * time_s) * np.exp(-time_s / 0.05)
        sound[: rattle.size] += rattle[: sound.size]
        sound[: drum.size] += (0.6 * drum).astype(np.float32)
        return sound

    def _clap(self) -> Floats:
        burst = self._burst(0.06, 1000)
        sound = np.zeros(burst.size + round(0.03 * RATE_HZ), np.float32)
        for late_s, gain in ((0.0, 0.6), (0.01, 0.6), (0.02, 1.0)):
            at = round(late_s * RATE_HZ)
            sound[at : at + burst.size] += gain * burst
        return sound

    def _burst(self, decay_s: float, above_hz: float) -> Floats:
        """Noise above a frequency that dies away."""
        size = round(5 * decay_s * RATE_HZ)
        spectrum = np.fft.rfft(self._noise.normal(0, 1, size))
        hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
        spectrum *= (hz > above_hz) / (1 + (hz / _SOFT_FROM_HZ) ** 4)
        noise = np.fft.irfft(spectrum, size)
        fading = np.exp(-np.arange(size) / RATE_HZ / decay_s)
        return np.asarray(noise / np.abs(noise).max() * fading, np.float32)

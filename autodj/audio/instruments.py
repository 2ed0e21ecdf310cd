"""A small band of synthetic instruments. Each plays one sound, mono float32 at 44.1 kHz."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from autodj.audio.frames import Floats

RATE_HZ = 44100
_TABLE_SIZE = 4096


@cache
def kick() -> Floats:
    """A falling sine with a click in front."""
    t = _time(0.34)
    phase = 47 * t + 3.1 * (1 - np.exp(-t * 38))
    body = np.sin(2 * np.pi * phase) * np.exp(-t * 9.5)
    return _shaped(body + 0.35 * np.exp(-t * 900))


@cache
def snare() -> Floats:
    """Noise over two drum-head tones."""
    t = _time(0.24)
    heads = np.sin(2 * np.pi * 186 * t) + 0.6 * np.sin(2 * np.pi * 331 * t)
    rattle = _noise(t, 900, 9000) * np.exp(-t * 19)
    return _shaped(0.35 * heads * np.exp(-t * 24) + 0.6 * rattle)


@cache
def clap() -> Floats:
    """Three short bursts and a tail."""
    t = _time(0.28)
    bursts = sum(np.exp(-220 * np.abs(t - at)) for at in (0.002, 0.012, 0.023))
    tail = np.exp(-np.maximum(t - 0.03, 0) * 26) * (t > 0.03)
    return _shaped(_noise(t, 800, 7000) * (bursts + 0.7 * tail))


@cache
def closed_hat() -> Floats:
    """High noise that is gone at once."""
    t = _time(0.12)
    return _shaped(_noise(t, 6500, 15000) * np.exp(-t / 0.02))


@cache
def open_hat() -> Floats:
    """High noise that rings."""
    t = _time(0.4)
    return _shaped(_noise(t, 6000, 15000) * np.exp(-t / 0.09))


@lru_cache(maxsize=64)
def bass(hz: float, seconds: float) -> Floats:
    """A round tone whose overtones close quickly."""
    t = _time(seconds)
    dark, bright = _table(10, 2.2), _table(24, 1.1)
    opening = np.exp(-t * 11)
    tone = _read(dark, hz, t) * (1 - 0.5 * opening) + _read(bright, hz, t) * 0.5 * opening
    return _shaped(tone * _gate(t, seconds, 0.004, 0.03))


@lru_cache(maxsize=64)
def pad(hz: float, seconds: float, attack_s: float = 0.25) -> Floats:
    """Three slightly detuned strings."""
    t = _time(seconds + 0.5)
    table = _table(18, 1.5)
    tone = sum(_read(table, hz * 2 ** (cents / 1200), t + cents) for cents in (-7, 0, 6))
    return _shaped(tone * _gate(t, seconds + 0.5, attack_s, 0.5) / 3)


@lru_cache(maxsize=64)
def keys(hz: float, seconds: float) -> Floats:
    """An electric piano: one sine bends another, less as it fades."""
    t = _time(seconds + 0.25)
    bend = 1.6 * np.exp(-t * 5) * np.sin(2 * np.pi * hz * t)
    tine = 0.18 * np.sin(2 * np.pi * hz * 4 * t) * np.exp(-t * 14)
    tone = np.sin(2 * np.pi * hz * t + bend) + tine
    return _shaped(tone * np.exp(-t * 1.7) * _gate(t, seconds + 0.25, 0.004, 0.2))


@lru_cache(maxsize=64)
def pluck(hz: float, seconds: float) -> Floats:
    """A string that loses its overtones first."""
    t = _time(seconds + 0.4)
    bright, dark = _table(20, 1.0), _table(5, 1.8)
    shine = np.exp(-t * 9)
    tone = _read(bright, hz, t) * shine + _read(dark, hz, t) * (1 - shine)
    return _shaped(tone * np.exp(-t * 3.2) * _gate(t, seconds + 0.4, 0.002, 0.2))


def _time(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def _shaped(sound: NDArray[np.float64]) -> Floats:
    peak = np.abs(sound).max()
    return np.asarray(sound / peak, np.float32)


def _gate(
    t: NDArray[np.float64], seconds: float, attack_s: float, release_s: float
) -> NDArray[np.float64]:
    gate: NDArray[np.float64] = np.clip(t / attack_s, 0, 1) * np.clip(
        (seconds - t) / release_s, 0, 1
    )
    return gate


@cache
def _table(harmonics: int, tilt: float) -> Floats:
    """One turn of a wave with overtones falling as ``1 / k ** tilt``."""
    spectrum = np.zeros(_TABLE_SIZE // 2 + 1, complex)
    k = np.arange(1, harmonics + 1)
    spectrum[1 : harmonics + 1] = -1j * k**-tilt * np.cos(np.pi / 2 * (k - 1) / harmonics)
    wave = scipy.fft.irfft(spectrum)
    return np.asarray(wave / np.abs(wave).max(), np.float32)


def _read(table: Floats, hz: float, t: NDArray[np.float64]) -> Floats:
    return np.asarray(table[(t * hz % 1.0 * _TABLE_SIZE).astype(int)])


def _noise(t: NDArray[np.float64], low_hz: float, high_hz: float) -> NDArray[np.float64]:
    white = np.random.default_rng(0).standard_normal(t.size)
    spectrum = scipy.fft.rfft(white)
    hz = np.arange(spectrum.size) * RATE_HZ / t.size
    edges = np.clip((hz - 0.6 * low_hz) / (0.4 * low_hz), 0, 1) * np.clip(
        (1.3 * high_hz - hz) / (0.3 * high_hz), 0, 1
    )
    noise = scipy.fft.irfft(spectrum * edges, t.size)
    return np.asarray(noise / np.abs(noise).max())

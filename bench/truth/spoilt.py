"""Pieces as bad recordings have them, with the same truth."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import scipy.fft
from scipy.signal import butter, sosfilt

from autodj.audio.frames import Floats
from bench.truth.effects import normal
from bench.truth.piece import RATE_HZ, save, stored
from bench.truth.sound_files import read_sound

_ECHO_S, _FADES_BY_60_DB_S = 2.0, 1.8
_NOISE_DB = -3.0
_LOWEST_OF_NOISE_HZ = 20.0
_WOW_HZ, _WOW_DEPTH = 0.55, 0.0015

Spoil = Callable[[Floats, np.random.Generator], Floats]


def _telephone(samples: Floats, _: np.random.Generator) -> Floats:
    """300 to 3,400 Hz."""
    return _passed(samples, (300, 3400), "bandpass")


def _wall(samples: Floats, _: np.random.Generator) -> Floats:
    """As through a wall: nothing above 2,500 Hz."""
    return _passed(samples, 2500, "lowpass")


def _small(samples: Floats, _: np.random.Generator) -> Floats:
    """As by a small loudspeaker: nothing below 200 Hz."""
    return _passed(samples, 200, "highpass")


def _hall(samples: Floats, noise: np.random.Generator) -> Floats:
    """From the back of a hall, whose echo is louder than the stage."""
    size = round(_ECHO_S * RATE_HZ)
    fading = 10 ** (-3 * np.arange(size) / RATE_HZ / _FADES_BY_60_DB_S)
    echo = noise.normal(0, 1, (2, size)) * fading
    echo /= np.sqrt(np.square(echo).sum(axis=1, keepdims=True))
    padded = scipy.fft.next_fast_len(samples.shape[1] + size, real=True)
    wet = scipy.fft.irfft(scipy.fft.rfft(samples, padded) * scipy.fft.rfft(echo, padded), padded)
    return np.asarray(0.6 * samples + 0.8 * wet[:, : samples.shape[1]], np.float32)


def _crowd(samples: Floats, noise: np.random.Generator) -> Floats:
    """Pink noise 3 dB below the music, all the time."""
    size = samples.shape[1]
    spectrum = scipy.fft.rfft(noise.normal(0, 1, size))
    hz = scipy.fft.rfftfreq(size, 1 / RATE_HZ)
    pink = scipy.fft.irfft(spectrum / np.sqrt(np.maximum(hz, _LOWEST_OF_NOISE_HZ)), size)
    level = np.sqrt(np.mean(np.square(samples))) * 10 ** (_NOISE_DB / 20)
    return np.asarray(samples + pink / pink.std() * level, np.float32)


def _overdriven(samples: Floats, _: np.random.Generator) -> Floats:
    """As by a recorder that was set eight times too loud."""
    return np.tanh(8 * normal(samples))


def _warped(samples: Floats, _: np.random.Generator) -> Floats:
    """As from a record with its hole beside the middle: 0.15 % faster and slower, 33 times a
    minute.
    """
    time_s = np.arange(samples.shape[1]) / RATE_HZ
    turn = 2 * np.pi * _WOW_HZ
    read_s = time_s + _WOW_DEPTH / turn * np.sin(turn * time_s)
    return np.asarray([np.interp(read_s, time_s, each) for each in samples], np.float32)


SPOILT: Final[Mapping[str, Spoil]] = {
    "telephone": _telephone,
    "wall": _wall,
    "small": _small,
    "hall": _hall,
    "crowd": _crowd,
    "overdriven": _overdriven,
    "warped": _warped,
}


def spoil(folder: Path, to: Path, how: str, every: int) -> int:
    """Write every so many-th piece of ``folder`` anew into another; how many there were."""
    to.mkdir(parents=True, exist_ok=True)
    chosen = list(stored(folder))[::every]
    for piece in chosen:
        noise = np.random.default_rng(zlib.crc32(f"{how}/{piece.name}".encode()))
        save(to, piece.name, SPOILT[how](read_sound(piece.path), noise), piece.truth)
    return len(chosen)


def _passed(samples: Floats, hz: float | tuple[float, float], kind: str) -> Floats:
    sections = butter(4, hz, kind, fs=RATE_HZ, output="sos")
    return np.asarray(sosfilt(sections, samples, axis=1), np.float32)

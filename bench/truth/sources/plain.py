"""What is no music: silence, noise, drones and something like speech, and bare clicks."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from autodj.audio.frames import Floats
from bench.truth.effects import normal
from bench.truth.piece import RATE_HZ, Part, Truth, moments
from bench.truth.sources import Made, Order, Source

_NUMBERS: dict[Part, int] = {"tuning": 12, "test": 2}
_FORMANTS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240))
_CLICK_S = 0.03


def compositions(part: Part, _: Path | None) -> Sequence[str]:
    return [f"{name}/{part}-{n}" for n in range(_NUMBERS[part]) for name in _KINDS]


def make(order: Order) -> Made:
    dice = order.dice
    noise = np.random.default_rng(dice.randrange(2**32))
    kind = order.composition.partition("/")[0]
    samples = round(dice.uniform(40, 60) * RATE_HZ)
    if kind == "clicks":
        return _clicks(order, samples)
    mono = _KINDS[kind](dice, noise, samples)
    sound = np.stack([mono, mono]).astype(np.float32) * dice.uniform(0.2, 0.9)
    return sound, Truth(SOURCE.name, "public domain", order.composition, beats_s=(), downbeats_s=())


def _silence(_: random.Random, __: np.random.Generator, samples: int) -> Floats:
    return np.zeros(samples, np.float32)


def _white(_: random.Random, noise: np.random.Generator, samples: int) -> Floats:
    return normal(noise.normal(0, 1, samples).astype(np.float32))


def _brown(_: random.Random, noise: np.random.Generator, samples: int) -> Floats:
    spectrum = np.fft.rfft(noise.normal(0, 1, samples))
    spectrum /= np.maximum(np.arange(spectrum.size), 20)
    return normal(np.fft.irfft(spectrum, samples).astype(np.float32))


def _drone(dice: random.Random, _: np.random.Generator, samples: int) -> Floats:
    time_s = np.arange(samples) / RATE_HZ
    root_hz = dice.uniform(80, 200)
    partials = [
        np.sin(2 * np.pi * root_hz * ratio * time_s + index) / (index + 1)
        for index, ratio in enumerate((1, 1.5, 2, 3, 4, 5))
    ]
    return normal(np.sum(partials, axis=0).astype(np.float32))


def _speech(dice: random.Random, noise: np.random.Generator, samples: int) -> Floats:
    """Syllables of uneven length on a voice whose pitch wanders, with pauses for breath."""
    sound, at = np.zeros(samples, np.float32), 0
    while at < samples:
        size = round(dice.uniform(0.08, 0.28) * RATE_HZ)
        syllable = _syllable(dice, noise, size)[: samples - at]
        sound[at : at + syllable.size] = syllable
        pause_s = dice.uniform(0.25, 0.9) if dice.random() < 0.12 else dice.uniform(0, 0.05)
        at += size + round(pause_s * RATE_HZ)
    return normal(sound)


def _syllable(dice: random.Random, noise: np.random.Generator, size: int) -> Floats:
    time_s = np.arange(size) / RATE_HZ
    pitch_hz = dice.uniform(90, 180) * (1 + dice.uniform(-0.6, 0.6) * time_s)
    pulses = np.mod(np.cumsum(pitch_hz) / RATE_HZ, 1) - 0.5
    voiced = dice.random() < 0.8
    source = pulses if voiced else noise.normal(0, 0.3, size)
    spectrum, hz = np.fft.rfft(source), np.fft.rfftfreq(size, 1 / RATE_HZ)
    formants_hz = dice.choice(_FORMANTS_HZ) if voiced else (3500, 5000, 6500)
    gain = sum(1 / (1 + ((hz - formant) / 120) ** 2) for formant in formants_hz)
    shaped = np.fft.irfft(spectrum * gain, size) * np.hanning(size)
    return np.asarray(shaped * dice.uniform(0.4, 1), np.float32)


def _loose_clicks(dice: random.Random, _: np.random.Generator, samples: int) -> Floats:
    """Clicks at times that follow nothing."""
    sound = np.zeros(samples, np.float32)
    for _click in range(round(2 * samples / RATE_HZ)):
        _put(sound, dice.uniform(0, samples / RATE_HZ - 1), dice.uniform(800, 3000))
    return normal(sound)


def _clicks(order: Order, samples: int) -> Made:
    """A metronome with a higher click on the first beat of a bar."""
    dice = order.dice
    bpm, metre = round(dice.uniform(60, 180), 3), dice.choice((3, 4, 4))
    beats_s = dice.uniform(0, 0.5) + np.arange(0, samples / RATE_HZ - 2, 60 / bpm)
    sound = np.zeros(samples, np.float32)
    for place, beat_s in enumerate(beats_s):
        _put(sound, float(beat_s), 2000 if place % metre == 0 else 1300)
    truth = Truth(
        SOURCE.name, "public domain", order.composition, bpm, steady=True, metre=metre,
        beats_s=moments(beats_s), downbeats_s=moments(beats_s[::metre]),
    )  # fmt: skip
    return np.stack([sound, sound]) * np.float32(dice.uniform(0.3, 0.9)), truth


def _put(sound: Floats, at_s: float, hz: float) -> None:
    time_s = np.arange(round(_CLICK_S * RATE_HZ)) / RATE_HZ
    at = round(at_s * RATE_HZ)
    sound[at : at + time_s.size] += np.sin(2 * np.pi * hz * time_s) * np.exp(-time_s / 0.006)


_KINDS: dict[str, Callable[[random.Random, np.random.Generator, int], Floats]] = {
    "silence": _silence,
    "white noise": _white,
    "brown noise": _brown,
    "drone": _drone,
    "speech": _speech,
    "loose clicks": _loose_clicks,
    "clicks": _silence,
}
SOURCE = Source(
    "plain",
    compositions,
    make,
    weights={"tuning": 0.05, "test": 14},
    renders={"tuning": 1, "test": 1},
)

"""A made-up singer: notes as a voice sings or raps them, with scoops, vibrato and consonants.

A pulse as the glottis gives it goes through the formants of a vowel (source and filter; Fant,
*Acoustic Theory of Speech Production*, 1960). No recording and no word of any language is used.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from bench.truth.effects import normal
from bench.truth.piece import RATE_HZ
from bench.truth.smf import Played

Doubles = NDArray[np.float64]

# The first three formants of a, e, i, o, u and a weak vowel; the voice's size scales them.
_VOWELS_HZ = (
    (730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010),
    (570, 840, 2410), (300, 870, 2240), (500, 1500, 2500),
)  # fmt: skip
_UPPER_HZ = (3300, 4200)
_WIDTHS_HZ = (80, 100, 130, 180, 250)
_GAINS_DB = (0, -5, -12, -16, -22)
_LEAST_S, _GAP_S, _FADE_S = 0.06, 0.03, 0.015
_LOW, _HIGH = 45, 81
_RAPPED_AROUND = (45, 62)
_OPEN, _STRENGTH = 0.6, 3.0
_CHORUS = 3


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody sings: a voice's size, how late and how uneven, and what the pitch does."""

    size: float
    late_s: float
    uneven_s: float
    scoop: float
    vibrato: float
    breath: float
    is_rapped: bool

    @classmethod
    def of(cls, dice: random.Random) -> Manner:
        return cls(
            size=dice.uniform(0.88, 1.2),
            late_s=dice.gauss(0.01, 0.02),
            uneven_s=dice.choice((0.008, 0.02, 0.035)),
            scoop=dice.uniform(0, 3),
            vibrato=dice.uniform(0, 0.5),
            breath=dice.uniform(0.01, 0.12),
            is_rapped=dice.random() < 0.2,
        )


def sing(dice: random.Random, notes: Sequence[Played], samples: int) -> Floats:
    """``[2, samples]``: one line of ``notes``, now and then by a few voices, at full scale.

    Of notes that begin together the highest is sung. What is too low or too high for a voice is
    moved by octaves.
    """
    manner, line = Manner.of(dice), list(_line(notes))
    if manner.is_rapped:
        line = _rapped(dice, line)
    mixed = np.zeros((2, samples), np.float32)
    for number in range(_CHORUS if dice.random() < 0.2 else 1):
        side = dice.uniform(-0.6, 0.6) if number else 0.0
        voice = _voice(dice, replace(manner, size=manner.size * dice.gauss(1, 0.03)), line, samples)
        mixed += voice * np.array([[1 - side], [1 + side]], np.float32)
    return normal(_pressed(mixed))


def _line(notes: Sequence[Played]) -> Iterator[Played]:
    """One note at a time, each over before the next begins."""
    ordered = sorted(notes, key=lambda note: (note.start_s, -note.pitch))
    kept: list[Played] = []
    for note in ordered:
        if not kept or note.start_s - kept[-1].start_s >= _LEAST_S:
            kept.append(note)
    for note, after in zip_longest(kept, kept[1:]):
        end_s = note.end_s if after is None else min(note.end_s, after.start_s - 0.005)
        pitch = note.pitch
        while pitch > _HIGH:
            pitch -= 12
        while pitch < _LOW:
            pitch += 12
        yield replace(note, end_s=max(end_s, note.start_s + _LEAST_S), pitch=pitch)


def _rapped(dice: random.Random, line: Sequence[Played]) -> list[Played]:
    """The rhythm of a line on a voice that speaks."""
    around = dice.randint(*_RAPPED_AROUND)
    return [
        replace(
            note, pitch=around + dice.choice((-2, -1, 0, 0, 0, 1, 2, 4)),
            end_s=min(note.end_s, note.start_s + dice.uniform(0.1, 0.3)),
        )
        for note in line
    ]  # fmt: skip


def _voice(dice: random.Random, manner: Manner, line: Sequence[Played], samples: int) -> Floats:
    noise = np.random.default_rng(dice.randrange(2**32))
    sound, before = np.zeros(samples), None
    for note in line:
        late_s = manner.late_s + dice.gauss(0, manner.uneven_s)
        connected = before is not None and note.start_s - before.end_s < _GAP_S
        syllable, attack_s = _syllable(
            dice, noise, manner, note, before.pitch if connected and before else None
        )
        at = max(0, round((note.start_s + late_s - attack_s) * RATE_HZ))
        room = sound[at : at + syllable.size]
        room += syllable[: room.size] * (0.4 + 0.6 * note.velocity / 127)
        before = note
    return sound.astype(np.float32)


def _syllable(
    dice: random.Random,
    noise: np.random.Generator,
    manner: Manner,
    note: Played,
    previous: int | None,
) -> tuple[Doubles, float]:
    """A consonant and a vowel, and how long the consonant is: the vowel is what is in time."""
    size = round((note.end_s - note.start_s) * RATE_HZ)
    pitch = _pitch(dice, manner, note.pitch, previous, size)
    pulses = _pulses(440 * 2 ** ((pitch - 69) / 12))
    breath = manner.breath * noise.normal(0, 1, size)
    vowel = _shaped(pulses + breath, dice.choice(_VOWELS_HZ), manner.size)
    fade = min(size // 2, round(_FADE_S * RATE_HZ * dice.choice((0.3, 1, 3))))
    rising = np.linspace(0, 1, fade)
    vowel[:fade] *= rising
    vowel[size - fade :] *= rising[::-1]
    vowel *= np.linspace(1, dice.uniform(0.4, 1), size)
    spoken = _consonant(dice, noise)
    return np.concatenate([spoken, vowel / max(1e-9, float(np.abs(vowel).max()))]), (
        spoken.size / RATE_HZ
    )


def _pitch(
    dice: random.Random, manner: Manner, pitch: int, previous: int | None, size: int
) -> Doubles:
    """In semitones: from the last note or from below, then vibrato that takes its time."""
    time_s = np.arange(size) / RATE_HZ
    if manner.is_rapped:
        return pitch + dice.uniform(-1, 2) - dice.uniform(0, 25) * time_s
    start = previous - pitch if previous is not None else -manner.scoop * dice.random()
    glide = start * np.exp(-time_s / dice.uniform(0.01, 0.06))
    wave = np.sin(2 * np.pi * dice.uniform(4.8, 6.8) * time_s)
    grown = np.clip((time_s - 0.15) / 0.3, 0, 1)
    return np.asarray(pitch + glide + manner.vibrato * grown * wave + dice.gauss(0, 0.12))


def _pulses(pitch_hz: Doubles) -> Doubles:
    """The change of the air's flow: it swells for the first part of a period and breaks off."""
    phase = np.mod(np.cumsum(pitch_hz) / RATE_HZ, 1)
    flow = np.where(phase < _OPEN, phase**2 * (_OPEN - phase), 0.0)
    period = RATE_HZ / float(pitch_hz.mean())
    return np.asarray(np.diff(flow, prepend=0.0) * _STRENGTH * period)


def _shaped(source: Doubles, vowel_hz: Sequence[float], size: float) -> Doubles:
    shaped = np.zeros_like(source)
    for hz, width_hz, gain_db in zip((*vowel_hz, *_UPPER_HZ), _WIDTHS_HZ, _GAINS_DB, strict=True):
        decay = np.exp(-np.pi * width_hz / RATE_HZ)
        turn = 2 * decay * np.cos(2 * np.pi * hz * size / RATE_HZ)
        resonance = scipy.signal.lfilter([1 - decay], [1, -turn, decay**2], source)
        shaped += resonance * 10 ** (gain_db / 20)
    return shaped


def _consonant(dice: random.Random, noise: np.random.Generator) -> Doubles:
    """Nothing, a stop, or a hiss, before the vowel."""
    kind = dice.choice(("none", "stop", "hiss"))
    if kind == "none":
        return np.zeros(0)
    length_s = dice.uniform(0.01, 0.03) if kind == "stop" else dice.uniform(0.04, 0.12)
    size = round(length_s * RATE_HZ)
    burst = _shaped(noise.normal(0, 1, size), (dice.uniform(1500, 3000), 4000, 6000), 1.0)
    shape = np.exp(-np.arange(size) / (size / 3)) if kind == "stop" else np.hanning(size)
    return np.asarray(
        burst / max(1e-9, float(np.abs(burst).max())) * shape * dice.uniform(0.1, 0.5)
    )


def _pressed(mixed: Floats) -> Floats:
    """Even in level, as a compressor leaves a voice in a mix."""
    return np.asarray(np.tanh(2.5 * normal(mixed)), np.float32)

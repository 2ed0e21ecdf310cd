"""What the key is read from, straight from the notes of a piece: no sound is made.

So much faster than playing it that the training hears thousands of pieces. Every note gets
harmonics that die away, every part its own; strokes and hiss lie between.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from autodj.audio.pitches import FRAMES_PER_ROW, REGISTERS, Doubles, Pitches
from bench.truth.smf import Played

_FRAMES_PER_S: Final = 10
_LOWEST, _HIGHEST = 24, 96
_MIDI = np.arange(_LOWEST, _HIGHEST + 1)
_CLASSES = np.eye(12)[_MIDI % 12]
_HARMONICS = np.arange(1, 11)
_ABOVE = 12 * np.log2(_HARMONICS)
_STEPS = np.rint(_ABOVE).astype(int)
# A harmonic between two pitches belongs to neither.
_IN_TUNE = np.cos(np.pi * (_ABOVE - _STEPS)) ** 2
_KICKS: Final = frozenset({35, 36})
_PEAK_SHARE: Final = 0.4
_SILENT_SHARE: Final = 1e-3
_FEWEST_ROWS: Final = 8

Stroke = tuple[float, int]


def sketch(
    dice: random.Random,
    voices: Mapping[str, Sequence[Played]],
    strokes: Sequence[Stroke],
    duration_s: float,
) -> Pitches | None:
    """The pitches that ``PitchStream`` would find about so; ``strokes`` are the seconds and the
    General MIDI numbers of drums. None for what is shorter than a few seconds.
    """
    rows = int(duration_s * _FRAMES_PER_S) // FRAMES_PER_ROW
    magnitudes = np.zeros((rows * FRAMES_PER_ROW, _MIDI.size))
    for name, notes in sorted(voices.items()):
        _play(dice, magnitudes, notes, louder=2.0 if name == "bass" else 1.0)
    loudest = float(magnitudes.max(initial=0.0))
    if loudest == 0:
        return None
    noise = np.random.default_rng(dice.randrange(2**32))
    magnitudes *= _tilt(dice, 0.6)
    magnitudes += loudest * _gain(dice, -60, -28) * _peaks(noise, magnitudes.shape)
    _strike(dice, noise, magnitudes, strokes, loudest)
    loudness = magnitudes.sum(axis=1).reshape(-1, FRAMES_PER_ROW).sum(axis=1)
    heard = loudness > _SILENT_SHARE * loudness.max()
    whole, bass = (
        _by_class(register.fade(_MIDI.astype(float)) * magnitudes**register.exponent)[heard]
        for register in REGISTERS
    )
    return Pitches(whole, bass, 0.0) if heard.sum() >= _FEWEST_ROWS else None


def _play(
    dice: random.Random, magnitudes: Doubles, notes: Sequence[Played], *, louder: float
) -> None:
    """Add an instrument's notes to ``[frames, pitches]``."""
    harmonics = _timbre(dice)
    decay_s, release_s = dice.choice((0.15, 0.4, 0.8, 2, 9)), dice.choice((0.0, 0.15, 0.3))
    level = louder * _gain(dice, -10, 4)
    for note in notes:
        first = max(0, int(note.start_s * _FRAMES_PER_S))
        last = min(len(magnitudes), math.ceil((note.end_s + release_s) * _FRAMES_PER_S))
        frames = np.arange(max(last, first + 1) - first)[: max(0, len(magnitudes) - first)]
        places = note.pitch + _STEPS - _LOWEST
        inside = (places >= 0) & (places < _MIDI.size)
        dying = np.exp(-frames / _FRAMES_PER_S / decay_s) * level * (note.velocity / 100) ** 2
        span = slice(first, first + frames.size)
        magnitudes[span, places[inside]] += dying[:, None] * harmonics[inside]


def _timbre(dice: random.Random) -> Doubles:
    """How loud the harmonics are, the loudest 1; sometimes the even ones are missing."""
    steepness, even = dice.uniform(0.5, 2.2), dice.choice((1.0, 1.0, 1.0, 0.15))
    uneven = np.exp([dice.gauss(0, 0.5) for _ in _HARMONICS])
    levels = _HARMONICS**-steepness * np.where(_HARMONICS % 2, 1.0, even) * uneven * _IN_TUNE
    return np.asarray(levels / levels.max())


def _strike(
    dice: random.Random,
    noise: np.random.Generator,
    magnitudes: Doubles,
    strokes: Sequence[Stroke],
    loudest: float,
) -> None:
    """Add a kick as a hump in the bass, other drums as peaks anywhere."""
    level, colour = loudest * _gain(dice, -30, -6), _tilt(dice, 0.8)
    kick = 2 * np.exp(-0.5 * ((_MIDI - dice.uniform(30, 40)) / 2.5) ** 2)
    for start_s, drum in strokes:
        frame = int(start_s * _FRAMES_PER_S)
        if 0 <= frame < len(magnitudes):
            struck = noise.random(_MIDI.size)
            shape = kick if drum in _KICKS else colour * (noise.random(_MIDI.size) < _PEAK_SHARE)
            magnitudes[frame] += level * shape * struck


def _peaks(noise: np.random.Generator, shape: tuple[int, ...]) -> Doubles:
    return np.asarray(noise.random(shape) * (noise.random(shape) < _PEAK_SHARE))


def _tilt(dice: random.Random, most_per_octave: float) -> Doubles:
    octaves = (_MIDI - 60) / 12
    return np.asarray(2 ** (dice.uniform(-most_per_octave, most_per_octave) * octaves))


def _gain(dice: random.Random, quietest_db: float, loudest_db: float) -> float:
    return float(10 ** (dice.uniform(quietest_db, loudest_db) / 20))


def _by_class(weights: Doubles) -> Doubles:
    """``[rows, 12]`` shares from ``[frames, pitches]``, every frame counting alike."""
    frames = _normal(weights) @ _CLASSES
    return _normal(frames.reshape(-1, FRAMES_PER_ROW, 12).sum(axis=1))


def _normal(rows: Doubles) -> Doubles:
    sums = rows.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(rows, sums, out=np.zeros_like(rows), where=sums > 0))

"""From a score in seconds to a produced piece of audio."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np

from autodj.audio.frames import Floats
from bench.truth.drumming import Hit
from bench.truth.effects import normal, produce, pumped
from bench.truth.electronic import DrumMachine
from bench.truth.piece import RATE_HZ, Part
from bench.truth.smf import Played, Voice
from bench.truth.soundfonts import play
from bench.truth.styles import KICK

KITS = (0, 0, 8, 16, 24, 25, 26, 32, 40)
_STROKE_S = 0.2


def perform(
    dice: random.Random,
    voices: Sequence[Voice],
    hits: Sequence[Hit],
    seconds: Callable[[float], float],
    duration_s: float,
    part: Part,
    *,
    electronic: bool,
    beat_s: float,
) -> Floats:
    """``[2, n]``: the voices, with the hits by electronic or by sampled drums, produced.

    ``seconds`` turns the hits' beats into times.
    """
    samples = round((duration_s + 0.5) * RATE_HZ)
    if hits and not electronic:
        voices = [*voices, _kit(dice, hits, seconds)]
    mixed = np.zeros((2, samples), np.float32)
    if any(voice.notes for voice in voices):
        mixed = normal(play(dice, voices, samples, part))
    if hits and electronic:
        drums = normal(DrumMachine(dice).play(hits, seconds, samples))
        if dice.random() < 0.5:
            kicks_s = [seconds(hit.beat) for hit in hits if hit.drum == KICK]
            mixed = pumped(mixed, kicks_s, 0.8 * beat_s)
        mixed = mixed * 10 ** (dice.uniform(-9, 3) / 20) + drums
    return produce(dice, mixed.astype(np.float32))


def _kit(dice: random.Random, hits: Sequence[Hit], seconds: Callable[[float], float]) -> Voice:
    noise = np.random.default_rng(dice.randrange(2**32))
    spread_s = dice.choice((0, 0, 0.004, 0.008))
    notes = []
    for hit in hits:
        start_s = max(0.0, seconds(hit.beat) + float(noise.normal(0, spread_s)))
        notes.append(Played(start_s, start_s + _STROKE_S, hit.drum, hit.velocity))
    return Voice(dice.choice(KITS), is_drums=True, notes=tuple(notes))

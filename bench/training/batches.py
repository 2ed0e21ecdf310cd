"""Examples cut, bent and coloured by chance, so that the network learns no recording by heart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import TEMPI_BPM, features
from bench.training.examples import FRAMES_PER_S, Example, levels_of, target

FRAMES = 1500
_MOST_SPEED = 1.16
_QUIETER_DB, _LOUDER_DB = -12.0, 6.0
_COLOUR, _COLOUR_POINTS = 0.35, 5
# Produced music is what most tracks are; piano arrangements and game scores lie further off.
_SHARES = {
    "grooves": 0.2,
    "sessions": 0.28,
    "covers": 0.15,
    "ostinati": 0.1,
    "pop909": 0.1,
    "freedoom": 0.1,
    "drums": 0.04,
    "plain": 0.03,
}
_FEWEST_BEATS, _TEMPO_SPREAD = 8, 0.03


def batch(
    examples: Sequence[Example], size: int, noise: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Inputs ``[size, 96, 1500]``, targets ``[size, 2, 1500]`` (beat, downbeat) and the odds of
    each tempo ``[size, tempi]``, all zeros where there is none.
    """
    chosen = noise.choice(len(examples), size, p=shares(examples))
    triples = [_excerpt(examples[index], noise) for index in chosen]
    inputs, targets, tempi = zip(*triples, strict=True)
    return np.stack(inputs), np.stack(targets), np.stack(tempi)


def shares(examples: Sequence[Example]) -> NDArray[np.float64]:
    """How often each example is drawn: the sources in their shares, and alike within one."""
    counts = Counter(example.source for example in examples)
    drawn = np.array([_SHARES[each.source] / counts[each.source] for each in examples])
    return np.asarray(drawn / drawn.sum(), np.float64)


def _excerpt(example: Example, noise: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    speed = math.exp(noise.uniform(-math.log(_MOST_SPEED), math.log(_MOST_SPEED)))
    bands = coloured(faster(example.bands, speed), noise)
    # The product keeps levels in half precision.
    inputs = features(levels_of(bands).astype(np.float16)).T
    frames = inputs.shape[1]
    events = (example.beats_s, example.downbeats_s)
    targets = np.stack([target(frames, times_s / np.float32(speed)) for times_s in events])
    start = int(noise.integers(0, max(1, frames - FRAMES)))
    missing = ((0, 0), (0, max(0, FRAMES - frames)))
    beats_s = example.beats_s / np.float32(speed) - start / FRAMES_PER_S
    return (
        np.pad(inputs[:, start : start + FRAMES], missing),
        np.pad(targets[:, start : start + FRAMES], missing),
        tempo_odds(beats_s[(beats_s >= 0) & (beats_s < FRAMES / FRAMES_PER_S)]),
    )


def tempo_odds(beats_s: Floats) -> Floats:
    """One over the tempi that the network tells apart, around the pace of these beats."""
    if beats_s.size < _FEWEST_BEATS:
        return np.zeros(TEMPI_BPM.size, np.float32)
    bpm = 60 / float(np.median(np.diff(beats_s)))
    near = np.exp(-0.5 * np.square(np.log(TEMPI_BPM / bpm) / _TEMPO_SPREAD))
    return (near / max(float(near.sum()), 1e-9)).astype(np.float32)


def faster(bands: Floats, speed: float) -> Floats:
    """The same at another speed, by drawing a line between frames."""
    places = np.arange(int(len(bands) / speed)) * speed
    before = np.minimum(places.astype(int), len(bands) - 2)
    share = (places - before)[:, None].astype(np.float32)
    return np.asarray(bands[before] * (1 - share) + bands[before + 1] * share, np.float32)


def coloured(bands: Floats, noise: np.random.Generator) -> Floats:
    """The same at another level and with another equaliser setting."""
    gain = 10 ** (noise.uniform(_QUIETER_DB, _LOUDER_DB) / 20)
    points = np.linspace(0, bands.shape[1] - 1, _COLOUR_POINTS)
    curve = np.interp(np.arange(bands.shape[1]), points, noise.normal(0, _COLOUR, _COLOUR_POINTS))
    return (bands * gain * np.exp(curve)).astype(np.float32)

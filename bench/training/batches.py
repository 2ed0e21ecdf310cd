"""Examples cut, bent and coloured by chance, so that the network learns no recording by heart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import features
from bench.training.examples import Example, levels_of, target

FRAMES = 1500
_MOST_SPEED = 1.16
_QUIETER_DB, _LOUDER_DB = -12.0, 6.0
_COLOUR, _COLOUR_POINTS = 0.35, 5


def batch(
    examples: Sequence[Example], size: int, noise: np.random.Generator
) -> tuple[Floats, Floats]:
    """Inputs ``[size, 96, 1500]`` and targets ``[size, 2, 1500]`` (beat, downbeat)."""
    chosen = noise.integers(0, len(examples), size)
    pairs = [_excerpt(examples[index], noise) for index in chosen]
    inputs, targets = zip(*pairs, strict=True)
    return np.stack(inputs), np.stack(targets)


def _excerpt(example: Example, noise: np.random.Generator) -> tuple[Floats, Floats]:
    speed = math.exp(noise.uniform(-math.log(_MOST_SPEED), math.log(_MOST_SPEED)))
    bands = coloured(faster(example.bands, speed), noise)
    # The product keeps levels in half precision.
    inputs = features(levels_of(bands).astype(np.float16)).T
    frames = inputs.shape[1]
    events = (example.beats_s, example.downbeats_s)
    targets = np.stack([target(frames, times_s / np.float32(speed)) for times_s in events])
    start = int(noise.integers(0, max(1, frames - FRAMES)))
    missing = ((0, 0), (0, max(0, FRAMES - frames)))
    return (
        np.pad(inputs[:, start : start + FRAMES], missing),
        np.pad(targets[:, start : start + FRAMES], missing),
    )


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

"""How likely a beat, and a downbeat, falls at each moment, and which tempo it all has: a small
convolutional network.

The shape is the temporal convolutional network of Davies and Böck ("Temporal convolutional
networks for musical audio beat tracking", EUSIPCO 2019): dilated convolutions see ten seconds
to either side, which is enough to tell a beat from an off-beat. It is evaluated by plain
matrix products; docs/analysis.md says what it was trained on. What each of its levels hears, on
average over a track, tells the tempo (after Böck and Davies, "Deconstruct, analyse, reconstruct:
how to improve tempo, beat, and downbeat estimation", ISMIR 2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.products import add_product
from autodj.audio.rhythm.bands import Levels

FRAMES_PER_S = 50
TEMPI_BPM: NDArray[np.float64] = np.geomspace(40.0, 240.0, 60)
_WEIGHTS = "activation.npz"
_CHUNK_FRAMES = 6000
_LEVEL_SCALE, _RISE_SCALE = 0.25, 1.0

Weights = Mapping[str, Floats]
Real = TypeVar("Real", bound=np.floating[Any])


@dataclass(frozen=True, slots=True)
class Heard:
    """``odds``: log odds ``[frames, 2]`` of a beat and of a downbeat; ``tempi``: the logarithm
    of how likely each of ``TEMPI_BPM`` is.
    """

    odds: Floats
    tempi: Floats


class ActivationNet:
    """The network with one set of weights."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._blocks = sum(name.startswith("turn.") for name in weights) // 2
        # Each of a block's five taps lies its dilation from the next.
        self._reach = 2 + 2 * (2**self._blocks - 1)

    def __call__(self, levels: Levels) -> Heard:
        """Read ``[frames, bands]`` at 50 frames a second. Long tracks are read in stretches that
        overlap by what one frame sees, so that memory stays bounded and no seam shows.
        """
        odds = [np.zeros((0, 2), np.float32)]
        level_sum = np.zeros(len(self._weights["tempo.weight"]), np.float32)
        for start in range(0, len(levels), _CHUNK_FRAMES):
            stretch, heard = self._stretch(levels, start, min(start + _CHUNK_FRAMES, len(levels)))
            odds.append(stretch)
            level_sum = np.add(level_sum, heard, dtype=np.float32)
        means: Floats = level_sum / np.float32(max(1, len(levels)))
        paces = means @ self._weights["tempo.weight"] + self._weights["tempo.bias"]
        return Heard(np.concatenate(odds), paces - np.logaddexp.reduce(paces))

    def _stretch(self, levels: Levels, start: int, stop: int) -> tuple[Floats, Floats]:
        """The odds from ``start`` to ``stop``, and the sums over them of what each level heard."""
        first = max(0, start - self._reach)
        seen = features(levels[max(0, first - 1) : stop + self._reach])[min(first, 1) :]
        inside = slice(start - first, stop - first)
        weights = self._weights
        state = _elu(_convolved(seen, weights["enter.weight"], weights["enter.bias"], 1))
        total, sums = np.zeros_like(state), []
        for block in range(self._blocks):
            mixed = self._block(state, block)
            state += mixed
            total += mixed
            sums.append(_elu(mixed[inside]).sum(axis=0))
        odds = _elu(total[inside]) @ weights["leave.weight"] + weights["leave.bias"]
        return odds, np.concatenate(sums)

    def _block(self, state: Floats, block: int) -> Floats:
        weights = self._weights
        turns = np.split(weights[f"turn.{block}.weight"], 2, axis=2)
        biases = np.split(weights[f"turn.{block}.bias"], 2)
        value, gate = (
            _convolved(state, turn, bias, 2**block)
            for turn, bias in zip(turns, biases, strict=True)
        )
        # Twice the sigmoid, in place; the other half is in the weights, and exact.
        gate *= 0.5
        np.tanh(gate, out=gate)
        gate += 1.0
        gate *= _elu(value)
        mixed = _rows(weights[f"mix.{block}.bias"], len(state))
        add_product(mixed, gate, 0.5 * weights[f"mix.{block}.weight"])
        return mixed


def features(levels: Levels) -> Floats:
    """``[frames, 2 * bands]``: the levels, and how much each has risen since the frame before."""
    level = levels.astype(np.float32)
    rise = np.maximum(np.diff(level, axis=0, prepend=level[:1]), 0.0)
    return np.concatenate([_LEVEL_SCALE * level, _RISE_SCALE * rise], axis=1)


def shipped_net() -> ActivationNet:
    """The network with the weights that come with the package, read from its file."""
    return stored_net(BytesIO(files("autodj.audio.rhythm").joinpath(_WEIGHTS).read_bytes()))


def stored_net(file: BinaryIO | Path) -> ActivationNet:
    """The network with the weights in an ``.npz`` file, widened from half precision."""
    with np.load(file) as stored:
        return ActivationNet({name: stored[name].astype(np.float32) for name in stored.files})


def _convolved(frames: Floats, weight: Floats, bias: Floats, dilation: int) -> Floats:
    """``weight`` is ``[taps, in, out]``; silence lies around the frames."""
    total = _rows(bias, len(frames))
    for tap, each in enumerate(weight):
        later = (tap - len(weight) // 2) * dilation
        reached = slice(max(0, -later), max(0, len(frames) - later))
        seen = frames[max(0, later) : max(0, len(frames) + later)]
        add_product(total[reached], seen, each)
    return total


def _rows(row: Floats, count: int) -> Floats:
    return np.tile(row, (count, 1))


def _elu(values: Floats) -> Floats:
    # In one array: below zero the exponential is the larger of the two, above it the value.
    # Not by expm1: without AVX-512 that takes seven times as long as exp.
    bent: Floats = np.minimum(values, 0.0)
    np.exp(bent, out=bent)
    bent -= 1.0
    return np.maximum(bent, values, out=bent)


def sigmoid(values: NDArray[Real]) -> NDArray[Real]:
    """The probability of each log odds, in the precision that it comes in."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * values), values.dtype)

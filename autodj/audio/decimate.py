"""A mono stream at a part of its rate, by a short filter in matrix products."""

from __future__ import annotations

import numpy as np

from autodj.audio.frames import Floats

# 63 taps under Kaiser's window. At half the rate they are flat to 0.91 of the new band, at a
# quarter to 0.81, and 50 dB down where what folds back would reach that far.
_REACH = 31
_KAISER_BETA = 4.53
_BLOCK = 64


class Decimator:
    """Every second sample, or fourth, of the filtered stream: number ``n`` is centred on sample
    ``factor * n``.

    Blocks of 64 samples reach into the block behind, so that what they give is the product of
    two neighbours with one matrix each; the zeros in it cost less than gathering the taps
    would. The stream counts as silent before its start and after its end.
    """

    def __init__(self, factor: int) -> None:
        self._factor = factor
        self._first, self._second = np.split(_matrix(factor), 2)
        self._held: Floats = np.zeros(_BLOCK // 2, np.float32)
        self._came = self._made = 0

    def push(self, samples: Floats) -> Floats:
        """The samples now complete."""
        held = np.concatenate([self._held, samples])
        self._came += samples.size
        count = held.size // _BLOCK - 1
        if count < 1:
            self._held = held
            return np.empty(0, np.float32)
        blocks = held[: (count + 1) * _BLOCK].reshape(-1, _BLOCK)
        self._held = held[count * _BLOCK :]
        kept: Floats = blocks[:-1] @ self._first
        kept += blocks[1:] @ self._second
        self._made += kept.size
        return kept.ravel()

    def finish(self) -> Floats:
        """The rest, so that there is one for each ``factor`` that came, rounded up."""
        missing = -(-self._came // self._factor) - self._made
        return self.push(np.zeros(3 * _BLOCK, np.float32))[:missing]


class Halvings:
    """Half the rate, several times over."""

    def __init__(self, count: int) -> None:
        self._stages = [Decimator(2) for _ in range(count)]

    def push(self, samples: Floats) -> Floats:
        """The samples now complete."""
        for stage in self._stages:
            samples = stage.push(samples)
        return samples

    def finish(self) -> Floats:
        """The rest."""
        left: Floats = np.zeros(0, np.float32)
        for stage in self._stages:
            left = np.concatenate([stage.push(left), stage.finish()])
        return left


def low_pass(factor: int) -> Floats:
    """The taps from 31 samples before to 31 after; they sum to 1."""
    at = np.arange(-_REACH, _REACH + 1)
    taps = np.sinc(at / factor) * np.kaiser(at.size, _KAISER_BETA)
    return np.asarray(taps / taps.sum(), np.float32)


def _matrix(factor: int) -> Floats:
    """``[two blocks, kept]``: what each sample adds to each one kept; the first of those is
    centred half a block into the first block.
    """
    taps = low_pass(factor)
    matrix = np.zeros((2 * _BLOCK, _BLOCK // factor), np.float32)
    for kept in range(_BLOCK // factor):
        start = _BLOCK // 2 + factor * kept - _REACH
        matrix[start : start + taps.size, kept] = taps
    return matrix

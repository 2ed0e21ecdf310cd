"""Where in a rendition a sound of its original is heard, found by comparing the two.

Coders put silence in front, containers say how much of it to skip, and players heed that or do
not; so the offset is measured on what was made instead of being worked out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import scipy.fft

from autodj.audio.decode import open_decoder
from autodj.audio.facts import DecodeLimits
from autodj.audio.frames import Floats
from autodj.audio.identify import Container
from autodj.audio.resample import BlockResampler

RATE_HZ = 48000
_EXCERPT_S = 3.0
# More than any coder delays, and less than half a beat.
_SLACK_S = 0.15
_AUDIBLE = 0.01
_NEARLY = 0.99


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some seconds of the original, mono at ``RATE_HZ``, from its first sound behind where it
    was looked for; empty when there is none.
    """

    start_s: float
    samples: Floats


def excerpt(
    file: BinaryIO, container: Container, limits: DecodeLimits, *, from_s: float
) -> Excerpt:
    """The first seconds of ``file`` behind ``from_s`` that can be heard."""
    start, stop = round(from_s * RATE_HZ), None
    held: list[Floats] = []
    first = 0
    for at, block in _blocks(file, container, limits):
        if stop is None:
            loud = np.flatnonzero(np.abs(block[max(0, start - at) :]) > _AUDIBLE)
            if start >= at + block.size or not loud.size:
                continue
            first = max(start, at) + int(loud[0])
            stop = first + round(_EXCERPT_S * RATE_HZ)
        held.append(block[max(0, first - at) : stop - at])
        if at + block.size >= stop:
            break
    return Excerpt(first / RATE_HZ, np.concatenate(held) if held else np.empty(0, np.float32))


def find(
    wanted: Excerpt,
    file: BinaryIO,
    container: Container,
    limits: DecodeLimits,
    *,
    expected_s: float,
) -> tuple[float, float]:
    """Where the excerpt starts in ``file``, and how long ``file`` is, decoded to its end.

    ``expected_s`` is the answer when there is nothing to compare.
    """
    low = max(0, round((expected_s - _SLACK_S) * RATE_HZ))
    high = round((expected_s + _SLACK_S) * RATE_HZ) + wanted.samples.size
    held: list[Floats] = []
    size = 0
    for at, block in _blocks(file, container, limits):
        size = at + block.size
        if at < high and size > low:
            held.append(block[max(0, low - at) : high - at])
    duration_s = size / RATE_HZ
    heard = np.concatenate(held) if held else np.empty(0, np.float32)
    sound = wanted.samples[: max(0, heard.size - round(2 * _SLACK_S * RATE_HZ))]
    if not sound.size:
        return expected_s, duration_s
    lag = _best_lag(sound, heard, expected_s * RATE_HZ - low)
    return (low + lag) / RATE_HZ, duration_s


def _best_lag(wanted: Floats, heard: Floats, expected: float) -> int:
    """The lag at which ``wanted`` lies in ``heard``: of the peaks of their correlation that are
    nearly the highest, the one next to what is expected, for a steady tone fits everywhere.
    """
    # Differences weigh high sounds more, whose place is sharper.
    a, b = np.diff(wanted), np.diff(heard)
    size = scipy.fft.next_fast_len(a.size + b.size)
    spectrum = scipy.fft.rfft(b, size) * np.conj(scipy.fft.rfft(a, size))
    likeness = scipy.fft.irfft(spectrum, size)[: max(1, heard.size - wanted.size + 1)]
    if likeness.max() <= 0:
        return round(expected)
    padded = np.pad(likeness, 1, constant_values=-np.inf)
    is_peak = (likeness >= padded[:-2]) & (likeness >= padded[2:])
    peaks = np.flatnonzero(is_peak & (likeness >= _NEARLY * likeness.max()))
    return int(peaks[np.argmin(np.abs(peaks - expected))])


def _blocks(
    file: BinaryIO, container: Container, limits: DecodeLimits
) -> Iterator[tuple[int, Floats]]:
    """Mono blocks at ``RATE_HZ``, each with the number of its first sample."""
    file.seek(0)
    at = 0
    with open_decoder(file, container, limits) as decoder:
        resampler = BlockResampler(RATE_HZ, 1)
        for frame in decoder.frames():
            for block in resampler.push(frame):
                yield at, block[0]
                at += block.shape[1]
        for block in resampler.finish():
            yield at, block[0]
            at += block.shape[1]

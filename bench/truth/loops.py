"""Where the beats lie of a track that a sequencer wrote to be played over and over.

A sequencer keeps a tempo as whole microseconds a beat and starts the file with a bar, so a loop
of whole phrases has a length that tells, to the sample, which tempi can be: 2,419,198 samples
are 128 beats of 428,571 us, which is 140 BPM, and nothing else of whole phrases. What a length
leaves open the sound decides: music says itself again after a phrase, and strikes its beats and
the middle between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from autodj.audio.frames import Floats
from bench.truth.piece import RATE_HZ, Doubles, moments
from bench.truth.rows import BEATS_A_BAR, InDoubt

# Half or twice a tempo fits a length as well; dance music is counted in here.
TEMPI_BPM: Final = range(100, 180)
_PHRASE_BEATS: Final = 4 * BEATS_A_BAR
_FEWEST_BEATS: Final = 48
_US: Final = 1_000_000

# A loop sounds from its first sample on: nothing was put before its first bar, and no codec
# moved it.
_AUDIBLE, _BEGINS_S = 0.02, 0.005
# How much of the sound has to come again after a phrase.
_AGAIN: Final = 0.3

_HOP: Final = 44
_SMOOTH_HOPS, _RISE_HOPS = 4, 6
_EARLY_HOPS, _LATE_HOPS = 8, 14
_PLACES: Final = 24
_MIDDLE, _THIRDS = _PLACES // 2, (_PLACES // 3, 2 * _PLACES // 3)


@dataclass(frozen=True, slots=True)
class Loop:
    """``beats`` of ``beat_us`` microseconds each, which is ``bpm`` as a sequencer keeps it."""

    bpm: int
    beats: int
    beat_us: int

    def frame(self, beat: float) -> float:
        return beat * self.beat_us / _US * RATE_HZ

    @property
    def beats_s(self) -> tuple[float, ...]:
        return moments(np.arange(self.beats, dtype=np.float64) * (self.beat_us / _US))


def looped(samples: Floats) -> Loop:
    """The one tempo that ``samples``, float32 ``[2, n]`` at ``RATE_HZ``, can have.

    :raises InDoubt: there is none, or more than one, or the file does not begin with the music.
    """
    sound = samples.mean(axis=0, dtype=np.float64)
    loudest = float(np.abs(sound).max(initial=0.0))
    if not np.any(np.abs(sound[: round(_BEGINS_S * RATE_HZ)]) > _AUDIBLE * loudest):
        raise InDoubt("the music does not begin at once")
    possible = list(lengths(sound.size))
    if not possible:
        raise InDoubt("the length is no phrases of a whole tempo")
    strokes = _strokes(sound)
    told = [each for each in possible if _again(sound, each) and _halved(strokes, each)]
    if len(told) != 1:
        raise InDoubt(f"{len(told)} of {len(possible)} tempi say themselves again in halves")
    return told[0]


def lengths(frames: int) -> Iterator[Loop]:
    """Every tempo at which ``frames`` are whole phrases of four bars, to the nearest sample."""
    for bpm in TEMPI_BPM:
        beat_us = round(60 * _US / bpm)
        phrases = round(frames * _US / RATE_HZ / beat_us / _PHRASE_BEATS)
        loop = Loop(bpm, phrases * _PHRASE_BEATS, beat_us)
        if loop.beats >= _FEWEST_BEATS and abs(loop.frame(loop.beats) - frames) <= 0.5:
            yield loop


def _again(sound: Doubles, loop: Loop) -> bool:
    """Whether the end runs into the start, and after four bars comes what was, not after three."""
    whole, three = (
        float(sound @ np.roll(sound, round(loop.frame(beats))))
        for beats in (_PHRASE_BEATS, 3 * BEATS_A_BAR)
    )
    return whole > max(_AGAIN * float(sound @ sound), three)


def _strokes(sound: Doubles) -> Doubles:
    """How suddenly it grows loud, treble most, in every hop of a millisecond."""
    hops = sound.size // _HOP
    edges = np.diff(sound, append=0.0)[: hops * _HOP].reshape(hops, _HOP)
    power = np.convolve((edges**2).sum(axis=1), np.full(_SMOOTH_HOPS, 1 / _SMOOTH_HOPS), "same")
    level = np.sqrt(power)
    return np.asarray(np.maximum(0.0, level - np.roll(level, _RISE_HOPS)))


def _halved(strokes: Doubles, loop: Loop) -> bool:
    """Whether beats and the middles between them are struck, more than the thirds of beats are.

    Where thirds are struck and not the middle, a beat may also be three quick ones of a waltz.
    """
    places = np.arange(loop.beats)[:, None] + np.arange(_PLACES) / _PLACES
    hops = np.round(places * loop.frame(1) / _HOP).astype(np.int64)
    around = hops[..., None] + np.arange(-_EARLY_HOPS, _LATE_HOPS)
    struck = strokes[around % strokes.size].max(axis=2).mean(axis=0)
    usual, middle = float(struck.mean()), float(struck[_MIDDLE])
    thirds = float(struck[list(_THIRDS)].mean())
    return bool(struck[0] > usual and middle > usual and middle > thirds)

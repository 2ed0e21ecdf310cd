"""Which pitches sound when, at the tuning that the piece itself is in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from librosa import hz_to_midi
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from autodj.audio.frames import Floats
from autodj.audio.rows import Rows

Doubles = NDArray[np.float64]
Real = TypeVar("Real", bound=np.floating[Any])

COURSE_PER_S = 10
FRAMES_PER_ROW = 5
_AN_HOUR = COURSE_PER_S * 3600
# A whole number of rows.
_READ_AT_ONCE = 200 * FRAMES_PER_ROW
_QUIETEST = 1e-4
# To each side: 43 Hz.
_FLOOR_BINS = 15
_SILENT_SHARE = 1e-3
# Fine steps tell the tuning; coarse ones are enough to read a pitch class at it, and are kept
# for the whole track, in half precision: 9 MB an hour.
_FINE, _COARSE = 20, 5
_FINE_CIRCLE, _CIRCLE = 12 * _FINE, 12 * _COARSE


@dataclass(frozen=True, slots=True)
class Register:
    """A range of MIDI pitches that fades in from ``silent_below`` to ``full_from`` and out from
    ``full_to`` to ``silent_above``; magnitudes count by the power of ``exponent``.

    The edges fade because drums fill the spectrum evenly: a sharp edge would favour the pitch
    classes that have one octave more.
    """

    silent_below: float
    full_from: float
    full_to: float
    silent_above: float
    exponent: float

    def fade(self, midi: Doubles) -> Doubles:
        """The share, 0 to 1, with which each pitch counts."""
        rising = np.clip((midi - self.silent_below) / (self.full_from - self.silent_below), 0, 1)
        falling = np.clip((self.silent_above - midi) / (self.silent_above - self.full_to), 0, 1)
        return np.asarray(np.sin(np.pi / 2 * rising) ** 2 * np.sin(np.pi / 2 * falling) ** 2)


# 49 to 1047 Hz, where harmonics tell more than they blur; and the bass alone, 37 to 196 Hz.
_WHOLE = Register(31, 43, 65, 84, exponent=0.5)
_BASS = Register(26, 31, 43, 55, exponent=1.0)
REGISTERS = (_WHOLE, _BASS)
_LOWEST, _HIGHEST = 26, 84

# What the fine steps from the lowest pitch on are worth.
_LADDER = np.arange((_HIGHEST - _LOWEST) * _FINE + 1) / _FINE + _LOWEST
_FADES = [register.fade(_LADDER) for register in REGISTERS]
_COARSE_STEPS = np.rint(_LADDER * _COARSE).astype(np.int64) % _CIRCLE
_FINE_STEPS = np.rint(_LADDER * _FINE).astype(np.int64) % _FINE_CIRCLE


NO_COURSE: Floats = np.zeros((0, 24), np.float32)


@dataclass(frozen=True, slots=True)
class Pitches:
    """Shares of the twelve pitch classes from C, ``[rows, 12]``, in each half second that is not
    silent. ``whole`` sums to 1 in every row, ``bass`` to 1 or, without a bass, to 0. ``tuning``
    is in semitones from A = 440 Hz. ``course`` has both beside each other, ``[frames, 24]``,
    ten times a second from the start to the end of the track.
    """

    whole: Doubles
    bass: Doubles
    tuning: float
    course: Floats = field(default_factory=lambda: NO_COURSE)


class PitchStream:
    """Takes magnitudes ten times a second and keeps what sounded at each point of the pitch
    circle, every frame alike.

    Peaks of the spectrum are placed by parabolic interpolation of their log magnitudes.
    """

    def __init__(self, rate_hz: float, window_samples: int) -> None:
        self._bin_hz = rate_hz / window_samples
        self._first = int(_hz(_LOWEST) / self._bin_hz)
        self._stop = int(_hz(_HIGHEST) / self._bin_hz) + 1
        self._rows = PitchRows()

    def push(self, magnitudes: Floats) -> None:
        """Take ``[frames, bins]`` magnitudes."""
        wide = magnitudes[:, : self._stop + 1 + _FLOOR_BINS].astype(np.float64)
        around, floor = (each[:, self._first - 1 : self._stop + 1] for each in (wide, _floor(wide)))
        below, here, above = around[:, :-2], around[:, 1:-1], around[:, 2:]
        crests = np.zeros(around.shape, bool)
        crests[:, 1:-1] = (here > below) & (here >= above) & (here > _QUIETEST)
        crests &= around > floor
        # In one dimension: to look for places in two takes several times as long.
        at, flat = np.flatnonzero(crests), around.ravel()
        frame, column = np.divmod(at, around.shape[1])
        left, top, right = (np.log(flat[at + step] + 1e-12) for step in (-1, 0, 1))
        shift = 0.5 * (left - right) / np.minimum(left - 2 * top + right, -1e-9)
        midi = np.asarray(hz_to_midi((self._first - 1 + column + shift) * self._bin_hz))
        self._rows.add(len(magnitudes), frame, midi, flat[at] - floor.ravel()[at])

    def finish(self) -> Pitches | None:
        """None when nothing sounded."""
        return self._rows.finish()


def _floor(magnitudes: Doubles) -> Doubles:
    """The mean of each bin and those around it: what drums and noise fill the spectrum with."""
    return np.asarray(uniform_filter1d(magnitudes, 2 * _FLOOR_BINS + 1, axis=1, mode="nearest"))


class PitchRows:
    """Adds up peaks: on a fine circle for the tuning, and frame by frame."""

    def __init__(self) -> None:
        self._tuning_circle = np.zeros(_FINE_CIRCLE)
        self._frames = Rows(_FRAME_SIZE, np.float16, at_once=_AN_HOUR)

    def add(
        self, frames: int, frame: NDArray[np.int64], midi: Doubles, magnitudes: Doubles
    ) -> None:
        """Take the peaks of the next ``frames`` frames; ``frame`` counts from the first one."""
        step = np.clip(np.rint((midi - _LOWEST) * _FINE), 0, _LADDER.size - 1).astype(np.int64)
        share = _shares(magnitudes, frame, frames)
        self._tuning_circle += np.bincount(_FINE_STEPS[step], share, _FINE_CIRCLE)
        at = frame * _CIRCLE + _COARSE_STEPS[step]
        rows = np.empty((frames, _FRAME_SIZE))
        for circle, register, fades in zip(_CIRCLES, REGISTERS, _FADES, strict=True):
            weights = fades[step] * magnitudes**register.exponent
            # Whole numbers where there is nothing to count.
            sums = np.asarray(np.bincount(at, weights, frames * _CIRCLE), np.float64)
            rows[:, circle] = _normal(sums.reshape(frames, _CIRCLE))
        rows[:, -1] = np.bincount(frame, magnitudes, frames)
        self._frames.add(rows)

    def finish(self) -> Pitches | None:
        """None when nothing sounded."""
        frames = self._frames.taken()
        tuning = _tuning(self._tuning_circle)
        classes = _classes(tuning)
        rows = np.empty((-(-len(frames) // FRAMES_PER_ROW), _FRAME_SIZE), np.float32)
        course = np.empty((len(frames), len(REGISTERS) * 12), np.float32)
        for start in range(0, len(frames), _READ_AT_ONCE):
            read = frames[start : start + _READ_AT_ONCE]
            course[start : start + len(read)] = _course(read, classes.astype(np.float32))
            sums = _sums(read)
            rows[start // FRAMES_PER_ROW :][: len(sums)] = sums
        return _pitches(rows, course, classes, tuning)


_CIRCLES = [slice(place * _CIRCLE, (place + 1) * _CIRCLE) for place in range(len(REGISTERS))]
_FRAME_SIZE = len(REGISTERS) * _CIRCLE + 1


def _pitches(rows: Floats, course: Floats, classes: Doubles, tuning: float) -> Pitches | None:
    if not rows[:, :_CIRCLE].any():
        return None
    loudness = rows[:, -1]
    heard = rows[loudness > _SILENT_SHARE * loudness.max()]
    whole, bass = (_normal(heard[:, circle] @ classes) for circle in _CIRCLES)
    sounding = whole.any(axis=1)
    return Pitches(whole[sounding], bass[sounding], tuning, course) if sounding.any() else None


def _sums(frames: NDArray[np.float16]) -> Floats:
    """Over the frames of each half second; the last may have fewer."""
    starts = np.arange(0, len(frames), FRAMES_PER_ROW)
    return np.asarray(np.add.reduceat(frames, starts, axis=0, dtype=np.float32))


def _course(frames: NDArray[np.float16], classes: Floats) -> Floats:
    """``[frames, 24]`` of ``Pitches``."""
    return np.concatenate([_normal(frames[:, circle] @ classes) for circle in _CIRCLES], axis=1)


def _hz(midi: float) -> float:
    return float(440 * 2 ** ((midi - 69) / 12))


def _shares(weights: Doubles, frame: NDArray[np.int64], frames: int) -> Doubles:
    """What each peak has of its frame's sum."""
    sums = np.bincount(frame, weights, frames)[frame]
    return np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0)


def _tuning(circle: Doubles) -> float:
    """Semitones between the nearest pitches of A = 440 Hz and those of the piece."""
    angles = 2j * np.pi * np.arange(circle.size) / _FINE
    return float(np.angle(np.sum(circle * np.exp(angles))) / (2 * np.pi))


def _classes(tuning: float) -> Doubles:
    """``[coarse steps, 12]``: how much a step belongs to each pitch class."""
    semitones = np.arange(_CIRCLE) / _COARSE - tuning
    distance = (semitones[:, None] - np.arange(12)[None, :] + 6) % 12 - 6
    return np.asarray(np.where(np.abs(distance) < 0.5, np.cos(np.pi * distance) ** 2, 0.0))


def _normal(rows: NDArray[Real]) -> NDArray[Real]:
    sums = rows.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(rows, sums, out=np.zeros_like(rows), where=sums > 1e-9))

"""How much the harmony changes at each moment: chords change where bars begin.

What tells the beginning of a bar best is the change of harmony on it (Goto, "An audio-based
real-time beat tracking system for music with or without drum-sounds", JNMR 2001); the network
hears bands too wide for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.pitches import COURSE_PER_S
from autodj.audio.rhythm.activation import FRAMES_PER_S

_SPANS_FRAMES = (5, 10)
_CLASSES = 12
CHANGES = 2 * len(_SPANS_FRAMES)
_LEAST_SPREAD = 0.02
_AT_ONCE = 2000


def harmonic_changes(course: Floats, frames: int) -> Floats:
    """``[frames, 4]`` at 50 frames a second from pitch classes ten times a second: how unlike the
    half second and the second after a moment are to those before it, in all registers and then
    in the bass. Each in standard deviations above its mean over the track, so that what changes
    all the time says as little as what never does.
    """
    if not len(course):
        return np.zeros((frames, CHANGES), np.float32)
    parts = [course[:, at : at + _CLASSES] for at in range(0, course.shape[1], _CLASSES)]
    changes = [_unlike(part, span) for part in parts for span in _SPANS_FRAMES]
    times = np.arange(frames) * (COURSE_PER_S / FRAMES_PER_S)
    at = np.arange(len(course))
    spread = np.empty((frames, CHANGES), np.float32)
    for column, each in enumerate(changes):
        sharp = (each - each.mean()) / max(float(each.std()), _LEAST_SPREAD)
        spread[:, column] = np.interp(times, at, sharp)
    return spread


def _unlike(classes: Floats, span: int) -> NDArray[np.float64]:
    """Half the distance, 0 to 1, between the mean shares of ``span`` frames on either side."""
    unlike = np.empty(len(classes))
    for start in range(0, len(classes), _AT_ONCE):
        stop = min(start + _AT_ONCE, len(classes))
        around = classes[np.arange(start - span, stop + span).clip(0, len(classes) - 1)]
        sums = np.cumsum(np.pad(around, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
        means = sums[span:] - sums[:-span]
        shares = means / np.maximum(means.sum(axis=1, keepdims=True), 1e-9)
        before, after = shares[: stop - start], shares[span + 1 :]
        unlike[start:stop] = 0.5 * np.abs(after - before).sum(axis=1)
    return unlike

"""The key of a piece, from where its strong partials lie on the circle of pitches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from librosa import hz_to_midi
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.keynames import MODES, key_name

_LOWEST_HZ, _HIGHEST_HZ = 55.0, 1000.0
_STEPS_PER_SEMITONE = 20
_STEPS = 12 * _STEPS_PER_SEMITONE
_QUIETEST = 1e-4
_CLEAR_MARGIN = 0.25

# How well each pitch class fits a key, from the tonic up, by two sources that complement each
# other: ratings of listeners (Krumhansl and Kessler, "Tracing the dynamic changes in perceived
# tonal organization", Psychological Review 1982) and how often it occurs in a corpus
# (Temperley, "Music and Probability", 2007, from Kostka and Payne). Major, then minor.
_RATINGS = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)
_OCCURRENCES = (
    (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
    (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
)


_Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its musical name, how clearly it beat the next one (0 to 1), and how far the
    piece lies from A = 440 Hz.
    """

    name: str
    confidence: float
    tuning_cents: float


class PitchStream:
    """Adds up how much sounds at each point of the pitch circle, every frame alike.

    Peaks of the spectrum between 55 Hz and 1 kHz are placed by parabolic interpolation of
    their log magnitudes; harmonics above that blur more than they tell.
    """

    def __init__(self, rate_hz: int, window_samples: int) -> None:
        self._bin_hz = rate_hz / window_samples
        self._first = int(_LOWEST_HZ / self._bin_hz)
        self._stop = int(_HIGHEST_HZ / self._bin_hz) + 1
        self._circle = np.zeros(_STEPS)

    def push(self, magnitudes: Floats) -> None:
        """Take ``[frames, bins]`` magnitudes."""
        around = magnitudes[:, self._first - 1 : self._stop + 1].astype(np.float64)
        below, here, above = around[:, :-2], around[:, 1:-1], around[:, 2:]
        frame, column = np.nonzero((here > below) & (here >= above) & (here > _QUIETEST))
        if frame.size == 0:
            return
        left, top, right = (np.log(part[frame, column] + 1e-12) for part in (below, here, above))
        shift = 0.5 * (left - right) / np.minimum(left - 2 * top + right, -1e-9)
        midi = hz_to_midi((self._first + column + shift) * self._bin_hz)
        loudness = here[frame, column]
        share = loudness / np.bincount(frame, loudness, here.shape[0])[frame]
        step = np.rint(midi * _STEPS_PER_SEMITONE).astype(int) % _STEPS
        self._circle += np.bincount(step, share, _STEPS)

    def finish(self) -> Key | None:
        """The best of the 24 keys; None when nothing sounded."""
        if not self._circle.any():
            return None
        tuning = _tuning(self._circle)
        return _best_key(_chroma(self._circle, tuning), 100 * tuning)


def _tuning(circle: _Doubles) -> float:
    """Semitones between the nearest pitches of A = 440 Hz and those of the piece."""
    angles = 2j * np.pi * np.arange(_STEPS) / _STEPS_PER_SEMITONE
    return float(np.angle(np.sum(circle * np.exp(angles))) / (2 * np.pi))


def _chroma(circle: _Doubles, tuning: float) -> _Doubles:
    """Twelve pitch classes from C, read at the tuning that the piece itself is in."""
    semitones = np.arange(_STEPS) / _STEPS_PER_SEMITONE - tuning
    distance = (semitones[None, :] - np.arange(12)[:, None] + 6) % 12 - 6
    weight = np.where(np.abs(distance) < 0.5, np.cos(np.pi * distance) ** 2, 0.0)
    return np.asarray(weight @ circle)


def _best_key(chroma: _Doubles, tuning_cents: float) -> Key | None:
    """The key whose profiles correlate best with the chroma."""
    if chroma.std() == 0.0:
        return None
    both = [_correlations(chroma, profiles) for profiles in (_RATINGS, _OCCURRENCES)]
    scores = np.mean(both, axis=0).ravel()
    order = np.argsort(scores, kind="stable")
    best, second = scores[order[-1]], scores[order[-2]]
    mode, tonic = divmod(int(order[-1]), 12)
    name = key_name(tonic, MODES[mode])
    confidence = float(np.clip((best - second) / _CLEAR_MARGIN, 0.0, 1.0))
    return Key(name, confidence, tuning_cents)


def _correlations(chroma: _Doubles, profiles: tuple[tuple[float, ...], ...]) -> _Doubles:
    """Pearson correlations ``[modes, tonics]``."""
    turned = np.array([[np.roll(profile, tonic) for tonic in range(12)] for profile in profiles])
    turned = turned - turned.mean(axis=-1, keepdims=True)
    centred = chroma - chroma.mean()
    norms = np.linalg.norm(turned, axis=-1) * np.linalg.norm(centred)
    return np.asarray(turned @ centred / norms)

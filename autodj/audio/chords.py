"""Triads, half second by half second: how likely each sounds, and which follows which."""

from __future__ import annotations

import numpy as np

from autodj.audio.pitches import Doubles, Pitches

_THIRDS = (4, 3)
# What a note adds to the class of its third and of its fifth harmonic.
_HARMONICS = ((0, 1.0), (7, 0.25), (4, 0.1))
# A bass note speaks for the chord that it is the root of.
_ROOT_IN_BASS = 0.6
_CONTRAST = 12.0


def chord_odds(pitches: Pitches) -> Doubles:
    """``[rows, 24]``: the share of belief in each major and then each minor triad, by the
    correlation of the pitch classes with its notes and their harmonics.
    """
    centred = pitches.whole - pitches.whole.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    likeness = centred @ _templates().T / np.maximum(norms, 1e-9)
    believed = _CONTRAST * (likeness + _ROOT_IN_BASS * np.tile(pitches.bass, (1, 2)))
    shares = np.exp(believed - believed.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def chord_moves(odds: Doubles) -> Doubles:
    """``[24, 24]``: of all changes of chord, the share from each to each."""
    moves = odds[:-1].T @ odds[1:]
    np.fill_diagonal(moves, 0.0)
    return np.asarray(moves / max(moves.sum(), 1e-9))


def _templates() -> Doubles:
    """``[24, 12]``, centred and of length 1."""
    chords = np.array([np.roll(_triad(third), root) for third in _THIRDS for root in range(12)])
    chords -= chords.mean(axis=1, keepdims=True)
    return np.asarray(chords / np.linalg.norm(chords, axis=1, keepdims=True))


def _triad(third: int) -> Doubles:
    classes = np.zeros(12)
    for note in (0, third, 7):
        for above, share in _HARMONICS:
            classes[(note + above) % 12] += share
    return classes

"""Play a score: samples, and real files of them for a demonstration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from autodj.audio.artwork import draw_cover
from autodj.audio.encode import TARGETS, encode
from autodj.audio.frames import Floats
from autodj.audio.instruments import RATE_HZ
from autodj.audio.parts import notes
from autodj.audio.pieces import ARTIST, PIECES, Piece

__all__ = ["PIECES", "RATE_HZ", "Piece", "render", "write"]

_TAIL_S = 2.0
_PEAK = 0.84
_DRIVE = 1.1
_LEVELS = {
    "kick": 0.9, "snare": 0.75, "clap": 0.55, "hat": 0.24, "open": 0.24, "bass": 0.34,
    "chords": 0.12, "pad": 0.1, "melody": 0.24, "arpeggio": 0.13,
}  # fmt: skip
_PANS = {"hat": 0.25, "open": -0.3, "arpeggio": 0.35, "melody": -0.12}
_WET = {"snare": 0.12, "clap": 0.22, "chords": 0.3, "pad": 0.45, "melody": 0.4, "arpeggio": 0.4}
_DUCKED = frozenset({"bass", "chords", "pad", "arpeggio"})
_DUCK_DEPTH, _DUCK_S = 0.65, 0.11
_ROOM_S = 1.6


def render(piece: Piece) -> Floats:
    """The whole piece as float32 ``[2, samples]`` at 44.1 kHz, peaking 1.5 dB below full scale.

    The same piece always gives the same samples.
    """
    size = round((piece.duration_s + _TAIL_S) * RATE_HZ)
    steady, ducked, wet = (np.zeros((2, size), np.float32) for _ in range(3))
    for part, level in _LEVELS.items():
        pan = _PANS.get(part, 0.0)
        sides = np.array([[min(1.0, 1 - pan)], [min(1.0, 1 + pan)]], np.float32)
        dry, share = (ducked if part in _DUCKED else steady), _WET.get(part, 0.0)
        for beat, sound, strength in notes(piece, part):
            start = round(beat * 60 / piece.bpm * RATE_HZ)
            heard = sides * (sound[: size - start] * np.float32(level * strength))
            dry[:, start : start + heard.shape[1]] += heard
            if share:
                wet[:, start : start + heard.shape[1]] += heard * np.float32(share)
    mix = steady + (ducked + _room(wet, piece.seed)) * _ducking(piece, size)
    shaped = np.tanh(_DRIVE * mix)
    return np.asarray(shaped * (_PEAK / np.abs(shaped).max()), np.float32)


def write(piece: Piece, folder: Path) -> Path:
    """Render the piece into a tagged file of its own kind, with a cover where that has one."""
    path = folder / f"{piece.slug}.{piece.codec}"
    encode(
        render(piece),
        RATE_HZ,
        path,
        codec=piece.codec,
        tags={"title": piece.title, "artist": ARTIST, "album": piece.album, "genre": "Electronic"},
        cover=draw_cover(piece.seed) if TARGETS[piece.codec].takes_cover else None,
    )
    return path


def _room(sent: Floats, seed: int) -> Floats:
    """The reverberation of a middling hall: decaying noise, different on either side."""
    random = np.random.default_rng(seed)
    t = np.arange(round(_ROOM_S * RATE_HZ)) / RATE_HZ
    walls = random.standard_normal((2, t.size)) * np.exp(-t * 4.6) * np.clip(t / 0.012, 0, 1)
    walls *= 0.9 / np.sqrt(np.sum(np.square(walls), axis=1, keepdims=True))
    size = scipy.fft.next_fast_len(sent.shape[1] + t.size, real=True)
    spectrum = scipy.fft.rfft(sent, size) * scipy.fft.rfft(walls.astype(np.float32), size)
    return np.asarray(scipy.fft.irfft(spectrum, size)[:, : sent.shape[1]], np.float32)


def _ducking(piece: Piece, size: int) -> NDArray[np.float32]:
    """A gain that makes way for the kick on every beat where one plays."""
    gain = np.ones(size, np.float32)
    dip = 1 - _DUCK_DEPTH * np.exp(-np.arange(RATE_HZ // 2) / (_DUCK_S * RATE_HZ))
    for beat, _, strength in notes(piece, "kick"):
        start = round(beat * 60 / piece.bpm * RATE_HZ)
        under = gain[start : start + dip.size]
        np.minimum(under, 1 - (1 - dip[: under.size]) * strength, out=under)
    return gain

"""Audio that is quickly made, with a tempo and a key that can be found in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autodj.audio.encode import encode

RATE_HZ = 44100
A_MINOR_HZ = (220.0, 261.63, 329.63)
F_MINOR_HZ = (174.61, 207.65, 261.63)


def write_clip(
    path: Path,
    *,
    bpm: float,
    duration_s: float,
    chord_hz: tuple[float, ...] = A_MINOR_HZ,
    artist: str = "Test Band",
) -> Path:
    """A chord under a click on every beat, as the kind of file that the suffix says.

    The title is the file's name.
    """
    t = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    since_beat = t % (60 / bpm)
    click = np.sin(2 * np.pi * 90 * since_beat) * np.exp(-since_beat * 40)
    hat = np.sin(2 * np.pi * 6000 * since_beat) * np.exp(-since_beat * 150)
    chord = np.sum([np.sin(2 * np.pi * hz * t) for hz in chord_hz], axis=0)
    mix = 0.5 * click + 0.1 * hat + 0.08 * chord
    samples = np.stack([mix, mix]).astype(np.float32)
    tags = {"title": path.stem, "artist": artist}
    encode(samples, RATE_HZ, path, codec=path.suffix[1:], tags=tags)
    return path

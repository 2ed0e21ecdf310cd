"""Real audio files for tests, made in a few hundredths of a second each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from autodj.audio.encode import encode

RATE_HZ = 44100
A_MINOR_HZ = (110.0, 220.0, 261.63, 329.63)


def make_clip(
    path: Path,
    seconds: float,
    *,
    bpm: float = 120.0,
    codec: str | None = None,
    channels: int = 2,
    rate_hz: int = RATE_HZ,
    tags: Mapping[str, str] | None = None,
    cover: bytes | None = None,
) -> Path:
    """Write a drum beat over an A minor chord to ``path`` and return it.

    ``codec`` is one of ``autodj.audio.encode.TARGETS``, by default what the suffix says. The
    first beat falls on 0 s. The same arguments give the same bytes. From 4 s on the analysis
    finds the key and any tempo from 70 to 160.
    """
    encode(
        beat(seconds, bpm=bpm, channels=channels, rate_hz=rate_hz),
        rate_hz,
        path,
        codec=codec or path.suffix.lstrip("."),
        tags=tags,
        cover=cover,
    )
    return path


def beat(
    seconds: float, *, bpm: float = 120.0, channels: int = 2, rate_hz: int = RATE_HZ
) -> NDArray[np.float32]:
    """The samples of such a clip, ``[channels, n]``: a kick on every beat, a snare on every
    second, hats between, a chord throughout.
    """
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    beats = t * bpm / 60
    since_beat_s = beats % 1 * 60 / bpm
    since_hat_s = (beats + 0.5) % 1 * 60 / bpm
    noise = np.random.default_rng(0).standard_normal(t.size)
    kick = np.sin(2 * np.pi * (50 * since_beat_s + 2 * (1 - np.exp(-40 * since_beat_s))))
    mix = 0.5 * kick * np.exp(-12 * since_beat_s)
    mix += 0.1 * noise * np.exp(-20 * since_beat_s) * (beats // 1 % 2)
    mix += 0.03 * noise * np.exp(-80 * since_hat_s)
    mix += 0.05 * sum(np.sin(2 * np.pi * hz * t) for hz in A_MINOR_HZ)
    return np.repeat(mix[None, :], channels, axis=0).astype(np.float32)


AWKWARD: Mapping[str, tuple[str, str, str, Mapping[str, str]]] = {
    "moov at the end.m4a": ("mp4", "aac", "fltp", {}),
    "fragments.m4a": (
        "mp4",
        "aac",
        "fltp",
        {"movflags": "+empty_moov+default_base_moof", "frag_duration": "1000000"},
    ),
    "no Xing.mp3": ("mp3", "libmp3lame", "fltp", {"write_xing": "0", "id3v2_version": "0"}),
    "opus in MP4.m4a": ("mp4", "libopus", "flt", {"movflags": "+faststart"}),
    "floats.wav": ("wav", "pcm_f32le", "flt", {}),
    "doubles.wav": ("wav", "pcm_f64le", "dbl", {}),
    "24 bits.wav": ("wav", "pcm_s24le", "s32", {}),
    "floats.wv": ("wv", "wavpack", "fltp", {}),
}
"""Muxer, coder, sample format and muxer options of files that players have trouble with."""


def make_awkward(folder: Path, name: str, samples: NDArray[np.float32]) -> Path:
    """Write samples ``[2, n]`` at ``RATE_HZ`` as one of ``AWKWARD``."""
    muxer, encoder, sample_format, options = AWKWARD[name]
    path = folder / name
    with av.open(path, "w", format=muxer, options=dict(options)) as output:
        rate_hz = 48000 if encoder == "libopus" else RATE_HZ
        stream = output.add_stream(encoder, rate=rate_hz, layout="stereo", format=sample_format)
        assert isinstance(stream, AudioStream)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def clicks(seconds: float, *, every_s: float = 0.5, first_s: float = 0.25) -> NDArray[np.float32]:
    """Short clicks in silence, stereo at ``RATE_HZ``; the sharpest rhythm there is."""
    samples = np.zeros((2, round(seconds * RATE_HZ)), np.float32)
    t = np.arange(200) / RATE_HZ
    click = 0.8 * np.sin(2 * np.pi * 3000 * t) * np.exp(-1500 * t)
    for at_s in np.arange(first_s, seconds - 0.01, every_s):
        at = round(at_s * RATE_HZ)
        samples[:, at : at + click.size] += click
    return samples

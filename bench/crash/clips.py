"""Small audio files, each different, and a decoder that says the same of all of them."""

from __future__ import annotations

import io
import math
import random
import struct
import wave
from collections.abc import Callable
from pathlib import Path

from autodj.audio.facts import ANALYSIS_VERSION, Analysis, DecodeLimits, Probe, Tags, Waveform
from autodj.audio.identify import WAV, Container
from autodj.audio.sandbox import Sandbox

SHAPES = 20
WAV_RATE_HZ = 16000
# MPEG 1 layer III, 128 kbit/s, 44.1 kHz, stereo, no padding: 417 bytes, of which zeros are silence.
MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)
MP3_FRAMES_PER_S = 44100 / 1152
PICTURE = b"\xff\xd8\xff\xe0" + bytes(2000) + b"\xff\xd9"


def make_clip(number: int) -> bytes:
    """The whole file with this number: one of 20 shapes of 0.3 to 1 s, no two with equal bytes."""
    shape = number % SHAPES
    seconds = 0.3 + 0.7 * shape / (SHAPES - 1)
    return _mp3(number, seconds) if shape % 2 else _wav(number, seconds)


def _wav(number: int, seconds: float) -> bytes:
    noise = random.Random(number)
    frequency_hz = 110 * 2 ** ((number % 36) / 12)
    samples = [
        int(9000 * math.sin(2 * math.pi * frequency_hz * n / WAV_RATE_HZ)) + noise.getrandbits(8)
        for n in range(int(seconds * WAV_RATE_HZ / 8))
    ]
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(WAV_RATE_HZ)
        writer.writeframes(struct.pack(f"<{len(samples)}h", *samples) * 8)
    return file.getvalue()


def _mp3(number: int, seconds: float) -> bytes:
    title = b"\x03" + f"Clip {number}".encode()
    frame = b"TIT2" + len(title).to_bytes(4, "big") + b"\0\0" + title
    tag = b"ID3\x04\0\0" + bytes([0, 0, 0, len(frame)]) + frame
    return tag + MP3_FRAME * math.ceil(seconds * MP3_FRAMES_PER_S)


class FixedSandbox(Sandbox):
    """Answers at once, and starts no process. WAV files have a cover."""

    def __init__(self) -> None:
        super().__init__(1, 1.0, "none")

    async def probe(
        self, path: Path, container: Container, limits: DecodeLimits | None = None
    ) -> Probe:
        del path, limits
        return Probe(
            duration_s=0.5,
            sample_rate_hz=WAV_RATE_HZ,
            channels=1,
            codec=container.extension,
            bit_rate_bps=None,
            tags=Tags(),
            has_cover=container is WAV,
        )

    async def cover(self, path: Path, container: Container) -> bytes | None:
        del path, container
        return PICTURE

    async def tags(self, path: Path, container: Container) -> Tags:
        del path, container
        return Tags()

    async def analyze(
        self,
        path: Path,
        container: Container,
        limits: DecodeLimits | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> Analysis:
        del path, container, limits, on_progress
        return Analysis(
            version=ANALYSIS_VERSION,
            duration_s=0.5,
            bpm=120.0,
            bpm_confidence=1.0,
            bpm_alternative=None,
            beats_s=(0.0, 0.5),
            key="A minor",
            camelot="8A",
            key_confidence=1.0,
            integrated_lufs=-14.0,
            true_peak_dbtp=-1.0,
            waveform=Waveform(1.0, (255,), (0,), (0,), (0,)),
        )

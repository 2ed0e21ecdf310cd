"""Make real audio files from samples. For tools and tests; nothing uploaded comes here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Disposition, Stream

from autodj.audio.frames import Floats


@dataclass(frozen=True, slots=True)
class _Target:
    muxer: str
    encoder: str
    sample_format: str
    bit_rate_bps: int | None = None
    takes_cover: bool = False
    # What is quick for LAME takes WavPack a hundred times as long as its own.
    compression_level: int = 7


TARGETS: Mapping[str, _Target] = {
    "mp3": _Target("mp3", "libmp3lame", "fltp", 192_000, takes_cover=True),
    "flac": _Target("flac", "flac", "s16", takes_cover=True),
    "wav": _Target("wav", "pcm_s16le", "s16"),
    "aiff": _Target("aiff", "pcm_s16be", "s16"),
    "m4a": _Target("mp4", "aac", "fltp", 192_000, takes_cover=True),
    "alac": _Target("mp4", "alac", "s16p"),
    "caf": _Target("caf", "alac", "s16p"),
    "wv": _Target("wv", "wavpack", "s16p", compression_level=1),
    "aac": _Target("adts", "aac", "fltp", 192_000),
    "ogg": _Target("ogg", "vorbis", "fltp", 160_000),
    "opus": _Target("ogg", "libopus", "flt", 128_000),
}
_OPUS_RATE_HZ = 48000
_PNG_SIDES = (16, 20)
# Reproducible bytes; the Vorbis coder, which calls itself experimental.
_CODER_OPTIONS = {"flags": "+bitexact", "strict": "experimental"}


def encode(
    samples: Floats,
    rate_hz: int,
    path: Path,
    *,
    codec: str,
    tags: Mapping[str, str] | None = None,
    cover: bytes | None = None,
) -> None:
    """Write ``samples`` (float32 ``[channels, n]``, mono or stereo) as one of ``TARGETS``.

    The same input gives the same bytes. MP3 carries a Xing header and MP4 its index in front,
    so that players know the length at once. ``cover`` is a PNG, embedded where the kind of
    file has a place for it; ValueError where it has none.
    """
    target = TARGETS[codec]
    options = {"fflags": "+bitexact"} | (
        {"movflags": "+faststart"} if target.muxer == "mp4" else {}
    )
    with av.open(path, "w", format=target.muxer, options=options) as output:
        output.metadata.update(tags or {})
        audio = _add_audio(output, target, _OPUS_RATE_HZ if codec == "opus" else rate_hz, samples)
        picture = None if cover is None else _add_picture(output, target, cover)
        output.start_encoding()
        if picture is not None:
            output.mux(picture)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples, np.float32), format="fltp", layout=audio.layout.name
        )
        frame.sample_rate, frame.pts = rate_hz, 0
        output.mux(audio.encode(frame))
        output.mux(audio.encode(None))


def _add_audio(
    output: OutputContainer, target: _Target, rate_hz: int, samples: Floats
) -> AudioStream:
    audio = output.add_stream(
        target.encoder,
        rate=rate_hz,
        layout="mono" if samples.shape[0] == 1 else "stereo",
        format=target.sample_format,
        options=_CODER_OPTIONS | {"compression_level": str(target.compression_level)},
    )
    assert isinstance(audio, AudioStream)
    if target.bit_rate_bps is not None:
        audio.bit_rate = target.bit_rate_bps
    return audio


def _add_picture(output: OutputContainer, target: _Target, cover: bytes) -> av.Packet[Stream]:
    """A stream for the attached picture, and the one packet to put there."""
    if not target.takes_cover:
        raise ValueError(target.muxer)
    width, height = (int.from_bytes(cover[at : at + 4], "big") for at in _PNG_SIDES)
    stream = output.add_mux_stream("png", width=width, height=height)
    stream.disposition = Disposition.attached_pic
    packet = av.Packet(cover)
    packet.stream, packet.pts, packet.dts = stream, 0, 0
    return packet

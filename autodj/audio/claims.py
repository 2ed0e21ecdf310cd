"""What headers say of length, rate and channels, read without a decoder. Nothing here is
trusted: it is compared with what decoding finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from autodj.audio import id3, mpeg
from autodj.audio.identify import AIFF, FLAC, MP3, WAV, Container

_MAX_CHUNKS = 1000
_SIZE_IN_DS64 = 0xFFFFFFFF
_PCM_FORMATS = (1, 3, 0xFFFE)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a header says; None where it says nothing."""

    duration_s: float | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None


def claim(file: BinaryIO, container: Container, max_tag_bytes: int = id3.MAX_TAG_BYTES) -> Claim:
    """Read the header of ``file``; kinds that state nothing outside the demuxer give an
    empty claim.
    """
    if container == WAV:
        return _wav(file)
    if container == AIFF:
        return _aiff(file)
    if container == FLAC:
        return _flac(file, id3.audio_offset(file, max_tag_bytes))
    if container == MP3:
        return Claim(mpeg.mp3_claimed_duration_s(file, id3.audio_offset(file, max_tag_bytes)))
    return Claim()


def _wav(file: BinaryIO) -> Claim:
    """The ``fmt `` and ``data`` chunks of RIFF, or of RF64 with its 64-bit sizes (EBU 3306)."""
    fmt, data_bytes_64 = b"", None
    for name, size, offset in _chunks(file, "little"):
        if name == b"ds64":
            data_bytes_64 = int.from_bytes(_read(file, offset + 8, 8), "little")
        if name == b"fmt ":
            fmt = _read(file, offset, 16)
        if name == b"data":
            if size == _SIZE_IN_DS64 and data_bytes_64 is not None:
                size = data_bytes_64  # noqa: PLW2901  # the chunk's true size is elsewhere
            return _wav_claim(fmt, size)
    return _wav_claim(fmt, 0)


def _wav_claim(fmt: bytes, data_bytes: int) -> Claim:
    if len(fmt) < 16:
        return Claim()
    fields = [int.from_bytes(fmt[a:b], "little") for a, b in ((0, 2), (2, 4), (4, 8), (8, 12))]
    codec, channels, rate_hz, bytes_per_s = fields
    bits = int.from_bytes(fmt[14:16], "little")
    if codec in _PCM_FORMATS:
        bytes_per_s = rate_hz * channels * ((bits + 7) // 8)
    return Claim(data_bytes / bytes_per_s if bytes_per_s else None, rate_hz, channels)


def _aiff(file: BinaryIO) -> Claim:
    """The ``COMM`` chunk, whose rate is an 80-bit extended float."""
    for name, _, offset in _chunks(file, "big"):
        if name == b"COMM":
            body = _read(file, offset, 18)
            if len(body) == 18:
                rate_hz = _extended(body[8:18])
                frames = int.from_bytes(body[2:6], "big")
                duration_s = frames / rate_hz if rate_hz else None
                return Claim(duration_s, rate_hz, int.from_bytes(body[:2], "big"))
    return Claim()


def _flac(file: BinaryIO, offset: int) -> Claim:
    """The STREAMINFO block; zero samples mean that the encoder did not know (RFC 9639)."""
    info = _read(file, offset + 8, 34)
    if len(info) < 34:
        return Claim()
    packed = int.from_bytes(info[10:18], "big")
    rate_hz, samples = packed >> 44, packed & (1 << 36) - 1
    return Claim(
        samples / rate_hz if rate_hz and samples else None, rate_hz, (packed >> 41 & 7) + 1
    )


def _chunks(file: BinaryIO, order: Literal["little", "big"]) -> Iterator[tuple[bytes, int, int]]:
    """Name, size and body offset of each chunk."""
    offset = 12
    for _ in range(_MAX_CHUNKS):
        header = _read(file, offset, 8)
        if len(header) < 8:
            return
        size = int.from_bytes(header[4:8], order)
        yield header[:4], size, offset + 8
        offset += 8 + size + size % 2


def _extended(ten: bytes) -> int:
    exponent = (int.from_bytes(ten[:2], "big") & 0x7FFF) - 16383 - 63
    mantissa = int.from_bytes(ten[2:], "big")
    if exponent > 0:
        return 1 << 64
    return mantissa >> min(-exponent, 64)


def _read(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)

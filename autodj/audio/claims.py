"""What headers say of length, rate and channels, read without a decoder. Nothing here is
trusted: it is compared with what decoding finds.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal

from autodj.audio import id3, mpeg, wavpack
from autodj.audio.id3 import read_at
from autodj.audio.identify import AIFF, CAF, FLAC, MP3, WAV, WAVPACK, Container

_MAX_CHUNKS = 1000
_SIZE_IN_DS64 = 0xFFFFFFFF
_PCM_FORMATS = (1, 3, 0xFFFE)
_CAF_EDIT_COUNT_BYTES = 4
_MAX_FILE_BYTES = 1 << 40


ByteOrder = Literal["little", "big"]


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
    if container in _CHUNKED:
        return _CHUNKED[container](file)
    if container == FLAC:
        return _flac(file, id3.audio_offset(file, max_tag_bytes))
    if container == MP3:
        return Claim(mpeg.mp3_claimed_duration_s(file, id3.audio_offset(file, max_tag_bytes)))
    return Claim()


def _wav(file: BinaryIO) -> Claim:
    """The ``fmt `` and ``data`` chunks of RIFF, or of RF64 with its 64-bit sizes (EBU 3306)."""
    fmt, data_bytes_64 = b"", None
    for name, size, offset in riff_chunks(file, "little"):
        if name == b"ds64":
            data_bytes_64 = int.from_bytes(read_at(file, offset + 8, 8), "little")
        if name == b"fmt ":
            fmt = read_at(file, offset, 16)
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
    for name, _, offset in riff_chunks(file, "big"):
        if name == b"COMM":
            body = read_at(file, offset, 18)
            if len(body) == 18:
                rate_hz = _extended(body[8:18])
                frames = int.from_bytes(body[2:6], "big")
                duration_s = frames / rate_hz if rate_hz else None
                return Claim(duration_s, rate_hz, int.from_bytes(body[:2], "big"))
    return Claim()


def _caf(file: BinaryIO) -> Claim:
    """The ``desc`` chunk, and either ``pakt`` (frames of coded audio) or the size of ``data``
    (Apple Core Audio Format Specification 1.0); a size of -1 reaches to the end and says nothing.
    """
    rate_hz, channels, packet_bytes = 0, 0, 0
    data_bytes = frames = -1
    desc: bytes | None = None
    for name, size, offset in long_chunks(file):
        if name == b"desc":
            desc = read_at(file, offset, 32)
            if len(desc) < 32:
                return Claim()
            rate, packet_bytes, _, channels = struct.unpack(">d8xIII4x", desc)
            rate_hz = round(rate) if math.isfinite(rate) and 0 <= rate < 1 << 32 else 0
        if name == b"pakt":
            frames = int.from_bytes(read_at(file, offset + 8, 8), "big", signed=True)
        if name == b"data":
            data_bytes = size - _CAF_EDIT_COUNT_BYTES
    if desc is None:
        return Claim()
    if frames < 0 and packet_bytes and data_bytes > 0:
        frames = data_bytes // packet_bytes
    return Claim(frames / rate_hz if rate_hz and frames > 0 else None, rate_hz, channels)


def long_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Name, size (-1: to the end of the file) and body offset of each chunk."""
    offset = 8
    for _ in range(_MAX_CHUNKS):
        header = read_at(file, offset, 12)
        if len(header) < 12:
            return
        size = int.from_bytes(header[4:12], "big", signed=True)
        yield header[:4], size, offset + 12
        if size < 0 or size > _MAX_FILE_BYTES:
            return
        offset += 12 + size


def _wavpack(file: BinaryIO) -> Claim:
    """The first block's header, which states the length of the whole."""
    block = wavpack.block(read_at(file, 0, wavpack.HEADER_BYTES))
    if block is None or block.rate_hz is None:
        return Claim()
    total = block.total_samples
    return Claim(None if total is None else total / block.rate_hz, block.rate_hz)


def _flac(file: BinaryIO, offset: int) -> Claim:
    """The STREAMINFO block; zero samples mean that the encoder did not know (RFC 9639)."""
    info = read_at(file, offset + 8, 34)
    if len(info) < 34:
        return Claim()
    packed = int.from_bytes(info[10:18], "big")
    rate_hz, samples = packed >> 44, packed & (1 << 36) - 1
    return Claim(
        samples / rate_hz if rate_hz and samples else None, rate_hz, (packed >> 41 & 7) + 1
    )


def riff_chunks(
    file: BinaryIO,
    order: ByteOrder,
    start: int = 12,
    stop: int = _MAX_FILE_BYTES,
    most: int = _MAX_CHUNKS,
) -> Iterator[tuple[bytes, int, int]]:
    """Name, size and body offset of each chunk of RIFF ("little") or of AIFF ("big") between two
    places in the file, ``most`` of them at most.
    """
    offset = start
    for _ in range(most):
        header = read_at(file, offset, 8) if offset < stop else b""
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


_CHUNKED: Mapping[Container, Callable[[BinaryIO], Claim]] = {
    WAV: _wav,
    AIFF: _aiff,
    CAF: _caf,
    WAVPACK: _wavpack,
}

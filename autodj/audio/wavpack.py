"""Block headers of WavPack (WavPack 4 and 5 Binary File Format)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER_BYTES = 32
_MAX_BLOCK_BYTES = 1 << 20
_VERSIONS = range(0x402, 0x411)
_UNKNOWN = 0xFFFFFFFF
_RATES_HZ = (
    6000, 8000, 9600, 11025, 12000, 16000, 22050, 24000,
    32000, 44100, 48000, 64000, 88200, 96000, 192000,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its length in the file with the header, the samples of the whole file, and
    the rate; None where the header does not say.
    """

    length_bytes: int
    total_samples: int | None
    rate_hz: int | None


def block(header: bytes) -> Block | None:
    """The block that these first 32 bytes announce, or None."""
    if len(header) < HEADER_BYTES or header[:4] != b"wvpk":
        return None
    size, version, _, high, low = struct.unpack("<IHBBI", header[4:16])
    if version not in _VERSIONS or not HEADER_BYTES - 8 <= size <= _MAX_BLOCK_BYTES:
        return None
    rate_index = int.from_bytes(header[24:28], "little") >> 23 & 0xF
    return Block(
        length_bytes=size + 8,
        total_samples=None if low == _UNKNOWN else low + (high << 32) - high,
        rate_hz=_RATES_HZ[rate_index] if rate_index < len(_RATES_HZ) else None,
    )

"""Silence as small as FLAC can say it (RFC 9639): one value for 65,535 samples of a channel."""

from __future__ import annotations

_BLOCK = 65535
_RATE_CODES = {44100: 0b1001, 48000: 0b1010, 96000: 0b1011}
_SIXTEEN_BITS = 0b100
_SIZE_FOLLOWS = 0b0111


def silent_flac(*, minutes: float, rate_hz: int, channels: int) -> bytes:
    """A whole file: 62 KB are twenty minutes of eight channels at 96 kHz, 14 GB as floats."""
    total = round(minutes * 60 * rate_hz)
    shape = rate_hz << 44 | (channels - 1) << 41 | 15 << 36 | total
    info = 2 * _BLOCK.to_bytes(2, "big") + bytes(6) + shape.to_bytes(8, "big") + bytes(16)
    frames = [
        _frame(number, min(_BLOCK, total - number * _BLOCK), rate_hz, channels)
        for number in range(-(-total // _BLOCK))
    ]
    return b"fLaC\x80" + len(info).to_bytes(3, "big") + info + b"".join(frames)


def _frame(number: int, samples: int, rate_hz: int, channels: int) -> bytes:
    head = bytes(
        (
            0xFF,
            0xF8,
            _SIZE_FOLLOWS << 4 | _RATE_CODES[rate_hz],
            channels - 1 << 4 | _SIXTEEN_BITS << 1,
        )
    )
    head += chr(number).encode() + (samples - 1).to_bytes(2, "big")
    head += _remainder(head, 8, 0x107)
    body = head + channels * bytes(3)
    return body + _remainder(body, 16, 0x18005)


def _remainder(data: bytes, bits: int, divisor: int) -> bytes:
    value = 0
    for byte in data:
        value ^= byte << bits - 8
        for _ in range(8):
            value = value << 1 ^ (divisor if value >> bits - 1 else 0)
    return value.to_bytes(bits // 8, "big")

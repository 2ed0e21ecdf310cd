"""CRC-32 of a whole from the CRC-32 of its parts.

A CRC is the remainder of the message, read as a polynomial over GF(2), divided by the
generator. Appending n bytes multiplies what stands before them by x to the power 8n, so
crc(A + B) = crc(A) * x^(8 len(B)) + crc(B) (modulo the generator). Bits are reflected, as in
ITU-T V.42 and zlib: the highest bit of a word is the coefficient of x^0.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Final

GENERATOR: Final = 0xEDB88320
ONE: Final = 1 << 31
X8: Final = 1 << 23


def whole(parts: Iterable[tuple[int, int]]) -> int:
    """The CRC-32 of parts in a row, each given as its CRC-32 and its length in bytes."""
    crc = 0
    for part, length in parts:
        crc = _times(crc, _power(X8, length)) ^ part
    return crc


def as_header(crc: int) -> str:
    """As S3 writes it: big-endian, in base64."""
    return base64.b64encode(crc.to_bytes(4, "big")).decode()


def _times(a: int, b: int) -> int:
    product = 0
    for place in range(31, -1, -1):
        if a >> place & 1:
            product ^= b
        b = (b >> 1) ^ (GENERATOR if b & 1 else 0)
    return product


def _power(base: int, exponent: int) -> int:
    result = ONE
    while exponent:
        if exponent & 1:
            result = _times(result, base)
        base = _times(base, base)
        exponent >>= 1
    return result

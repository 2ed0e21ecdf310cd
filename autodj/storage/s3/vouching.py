"""What S3 says of an object's bytes, and what was noted beside them when they were sent.

A note counts only beside something that S3 computed itself: whoever stores other bytes with the
notes of the former ones has them read by what S3 knows.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from autodj.errors import InvalidRequest
from autodj.storage.metadata import CRC32_NOTE, MAX_STORED_BYTES, SHA256_NOTE

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CRC32_NOTE: Final = re.compile(r"([0-9a-f]{8})-([0-9a-f]{64})")
_CRC32_BYTES: Final = 4
_SHA256_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Vouched:
    """``sha256`` (hex): by S3 itself, of the whole object. ``crc32``: of the same bytes."""

    sha256: str | None = None
    crc32: int | None = None


def vouched(answer: Mapping[str, Any]) -> Vouched:
    """What the bytes in an answer to a GET of a whole object can be compared with.

    S3 keeps one checksum of each object. Beside its SHA-256 stands the CRC-32 that we noted when
    we sent the bytes: it is that of the bytes with this SHA-256, and of no others.
    """
    stored = _own_sha256(answer)
    if stored is None:
        return Vouched(None, _own_crc32(answer))
    noted = _CRC32_NOTE.fullmatch(answer.get("Metadata", {}).get(CRC32_NOTE, ""))
    return Vouched(stored, int(noted[1], 16) if noted and noted[2] == stored else None)


def full_sha256(answer: Mapping[str, Any]) -> str | None:
    """The hex SHA-256 of the whole object, when S3 vouches for one.

    That of an object that was sent in one piece is S3's own. One that was sent in parts has the
    SHA-256 that we named when we began; it exists only because the parts were found to have it
    and S3 then found the whole to have the CRC-32 that we named at the end.
    """
    stored = _own_sha256(answer)
    if stored is None and _own_crc32(answer) is not None:
        stored = answer.get("Metadata", {}).get(SHA256_NOTE)
    return stored


def sha256_as_header(sha256: str) -> str:
    """As S3 writes it: in base64. InvalidRequest for what is no SHA-256 in hex."""
    if not _SHA256.fullmatch(sha256):
        raise InvalidRequest("A SHA-256 is 64 hexadecimal digits.")
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def crc32_note(crc32: int, sha256: str) -> Mapping[str, str]:
    """The metadata that tells the CRC-32 of the bytes with this SHA-256 (hex)."""
    return {CRC32_NOTE: f"{crc32:08x}-{sha256}"}


def with_note(metadata: Mapping[str, str], note: Mapping[str, str]) -> dict[str, str]:
    """Both, where S3 takes as much; else without the note, which is a convenience."""
    both = {**metadata, **note}
    size_bytes = sum(len(name) + len(value) for name, value in both.items())
    return both if size_bytes <= MAX_STORED_BYTES else dict(metadata)


def _own_sha256(answer: Mapping[str, Any]) -> str | None:
    stored = _bytes_of(answer.get("ChecksumSHA256"), _SHA256_BYTES)
    return None if stored is None else stored.hex()


def _own_crc32(answer: Mapping[str, Any]) -> int | None:
    if answer.get("ChecksumType") != "FULL_OBJECT":
        return None
    stored = _bytes_of(answer.get("ChecksumCRC32"), _CRC32_BYTES)
    return None if stored is None else int.from_bytes(stored, "big")


def _bytes_of(told: str | None, count: int) -> bytes | None:
    """The checksum; None for what is none, such as that of an object in parts."""
    try:
        found = base64.b64decode(told or "", validate=True)
    except ValueError:
        return None
    return found if len(found) == count else None

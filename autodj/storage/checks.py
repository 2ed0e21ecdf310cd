"""Whether the bytes of a whole object are those that somebody vouches for."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from isal.isal_zlib import crc32 as crc32_after

from autodj.storage.pouring import Sink


@dataclass(frozen=True, slots=True)
class Sealed:
    """An object, or a range of it, as it begins to arrive, and what its store says of it.

    ``sha256`` (hex) is one that the store itself computed from the bytes it holds, ``crc32`` that
    of the same bytes; of a range neither is known. ``pour`` hands over every byte, once. Nothing
    compares them: that is left to whoever takes them.
    """

    size_bytes: int
    sha256: str | None
    crc32: int | None
    pour: Callable[[Sink], Awaitable[None]]


class BodyCheck:
    """Hears every block in order and tells whether they are the right ones.

    The CRC-32 is compared where it is known, else the SHA-256 (hex), which takes some twenty times
    as long. Where neither is known everything is taken.
    """

    def __init__(self, *, sha256: str | None = None, crc32: int | None = None) -> None:
        self._crc32 = crc32
        self._sha256 = sha256 if crc32 is None else None
        self._crc = 0
        self._digest = hashlib.sha256()

    @property
    def knows(self) -> bool:
        """Whether there is anything to compare with."""
        return self._crc32 is not None or self._sha256 is not None

    def update(self, block: bytes | memoryview) -> None:
        if self._crc32 is not None:
            self._crc = crc32_after(block, self._crc)
        elif self._sha256 is not None:
            self._digest.update(block)

    @property
    def holds(self) -> bool:
        if self._crc32 is not None:
            return self._crc == self._crc32
        return self._sha256 in {None, self._digest.hexdigest()}

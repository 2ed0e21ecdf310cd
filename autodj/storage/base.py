"""The port every store implements: bytes under object keys, and nothing about tracks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes ``start`` up to, not including, ``stop`` of an object."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What a store says of one object, without its bytes.

    ``sha256`` (hex) is set only where the store itself keeps a full-object SHA-256.
    """

    key: str
    size_bytes: int
    modified_at: datetime
    content_type: str | None = None
    etag: str | None = None
    sha256: str | None = None


class Storage(Protocol):
    """One store. Keys follow ``autodj.storage.keys``; every failure is an AutodjError."""

    async def put(
        self, key: str, source: Path | bytes, *, sha256: str, content_type: str
    ) -> ObjectStat:
        """Store the bytes durably, once.

        Putting the same bytes again succeeds without writing; other bytes under a known key
        raise ObjectExists. The store checks ``sha256`` (hex) against what it received and
        raises IntegrityFault when they differ, leaving nothing behind.
        """
        ...

    async def stat(self, key: str) -> ObjectStat:
        """Describe the object; ObjectNotFound when there is none."""
        ...

    async def verify(self, key: str, *, sha256: str, size_bytes: int) -> ObjectStat:
        """Prove that the stored bytes are these: by the store's own SHA-256 where it keeps
        one, else by reading them back. IntegrityFault or ObjectNotFound otherwise.
        """
        ...

    def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open the object (ObjectNotFound on entry), then stream the range or the whole."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the object; removing nothing is success."""
        ...

    def list(self, prefix: str = "") -> AsyncIterator[ObjectStat]:
        """Every object whose key starts with ``prefix``, in key order, read in pages."""
        ...

    async def probe(self) -> None:
        """Raise what is wrong when the store cannot be used now (for readiness)."""
        ...


class Presigner(Protocol):
    """An optional power: a store that can sign its own time-limited links."""

    async def presign(self, key: str, *, ttl_s: int) -> str: ...

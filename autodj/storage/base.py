"""The port every store implements: bytes under object keys, and nothing about tracks.

What only some stores can do are protocols of their own in ``autodj.storage.powers``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

MAX_PAGE_OBJECTS: Final = 1000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes ``start`` up to, not including, ``stop`` of an object."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Described:
    """What is kept beside an object's bytes.

    ``metadata`` is any text under names of ``a-z 0-9 -``, 2,000 bytes in all as they are stored.
    ``storage_class`` is S3's word for one; None takes the basket's.
    """

    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    content_encoding: str | None = None
    storage_class: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What a store says of one object, without its bytes.

    ``sha256`` (hex) is set only where the store itself keeps a full-object SHA-256, and
    ``described`` is what was given with the bytes: a list tells neither. A local object that
    was stored without a description has the content type that its name suggests.
    """

    key: str
    size_bytes: int
    modified_at: datetime
    content_type: str | None = None
    etag: str | None = None
    sha256: str | None = None
    described: Described = Described()
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list. ``cursor`` asks for the part after it; None: there is none."""

    objects: Sequence[ObjectStat]
    directories: Sequence[str]
    cursor: str | None


class Storage(Protocol):
    """One store. Keys follow ``autodj.storage.keys``; every failure is an AutodjError."""

    async def put(
        self,
        key: str,
        source: Path | bytes,
        *,
        sha256: str,
        content_type: str,
        described: Described | None = None,
        progress: Progress | None = None,
    ) -> ObjectStat:
        """Store the bytes durably, once. ObjectNotFound where ``source`` names no file.

        Putting the same bytes again succeeds without writing (and without changing how they
        are described); other bytes under a known key raise ObjectExists. The store checks
        ``sha256`` (hex) against what it received and raises IntegrityFault when they differ,
        leaving nothing behind. ``modified_at`` may be when the store answered. ``progress``
        hears now and then how many bytes have arrived.
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

    async def delete_many(self, keys: Sequence[str]) -> None:
        """Remove them all, a thousand a request where the store can.

        DeleteIncomplete names those that are still there; the others are gone.
        """
        ...

    async def copy(self, source: str, target: str) -> ObjectStat:
        """The same bytes, described alike, under a second key: without fetching them here.

        As with ``put``, a target that holds the same bytes already is success, and other
        bytes raise ObjectExists.
        """
        ...

    def list(self, prefix: str = "") -> AsyncIterator[ObjectStat]:
        """Every object whose key starts with ``prefix``, in key order, read in pages."""
        ...

    async def page(
        self,
        prefix: str = "",
        *,
        limit: int = MAX_PAGE_OBJECTS,
        cursor: str | None = None,
        directories: bool = False,
    ) -> Page:
        """At most ``limit`` (1 to 1,000) objects and directories, in the store's order.

        With ``directories`` only what lies directly below ``prefix`` is listed, and whatever
        lies deeper is told once, as a directory with its slash. ``cursor`` is that of the page
        before, of the same prefix and kind (InvalidRequest otherwise).
        """
        ...

    async def probe(self) -> None:
        """Raise what is wrong when the store cannot be used now (for readiness)."""
        ...


@runtime_checkable
class Bounded(Protocol):
    """A store that takes no object above ``max_object_bytes``: TooLarge, and nothing is stored.

    What it holds already may be larger; it is still read, copied and restored.
    """

    @property
    def max_object_bytes(self) -> int | None: ...


@runtime_checkable
class Presigner(Protocol):
    """An optional power: links that the store itself answers, good for ``ttl_s`` seconds, or as
    long as the keys that signed them.
    """

    async def presign(self, key: str, *, ttl_s: int) -> str: ...

    async def signs_until(self) -> datetime | None:
        """When a link that is made from now on ends at the latest, as the keys of a role end;
        None for keys that do not.
        """

"""What only some stores can do, each a small protocol; ``power`` asks a store for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Protocol, TypeVar, runtime_checkable

from autodj.errors import NotOffered
from autodj.storage.base import ByteRange, Described, ObjectStat, Presigner
from autodj.storage.checks import Sealed

Tier = Literal["Standard", "Expedited", "Bulk"]


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One state that an object had; ``current`` is what a plain read gives."""

    key: str
    version_id: str
    size_bytes: int
    modified_at: datetime
    current: bool


@dataclass(frozen=True, slots=True)
class ArchiveState:
    """Whether the bytes can be read now.

    ``archived``: they lie in a class that is not read directly. ``restoring``: a readable copy
    is being made. ``readable_until``: there is one until then.
    """

    storage_class: str
    archived: bool
    restoring: bool = False
    readable_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that anybody may send: exactly this method and address with these headers."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class SignedForm:
    """A form that anybody may post: these fields first, then ``file``."""

    url: str
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)


@runtime_checkable
class Replaceable(Protocol):
    """Objects that change in place: documents, never audio."""

    async def replace(
        self,
        key: str,
        source: Path | bytes,
        *,
        sha256: str,
        content_type: str,
        if_match: str | None = None,
        described: Described | None = None,
    ) -> ObjectStat:
        """Store the bytes over whatever is there.

        With ``if_match`` only over the object with that ETag: PreconditionFailed when it is
        another one by now, or gone.
        """
        ...


@runtime_checkable
class Metadata(Protocol):
    async def set_metadata(self, key: str, metadata: Mapping[str, str]) -> ObjectStat:
        """Put these in place of all metadata of the object; its bytes stay.

        PreconditionFailed when others write the object meanwhile: theirs stays as it is.
        """
        ...


@runtime_checkable
class Versions(Protocol):
    """Former states of an object, where the store keeps them."""

    async def versions(self, key: str) -> Sequence[ObjectVersion]:
        """All of them, the newest first; none for a key that never was."""
        ...

    def read_version(
        self, key: str, version_id: str, byte_range: ByteRange | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Like ``read``; ObjectNotFound when there is no such version."""
        ...

    async def restore_version(self, key: str, version_id: str) -> ObjectStat:
        """Make the bytes and metadata of that version the newest version."""
        ...

    async def delete_version(self, key: str, version_id: str) -> None:
        """Remove that version for good; removing nothing is success."""
        ...


@runtime_checkable
class Pruning(Protocol):
    async def delete_unchanged(self, found: Sequence[ObjectStat]) -> Collection[str]:
        """Remove those that still have the ETag they were found with, a thousand a request where
        the store can; the keys of the others, which stay.

        DeleteIncomplete as ``delete_many`` raises it.
        """
        ...


@runtime_checkable
class Sealing(Protocol):
    """A store that says beforehand what the bytes of a whole object can be compared with."""

    def read_sealed(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AbstractAsyncContextManager[Sealed]:
        """Open the object as ``read`` does; its bytes are not checked on the way."""
        ...


@runtime_checkable
class Restorable(Protocol):
    """Archive classes, whose objects must be brought back before they are read."""

    async def archive_state(self, key: str) -> ArchiveState: ...

    async def restore(self, key: str, *, days: int, tier: Tier = "Standard") -> ArchiveState:
        """Ask for a readable copy for so many days; asking twice is asking once."""
        ...


@runtime_checkable
class Downloads(Protocol):
    """Links that the store itself answers and that browsers save under a name."""

    async def presign_download(
        self, key: str, *, ttl_s: int, name: str, content_type: str | None = None
    ) -> str: ...


@runtime_checkable
class DirectUploads(Protocol):
    """Uploads that go straight to the store, bound to what was agreed beforehand."""

    async def presign_put(
        self, key: str, *, ttl_s: int, sha256: str, size_bytes: int, content_type: str
    ) -> SignedRequest:
        """A PUT of exactly these bytes to a free key; all of it is signed."""
        ...

    async def presign_post(
        self, key: str, *, ttl_s: int, max_bytes: int, content_type: str, sha256: str | None = None
    ) -> SignedForm:
        """A form for at most ``max_bytes`` (at least one) of this type, and of this hash."""
        ...


Power = TypeVar("Power")

# Which stores have each power, for the sentence that a store without it answers.
OFFERED_BY: Final[Mapping[type[object], str]] = {
    Replaceable: "the local store and S3",
    Metadata: "the local store and S3",
    Versions: "the local store and S3, where versioning is on",
    Pruning: "the local store and S3",
    Sealing: "S3",
    Restorable: "S3",
    Presigner: "S3",
    Downloads: "S3",
    DirectUploads: "S3",
}


def power(store: object, wanted: type[Power]) -> Power:
    """The store, as one that can do this; NotOffered, naming those that can, otherwise."""
    if isinstance(store, wanted):
        return store
    raise NotOffered(
        f"{type(store).__name__} has not the power {wanted.__name__}.",
        hint=f"Use a basket on a store that has it: {OFFERED_BY[wanted]}.",
    )

"""One builder of keys for each kind of thing that people bring, safe whatever they call it.

Tracks and what is made of them are in ``autodj.storage.keys``. A key never holds the prefix of
its basket: that is added on the way to the store.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID

from autodj.errors import InvalidField
from autodj.storage.keys import check_key

DocumentType = Literal["prd", "implementation"]
IMPLEMENTATION_PLAN: Final = "implementation_plan"
MAX_SLUG_LENGTH: Final = 64

_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,8}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def slug(name: str) -> str:
    """The name as a part of a key: itself where it can be, else a likeness and a short hash.

    Two names never share a slug by looking alike. InvalidField for what is no name but a path:
    ``..``, slashes, control characters, nothing.
    """
    bad = [c for c in name if c in "/\\" or unicodedata.category(c) in {"Cc", "Cs"}]
    if bad or not name.strip(" .") or ".." in name:
        raise InvalidField("A name may not be empty, nor hold '..', slashes or control characters.")
    if _SLUG.fullmatch(name) and len(name) <= MAX_SLUG_LENGTH:
        return name
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    likeness = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: MAX_SLUG_LENGTH - 9].strip("-")
    tail = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{likeness}-{tail}" if likeness else tail


def document_key(
    project_id: UUID | int, kind: DocumentType, name: str, *, prefix: str = "projects"
) -> str:
    """``projects/<project>/prd/<name>.json`` or ``.../implementation/<name>.json``."""
    return check_key(f"{prefix.strip('/')}/{project_id}/{kind}/{slug(name)}.json")


def documents_of(
    project_id: UUID | int, kind: DocumentType | None = None, *, prefix: str = "projects"
) -> str:
    """The prefix of a project's documents, for lists."""
    below = f"{prefix.strip('/')}/{project_id}/"
    return f"{below}{kind}/" if kind else below


def event_media_key(event_id: UUID | int, at: datetime, extension: str) -> str:
    """``events/<event>/media/<year>/<month>/<day>/<time>_<microseconds>.<extension>``, in UTC.

    Two uploads may meet in one microsecond: put them create-only, and take the next one.
    """
    when = at.astimezone(UTC)
    parts = f"{when:%Y/%m/%d/%H%M%S}_{when.microsecond:06}.{_extension(extension)}"
    return check_key(f"events/{event_id}/media/{parts}")


def avatar_key(user_id: UUID | int, size_px: int, sha256: str, extension: str) -> str:
    """``avatars/<user>/<size>-<sha256>.<extension>``."""
    return check_key(f"avatars/{user_id}/{size_px}-{_hash(sha256)}.{_extension(extension)}")


def material_key(
    project_id: UUID | int, material_id: UUID | int, sha256: str, extension: str
) -> str:
    """``materials/<project>/<material>/<sha256>.<extension>``."""
    below = f"materials/{project_id}/{material_id}"
    return check_key(f"{below}/{_hash(sha256)}.{_extension(extension)}")


def _hash(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise InvalidField("A SHA-256 is 64 hexadecimal digits.")
    return sha256


def _extension(text: str) -> str:
    if not _EXTENSION.fullmatch(text):
        raise InvalidField("An extension is 1 to 8 of a-z and 0-9.")
    return text

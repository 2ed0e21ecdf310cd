"""Whose place a store is: nobody sweeps what may be somebody else's."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from autodj.db import Database, users
from autodj.errors import AnotherInstallation, ObjectExists, ObjectNotFound
from autodj.storage.base import Storage
from autodj.storage.whole import load

MARKER: Final = "installation.json"
_MOST_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Installation:
    """Where its database is, without user and password, and whom that knew first. A copy of a
    database is elsewhere; one that was made anew knows somebody else.
    """

    database: str
    first_user: UUID

    def document(self) -> bytes:
        told = {"database": self.database, "first_user": str(self.first_user)}
        return json.dumps(told, sort_keys=True).encode() + b"\n"


async def installation_of(db: Database) -> Installation:
    """AnotherInstallation where the database knows nobody: whatever lies in a store is not its."""
    async with db.read_session() as session:
        first = await users.first(session)
    if first is None:
        raise AnotherInstallation("The database knows no user, so nothing can be its own.")
    return Installation(db.address, first.id)


async def claim(store: Storage, mine: Installation) -> None:
    """Mark the store as ours if nobody has; AnotherInstallation where somebody else has."""
    document = mine.document()
    found = await _found(store)
    if found is None:
        try:
            await store.put(
                MARKER,
                document,
                sha256=hashlib.sha256(document).hexdigest(),
                content_type="application/json",
            )
        except ObjectExists:
            found = await _found(store)
        else:
            return
    if found != document:
        theirs = (found or b"").decode(errors="replace").strip()
        raise AnotherInstallation(f"{MARKER} says {theirs}; this is {document.decode().strip()}.")


async def _found(store: Storage) -> bytes | None:
    with suppress(ObjectNotFound):
        return await load(store, MARKER, max_bytes=_MOST_BYTES)
    return None

"""What a power cut can leave of an ingest, by a model of what disks promise.

SIGKILL takes no byte out of the page cache; a power cut does. POSIX promises that written bytes
are on the disk after fsync of the file, a name after fsync of its directory, and nothing before.
So the real ``ingest`` is recorded: what it writes, names and syncs, and when it commits. Then it
is stopped after each of these, and every disk is looked at that may be left there. (The method
is that of ALICE, Pillai et al., OSDI 2014, for the few operations a store is made of.)

A state is bad when the row is settled and its bytes are not there and whole, or when the final
name leads to bytes that are not whole. A commit is durable at once: SQLite runs with
``synchronous=FULL``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final, Literal
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from autodj.audio.facts import DecodeLimits
from autodj.db import Database, Track, User, open_database
from autodj.storage.local import LocalStorage
from autodj.tracks.ingest import Incoming, ingest
from bench.crash.arena import Waiting
from bench.crash.clips import FixedSandbox, make_clip

WHOLE_CLIP = 1
"""The number of an MP3: it has no cover, so the trace is of one object only."""


@dataclass(frozen=True, slots=True)
class Did:
    """One operation. ``name`` gives ``path`` to ``inode`` (0 for a directory); ``write`` makes
    the bytes of ``inode`` whole in memory; ``settle`` is the commit that lets people read.
    """

    what: Literal["write", "name", "fsync", "fsync-dir", "settle"]
    path: Path | None = None
    inode: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """What one ingest did, in order, to make the object at ``final``."""

    did: tuple[Did, ...]
    final: Path


class RecordingStorage(LocalStorage):
    """The local store, noting what it asks of the disk."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.did: list[Did] = []

    def _make_directory(self, path: Path) -> None:
        missing = [each for each in (path, *path.parents) if not each.exists()]
        self.did += [Did("name", each) for each in missing]
        super()._make_directory(path)

    def _fsync_file(self, fd: int) -> None:
        super()._fsync_file(fd)
        self.did.append(Did("fsync", inode=os.fstat(fd).st_ino))

    def _link(self, temporary: Path, final: Path) -> None:
        super()._link(temporary, final)
        self.did.append(Did("name", final, temporary.stat().st_ino))

    def _fsync_directory(self, directory: Path) -> None:
        super()._fsync_directory(directory)
        self.did.append(Did("fsync-dir", directory))


class WithoutFileSync(RecordingStorage):
    def _fsync_file(self, fd: int) -> None:
        pass


class WithoutDirectorySync(RecordingStorage):
    def _fsync_directory(self, directory: Path) -> None:
        pass


class WithoutAnySync(WithoutFileSync, WithoutDirectorySync):
    pass


class SyncsTheLastDirectoryOnly(RecordingStorage):
    def _up_to_root(self, path: Path) -> Iterator[Path]:
        yield path.parent


class SyncsAfterTheName(RecordingStorage):
    """rename, fsync: the other way round."""

    def _fsync_file(self, fd: int) -> None:
        self._late = os.dup(fd)

    def _link(self, temporary: Path, final: Path) -> None:
        super()._link(temporary, final)
        super()._fsync_file(self._late)
        os.close(self._late)


class WritesInPlace(RecordingStorage):
    """No temporary name: the final one is there before the first byte."""

    def _fsync_file(self, fd: int) -> None:
        pass

    def _link(self, temporary: Path, final: Path) -> None:
        with final.open("xb") as file:
            inode = os.fstat(file.fileno()).st_ino
            self.did.append(Did("name", final, inode))
            file.write(temporary.read_bytes())
            file.flush()
            self.did.append(Did("write", inode=inode))
            super()._fsync_file(file.fileno())


CARELESS: Final[Mapping[str, type[RecordingStorage]]] = {
    "no fsync": WithoutAnySync,
    "no fsync of the file": WithoutFileSync,
    "no fsync of directories": WithoutDirectorySync,
    "fsync of the last directory only": SyncsTheLastDirectoryOnly,
    "fsync after the name": SyncsAfterTheName,
    "write in place": WritesInPlace,
}
"""Stores that leave something out, by what it is."""


class RecordingDatabase(Database):
    """The database, noting the commit after which the track is readable."""

    def __init__(self, engine: AsyncEngine, owner_id: UUID, did: list[Did]) -> None:
        super().__init__(engine)
        self._owner_id = owner_id
        self._did = did

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        async with super().transaction() as session:
            yield session
            readable = select(Track).where(
                col(Track.owner_id) == self._owner_id, col(Track.file_source).is_not(None)
            )
            settled = (await session.execute(readable)).first() is not None
        if settled:
            self._did.append(Did("settle"))


async def record(url: str, root: Path, kind: type[RecordingStorage] = RecordingStorage) -> Trace:
    """Ingest one clip for real, for a new owner, and tell what it did."""
    local, body, owner_id = kind(root), make_clip(WHOLE_CLIP), uuid4()
    async with open_database(url) as plain:
        db = RecordingDatabase(plain.engine, owner_id, local.did)
        now = await db.now()
        async with db.transaction() as session:
            session.add(User(id=owner_id, name=str(owner_id), created_at=now))
        path = local.incoming()
        path.write_bytes(body)
        local.did.append(Did("write", inode=path.stat().st_ino))
        ingested = await ingest(
            db,
            local,
            FixedSandbox(),
            Waiting(),
            DecodeLimits(),
            owner_id=owner_id,
            incoming=Incoming(path, hashlib.sha256(body).hexdigest(), len(body)),
        )
    assert ingested.track.file_path is not None
    return Trace(tuple(local.did), local.path(ingested.track.file_path))


def settled_too_early(trace: Trace) -> Trace:
    """The same operations, the commit before the last directories are synced."""
    rest = [did for did in trace.did if did.what != "settle"]
    first = next(at for at, did in enumerate(rest) if did.path == trace.final)
    return Trace((*rest[: first + 1], Did("settle"), *rest[first + 1 :]), trace.final)


def count_states(trace: Trace) -> tuple[int, int]:
    """How many different disks a power cut may leave, and how many of them are bad."""
    way = {did.path for did in trace.did if did.path and _leads_to(trace.final, did)}
    inode = next(did.inode for did in trace.did if did.path == trace.final)
    states = set()
    for stop in range(len(trace.did) + 1):
        before = trace.did[:stop]
        settled = Did("settle") in before
        for names in _kept_names(before):
            for whole in _kept_bytes(before, inode):
                there = way <= names
                bad = (settled or there) and not (there and whole)
                states.add((frozenset(names & way), whole, settled, bad))
    return len(states), sum(bad for *_, bad in states)


def _leads_to(final: Path, did: Did) -> bool:
    return did.what == "name" and did.path in (final, *final.parents)


def _kept_bytes(before: tuple[Did, ...], inode: int) -> set[bool]:
    """Whether the bytes may be whole, and whether they may not."""
    written = Did("write", inode=inode) in before
    synced = Did("fsync", inode=inode) in before
    return {True} if written and synced else {False, written}


def _kept_names(before: tuple[Did, ...]) -> Iterator[set[Path]]:
    """Every set of names that may be there: all synced ones, and any of the others."""
    synced: set[Path] = set()
    loose: set[Path] = set()
    for did in before:
        if did.what == "name" and did.path:
            loose.add(did.path)
        elif did.what == "fsync-dir":
            settled = {path for path in loose if path.parent == did.path}
            synced |= settled
            loose -= settled
    for count in range(len(loose) + 1):
        for kept in combinations(loose, count):
            yield synced | set(kept)

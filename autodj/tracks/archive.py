"""The originals of many tracks as one ZIP file, read from wherever each of them lies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from autodj.db import Database, FileSource, Track
from autodj.db import tracks as track_rows
from autodj.errors import (
    AutodjError,
    IntegrityFault,
    NotFound,
    ObjectNotFound,
    SourceUnreadable,
)
from autodj.storage.base import ByteRange, Storage
from autodj.storage.zipstream import Member, members
from autodj.tracks.deliver import ARCHIVES, readable_until

MAX_MOVES: Final = 2
LOOKS_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Originals:
    """What the ZIP stream reads from: the bytes of a track, under its id, in whatever store its
    row names at that moment.
    """

    db: Database
    local: Storage
    s3: Storage | None

    @asynccontextmanager
    async def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        async with AsyncExitStack() as stack:
            yield await self._opened(stack, UUID(key), byte_range)

    async def look(self, track: Track) -> None:
        """Whether its bytes can be read now, as far as that shows without reading them:
        SourceUnreadable, ObjectArchived or IntegrityFault.
        """
        for _ in range(MAX_MOVES):
            store, key = self._place(track)
            try:
                found = await store.stat(key)
            except ObjectNotFound as error:
                track = await self._moved(track, error)
                continue
            if found.size_bytes != track.size_bytes:
                raise IntegrityFault(f"{key} has {found.size_bytes} bytes.")
            if found.described.storage_class in ARCHIVES:
                await readable_until(store, key)
            return
        raise SourceUnreadable

    async def _opened(
        self, stack: AsyncExitStack, track_id: UUID, byte_range: ByteRange | None
    ) -> AsyncIterator[bytes]:
        track = await self._row(track_id)
        for _ in range(MAX_MOVES):
            store, key = self._place(track)
            try:
                return await stack.enter_async_context(store.read(key, byte_range))
            except ObjectNotFound as error:
                track = await self._moved(track, error)
        raise SourceUnreadable

    def _place(self, track: Track) -> tuple[Storage, str]:
        if track.file_source is FileSource.LOCAL and track.file_path is not None:
            return self.local, track.file_path
        if self.s3 is None or track.s3_object_key is None:
            raise SourceUnreadable("The track is on S3, and no S3 store is configured")
        return self.s3, track.s3_object_key

    async def _moved(self, before: Track, error: ObjectNotFound) -> Track:
        """The row as it is now; SourceUnreadable when it still names what is not there."""
        now = await self._row(before.id)
        if (now.file_source, now.file_path, now.s3_object_key) == (
            before.file_source,
            before.file_path,
            before.s3_object_key,
        ):
            raise SourceUnreadable(f"The bytes of {before.title} are not there.") from error
        return now

    async def _row(self, track_id: UUID) -> Track:
        async with self.db.read_session() as session:
            track = await track_rows.get(session, track_id)
        if track.file_source is None:
            raise NotFound(f"{track.title} is gone.")
        return track


async def archive_of(
    originals: Originals, tracks: Sequence[Track], names: Mapping[UUID, str]
) -> list[Member]:
    """The members of the ZIP file, under safe and different names; every one of them was looked
    at, so that what is wrong can be told before the first byte.
    """
    await _look_at_all(originals, tracks)
    return members(
        (str(each.id), names[each.id], each.size_bytes, each.created_at) for each in tracks
    )


async def _look_at_all(originals: Originals, tracks: Sequence[Track]) -> None:
    waiting = iter(tracks)
    faults: list[AutodjError] = []

    async def look() -> None:
        for track in waiting:
            try:
                await originals.look(track)
            except NotFound:  # deleted since the list was read
                faults.append(NotFound(f"{track.title} is gone."))
            except AutodjError as error:
                faults.append(error)
            if faults:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(LOOKS_AT_ONCE):
            group.create_task(look())
    if faults:
        raise faults[0]

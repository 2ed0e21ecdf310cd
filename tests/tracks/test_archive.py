"""The bytes of many tracks are read from where each of them is by then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from autodj.db import FileSource, Track
from autodj.db import tracks as track_rows
from autodj.errors import IntegrityFault, NotFound, ObjectArchived, SourceUnreadable
from autodj.storage.base import ObjectStat, Storage
from autodj.storage.powers import ArchiveState
from autodj.tracks.archive import Originals, archive_of
from autodj.tracks.ingest import Ingested
from autodj.tracks.steps import Step
from autodj.tracks.work import Workbench, work

TakeIn = Callable[..., Awaitable[Ingested]]


@pytest.fixture
def originals(bench: Workbench) -> Originals:
    return Originals(bench.db, bench.local, bench.s3)


async def row_of(bench: Workbench, track: Track) -> Track:
    async with bench.db.read_session() as session:
        return await track_rows.get(session, track.id)


async def bytes_of(originals: Originals, track: Track) -> bytes:
    async with originals.read(str(track.id)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def condemn(bench: Workbench, track: Track) -> None:
    async with bench.db.transaction() as session:
        now = await bench.db.now()
        await track_rows.condemn(session, track.id, track.owner_id, now=now)


async def publish(bench: Workbench, track: Track) -> None:
    for step in (Step.ANALYZE, Step.PUBLISH, Step.CLEAN):
        await work(bench, track.id, step)
    assert (await row_of(bench, track)).file_path is None


async def test_a_track_that_has_moved_since_the_list_was_read_is_found_where_it_is(
    bench: Workbench, originals: Originals, take_in: TakeIn, clip: Path
) -> None:
    before = (await take_in(clip)).track
    await publish(bench, before)
    [member] = await archive_of(originals, [before], {before.id: "beat.flac"})
    assert member.size_bytes == clip.stat().st_size
    assert await bytes_of(originals, before) == clip.read_bytes()


@pytest.mark.parametrize("source", FileSource)
async def test_nothing_is_read_of_a_track_that_was_deleted_since(
    bench: Workbench, originals: Originals, take_in: TakeIn, clip: Path, source: FileSource
) -> None:
    before = (await take_in(clip)).track
    if source is FileSource.S3:
        await publish(bench, before)
    await condemn(bench, before)
    with pytest.raises(NotFound):
        await bytes_of(originals, before)


async def test_a_track_that_is_being_deleted_is_gone_and_not_on_a_store_that_is_none(
    bench: Workbench, originals: Originals, take_in: TakeIn, clip: Path
) -> None:
    before = (await take_in(clip)).track
    await condemn(bench, before)
    assert before.file_path is not None
    await bench.local.delete(before.file_path)
    with pytest.raises(NotFound, match=f"{before.title} is gone"):
        await archive_of(replace(originals, s3=None), [before], {before.id: "beat.flac"})


async def test_bytes_that_are_missing_or_others_are_told_before_the_first_byte(
    bench: Workbench, originals: Originals, take_in: TakeIn, clip: Path
) -> None:
    track = (await take_in(clip)).track
    names = {track.id: "beat.flac"}
    shorter = Track(**track.model_dump() | {"size_bytes": track.size_bytes - 1})
    with pytest.raises(IntegrityFault):
        await archive_of(originals, [shorter], names)
    assert track.file_path is not None
    await bench.local.delete(track.file_path)
    with pytest.raises(SourceUnreadable, match="are not there"):
        await archive_of(originals, [track], names)
    with pytest.raises(SourceUnreadable, match="are not there"):
        await bytes_of(originals, track)


class InGlacier:
    """The store, with all that is in it in an archive."""

    def __init__(self, store: Storage, state: ArchiveState) -> None:
        self._store = store
        self._state = state

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def stat(self, key: str) -> ObjectStat:
        found = await self._store.stat(key)
        return replace(found, described=replace(found.described, storage_class="GLACIER"))

    async def archive_state(self, key: str) -> ArchiveState:
        del key
        return self._state

    async def restore(self, key: str) -> None:
        raise AssertionError(f"{key} is not to be brought back")


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (ArchiveState("GLACIER", archived=True), ObjectArchived.title),
        (ArchiveState("GLACIER", archived=True, restoring=True), "being restored"),
    ],
)
async def test_what_lies_in_an_archive_is_told_before_the_first_byte(
    bench: Workbench,
    originals: Originals,
    take_in: TakeIn,
    clip: Path,
    state: ArchiveState,
    word: str,
) -> None:
    track = (await take_in(clip)).track
    await publish(bench, track)
    assert bench.s3 is not None
    archived = replace(originals, s3=cast("Storage", InGlacier(bench.s3, state)))
    with pytest.raises(ObjectArchived, match=word):
        await archive_of(archived, [track], {track.id: "beat.flac"})


async def test_what_was_brought_back_from_an_archive_is_read(
    bench: Workbench, originals: Originals, take_in: TakeIn, clip: Path
) -> None:
    track = (await take_in(clip)).track
    await publish(bench, track)
    assert bench.s3 is not None
    restored = ArchiveState("GLACIER", archived=True, readable_until=await bench.db.now())
    archived = replace(originals, s3=cast("Storage", InGlacier(bench.s3, restored)))
    assert await archive_of(archived, [track], {track.id: "beat.flac"})
    assert await bytes_of(archived, track) == clip.read_bytes()


async def test_a_track_on_s3_cannot_be_read_where_there_is_none(
    bench: Workbench, originals: Originals, take_in: TakeIn, clip: Path
) -> None:
    track = (await take_in(clip)).track
    await publish(bench, track)
    with pytest.raises(SourceUnreadable, match="no S3 store"):
        await bytes_of(replace(originals, s3=None), track)

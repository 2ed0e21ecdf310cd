"""The rows of renditions hold the same shapes as those of tracks, and move as they do."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from autodj.db import (
    Database,
    FileSource,
    FileState,
    Rendition,
    RenditionName,
    Track,
    moves,
    tracks,
)
from autodj.db import renditions as rendition_rows
from autodj.errors import Conflict
from tests.builders import MOMENT, SHA256, make_track, make_user
from tests.db.test_shapes import SHAPES, is_legal

FACTS: dict[str, Any] = {
    "content_type": "audio/mp4",
    "extension": "m4a",
    "codec": "aac",
    "duration_s": 180.0,
    "start_offset_s": 0.0,
    "sha256": SHA256,
    "size_bytes": 1000,
}


async def add_tracks(db: Database, count: int) -> list[Track]:
    user = make_user()
    async with db.transaction() as session:
        session.add(user)
    made = [make_track(user.id) for _ in range(count)]
    async with db.transaction() as session:
        session.add_all(made)
    return made


async def pending(db: Database) -> Rendition:
    [track] = await add_tracks(db, 1)
    async with db.transaction() as session:
        [row] = await rendition_rows.want(session, track.id, [RenditionName.PLAYBACK], now=MOMENT)
    return row


async def fresh(db: Database, row: Rendition) -> Rendition:
    async with db.transaction() as session:
        return await rendition_rows.get(session, row.id)


async def test_the_database_takes_the_legal_shapes_and_no_other(db: Database) -> None:
    parents = await add_tracks(db, len(SHAPES))
    taken = []
    for parent, (state, source, path, key) in zip(parents, SHAPES, strict=True):
        row = Rendition(
            id=uuid4(),
            track_id=parent.id,
            name=RenditionName.PLAYBACK,
            created_at=MOMENT,
            updated_at=MOMENT,
            file_state=state,
            file_source=source,
            file_path=f"renditions/{parent.id}/path" if path else None,
            s3_object_key=f"renditions/{parent.id}/key" if key else None,
            clean_after=MOMENT,
            **FACTS,
        )
        try:
            async with db.transaction() as session:
                session.add(row)
        except IntegrityError:
            continue
        taken.append((state, source, path, key))
    assert taken == [shape for shape in SHAPES if is_legal(*shape)]


@pytest.mark.parametrize(("missing", "value"), [*product(FACTS, [None]), ("size_bytes", 0)])
async def test_nobody_reads_a_rendition_that_lacks_a_fact(
    db: Database, missing: str, value: object
) -> None:
    row = await pending(db)
    facts = {**FACTS, missing: value}
    async with db.transaction() as session:
        await rendition_rows.hold(session, row, facts, file_path="renditions/a", now=MOMENT)
        row = await rendition_rows.get(session, row.id)
    with pytest.raises(IntegrityError):
        async with db.transaction() as session:
            await rendition_rows.settle(session, row, now=MOMENT)


async def test_a_rendition_travels_from_pending_to_s3_and_its_track_shows_it(db: Database) -> None:
    row = await pending(db)
    async with db.transaction() as session:
        before = (await tracks.get(session, row.track_id)).version
        await rendition_rows.hold(session, row, FACTS, file_path="renditions/a", now=MOMENT)
    row = await fresh(db, row)
    assert (row.file_state, row.generation) == (FileState.PENDING, 1)
    async with db.transaction() as session:
        await rendition_rows.settle(session, row, now=MOMENT)
        assert (await tracks.get(session, row.track_id)).version == before + 1
    row = await fresh(db, row)
    async with db.transaction() as session:
        await moves.reserve(session, row, s3_object_key="renditions/b", now=MOMENT)
    row = await fresh(db, row)
    assert (row.file_state, row.generation) == (FileState.COPYING, 2)
    async with db.transaction() as session:
        await moves.flip(session, row, clean_after=MOMENT, now=MOMENT)
    row = await fresh(db, row)
    assert (row.file_state, row.file_source) == (FileState.CLEANING, FileSource.S3)
    async with db.transaction() as session:
        await moves.cleaned(session, row, now=MOMENT)
    row = await fresh(db, row)
    assert (row.file_state, row.file_path) == (FileState.STABLE, None)


async def test_of_two_that_made_the_same_rendition_one_keeps_it(db: Database) -> None:
    row = await pending(db)

    async def hold(path: str) -> str:
        async with db.transaction() as session:
            await rendition_rows.hold(session, row, FACTS, file_path=path, now=MOMENT)
        return path

    results = await asyncio.gather(*map(hold, ("a", "b")), return_exceptions=True)
    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert (await fresh(db, row)).file_path in results


async def test_wanting_twice_is_wanting_once_and_failures_are_tried_again(db: Database) -> None:
    row = await pending(db)
    names = [RenditionName.PLAYBACK, RenditionName.PREVIEW]
    async with db.transaction() as session:
        [preview] = await rendition_rows.want(session, row.track_id, names, now=MOMENT)
        assert preview.name is RenditionName.PREVIEW
        assert await rendition_rows.want(session, row.track_id, names, now=MOMENT) == []
        await rendition_rows.fail(session, row, failure="truncated", now=MOMENT)
    later = MOMENT + timedelta(hours=1)
    async with db.transaction() as session:
        [again] = await rendition_rows.want(session, row.track_id, names, now=later)
    assert (again.id, again.file_state, again.failure) == (row.id, FileState.PENDING, None)
    assert (await fresh(db, row)).next_attempt_at == later


async def test_a_track_that_is_going_wants_nothing_and_cannot_go_before_its_renditions(
    db: Database,
) -> None:
    row = await pending(db)
    async with db.transaction() as session:
        track = await tracks.get(session, row.track_id)
        await tracks.condemn(session, track.id, track.owner_id, now=MOMENT)
    async with db.transaction() as session:
        assert await rendition_rows.want(session, track.id, list(RenditionName), now=MOMENT) == []
    with pytest.raises(IntegrityError):
        async with db.transaction() as session:
            await tracks.erase(session, track.id)
    async with db.transaction() as session:
        await rendition_rows.condemn_all(session, track.id, now=MOMENT)
    with pytest.raises(Conflict):
        async with db.transaction() as session:
            await rendition_rows.settle(session, row, now=MOMENT)
    async with db.transaction() as session:
        await rendition_rows.erase(session, await rendition_rows.get(session, row.id))
        await tracks.erase(session, track.id)


async def test_known_keys_sees_the_files_of_renditions(db: Database) -> None:
    row = await pending(db)
    async with db.transaction() as session:
        await rendition_rows.hold(session, row, FACTS, file_path="renditions/a", now=MOMENT)
        assert await tracks.known_keys(session, ["renditions/a", "renditions/b"]) == {
            "renditions/a"
        }

"""Moves are compare-and-set: of two workers with the same row, one wins and one is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from autodj.db import AnalysisState, Database, FileSource, FileState, Track, tracks
from autodj.db.due import claim_due
from autodj.db.playables import Playable, playable
from autodj.errors import Conflict, NotFound
from tests.builders import MOMENT, make_track, make_user


async def add_track(db: Database, **values: object) -> Track:
    user = make_user()
    async with db.transaction() as session:
        session.add(user)
    track = make_track(user.id, **values)
    async with db.transaction() as session:
        session.add(track)
    return track


async def fresh(db: Database, track: Track) -> Track:
    async with db.transaction() as session:
        return await tracks.get(session, track.id)


async def test_a_track_travels_from_pending_to_s3(db: Database) -> None:
    track = await add_track(db, file_state=FileState.PENDING, file_source=None)
    path = track.file_path
    async with db.transaction() as session:
        await tracks.settle(session, track.id, now=MOMENT)
    track = await fresh(db, track)
    assert (track.file_state, track.file_source) == (FileState.STABLE, FileSource.LOCAL)
    assert track.next_attempt_at == MOMENT

    async with db.transaction() as session:
        await tracks.reserve(session, track, s3_object_key="tracks/k/1", now=MOMENT)
    track = await fresh(db, track)
    assert (track.file_state, track.generation) == (FileState.COPYING, 1)
    assert track.file_source is FileSource.LOCAL

    later = MOMENT + timedelta(hours=4)
    async with db.transaction() as session:
        await tracks.flip(session, track, clean_after=later, now=MOMENT)
    track = await fresh(db, track)
    assert (track.file_state, track.file_source) == (FileState.CLEANING, FileSource.S3)
    assert (track.file_path, track.clean_after) == (path, later)

    async with db.transaction() as session:
        await tracks.cleaned(session, track, now=later)
    track = await fresh(db, track)
    assert (track.file_state, track.file_source) == (FileState.STABLE, FileSource.S3)
    assert (track.file_path, track.s3_object_key) == (None, "tracks/k/1")


async def test_of_two_workers_that_reserve_one_wins(db: Database) -> None:
    track = await add_track(db)

    async def reserve(key: str) -> str:
        async with db.transaction() as session:
            await tracks.reserve(session, track, s3_object_key=key, now=MOMENT)
        return key

    results = await asyncio.gather(*map(reserve, ("a/1", "b/1")), return_exceptions=True)
    winners = [result for result in results if isinstance(result, str)]
    assert len(winners) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert (await fresh(db, track)).s3_object_key == winners[0]


async def test_a_worker_of_a_dead_generation_cannot_flip(db: Database) -> None:
    track = await add_track(db)
    async with db.transaction() as session:
        await tracks.reserve(session, track, s3_object_key="a/1", now=MOMENT)
    late = await fresh(db, track)
    async with db.transaction() as session:
        await tracks.abandon(session, late, failure="store_timeout", now=MOMENT)
    async with db.transaction() as session:
        await tracks.reserve(
            session, await tracks.get(session, track.id), s3_object_key="a/2", now=MOMENT
        )
    with pytest.raises(Conflict):
        async with db.transaction() as session:
            await tracks.flip(session, late, clean_after=MOMENT, now=MOMENT)
    assert (await fresh(db, track)).file_source is FileSource.LOCAL


async def test_settling_bytes_the_owner_has_already_is_a_conflict(db: Database) -> None:
    first = await add_track(db, sha256="ef" * 32)
    second = make_track(
        first.owner_id, sha256="ef" * 32, file_state=FileState.PENDING, file_source=None
    )
    async with db.transaction() as session:
        session.add(second)
    with pytest.raises(Conflict):
        async with db.transaction() as session:
            await tracks.settle(session, second.id, now=MOMENT)


async def test_a_condemned_track_is_unreadable_at_once_and_strangers_cannot_condemn(
    db: Database,
) -> None:
    track = await add_track(db)
    with pytest.raises(NotFound):
        async with db.transaction() as session:
            await tracks.condemn(session, track.id, uuid4(), now=MOMENT)
    async with db.reading() as connection:
        assert isinstance(await playable(connection, track.id), Playable)
    async with db.transaction() as session:
        await tracks.condemn(session, track.id, track.owner_id, now=MOMENT)
    with pytest.raises(NotFound):
        async with db.reading() as connection:
            await playable(connection, track.id)


async def test_a_due_row_is_claimed_by_one_of_many_and_again_after_its_lease(db: Database) -> None:
    track = await add_track(db, next_attempt_at=MOMENT)
    lease_until = MOMENT + timedelta(seconds=60)

    async def claim(now_offset_s: int) -> list[Track]:
        async with db.transaction() as session:
            due = await claim_due(
                session,
                Track,
                now=MOMENT + timedelta(seconds=now_offset_s),
                lease_until=lease_until + timedelta(seconds=now_offset_s),
                limit=10,
            )
        return list(due)

    claims = await asyncio.gather(*(claim(1) for _ in range(5)))
    assert [row.id for rows in claims for row in rows] == [track.id]
    assert await claim(30) == []
    assert [row.id for row in await claim(62)] == [track.id]


async def test_known_keys_sees_every_column_that_names_an_object(db: Database) -> None:
    await add_track(
        db,
        file_state=FileState.COPYING,
        file_path="tracks/a/0",
        s3_object_key="tracks/a/1",
        cover_key="covers/a",
        analysis_key="analysis/a",
        analysis_state=AnalysisState.DONE,
    )
    named = ["tracks/a/0", "tracks/a/1", "covers/a", "analysis/a"]
    async with db.transaction() as session:
        assert await tracks.known_keys(session, [*named, "tracks/orphan"]) == set(named)

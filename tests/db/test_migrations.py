"""The chain of revisions, walked both ways with rows in the tables."""

from __future__ import annotations

import asyncio

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import column, insert, inspect, table, text

from autodj.db import Database, FileSource, FileState, Track, open_database, tracks
from autodj.db.schema import alembic_config, downgrade, upgrade
from tests.builders import MOMENT, make_track, make_user

BEFORE_S3, S3 = "5b1f0c7d92ae", "a312ec46df43"


ADDED_BY_S3 = (
    "s3_object_key",
    "file_state",
    "generation",
    "clean_after",
    "next_attempt_at",
    "attempts",
    "failure",
    "public_state",
    "public_object_key",
    "corrected_anchor_s",
    "corrected_shift_ms",
    "corrected_downbeat_s",
    "corrected_metre",
    "reanalysis_state",
    "reanalysis_id",
    "analysis_source",
    "loudness_range_lu",
    "open_key",
    "energy",
    "metre",
    "grid",
    "first_downbeat_s",
    "overview",
)


async def add_pre_s3_track(db: Database) -> Track:
    user = make_user()
    track = make_track(user.id)
    values = {name: value for name, value in track.model_dump().items() if name not in ADDED_BY_S3}
    columns = [known for known in inspect(Track).local_table.c if known.name in values]
    pre_s3 = table("tracks", *(column(known.name, known.type) for known in columns))
    async with db.transaction() as session:
        session.add(user)
        await session.flush()
        await session.execute(insert(pre_s3).values(values))
    return track


async def test_the_whole_chain_runs_up_down_and_up_again(database_url: str) -> None:
    await upgrade(database_url)
    await downgrade(database_url, "base")
    await upgrade(database_url)
    await asyncio.to_thread(command.check, alembic_config(database_url))


async def test_the_models_and_the_newest_revision_are_the_same_schema(database_url: str) -> None:
    await upgrade(database_url)
    await asyncio.to_thread(command.check, alembic_config(database_url))


def test_there_is_one_head_and_the_s3_revision_is_on_the_way() -> None:
    script = ScriptDirectory.from_config(alembic_config("sqlite+aiosqlite://"))
    assert len(script.get_heads()) == 1
    revisions = [revision.revision for revision in script.walk_revisions()]
    assert revisions[-2:] == [S3, BEFORE_S3]


async def test_a_track_from_before_s3_becomes_stable_local_and_due(database_url: str) -> None:
    await upgrade(database_url, BEFORE_S3)
    async with open_database(database_url) as db:
        track = await add_pre_s3_track(db)
    await upgrade(database_url)
    async with open_database(database_url) as db, db.transaction() as session:
        row = await tracks.get(session, track.id)
    assert (row.file_state, row.file_source) == (FileState.STABLE, FileSource.LOCAL)
    assert (row.file_path, row.s3_object_key) == (track.file_path, None)
    assert row.next_attempt_at == MOMENT


async def test_going_down_keeps_local_tracks(database_url: str) -> None:
    await upgrade(database_url, BEFORE_S3)
    async with open_database(database_url) as db:
        track = await add_pre_s3_track(db)
    await upgrade(database_url)
    await downgrade(database_url, BEFORE_S3)
    async with open_database(database_url) as db, db.reading() as connection:
        rows = (await connection.execute(text("SELECT file_path, size_bytes FROM tracks"))).all()
    assert [tuple(row) for row in rows] == [(track.file_path, track.size_bytes)]


async def test_going_down_refuses_while_a_track_lives_on_s3(database_url: str) -> None:
    await upgrade(database_url)
    user = make_user()
    async with open_database(database_url) as db, db.transaction() as session:
        session.add(user)
        await session.flush()
        session.add(
            make_track(
                user.id, file_source=FileSource.S3, file_path=None, s3_object_key="tracks/a/1"
            )
        )
    with pytest.raises(RuntimeError, match="1 tracks are not plain local files"):
        await downgrade(database_url, BEFORE_S3)
    async with open_database(database_url) as db, db.reading() as connection:
        kept = (await connection.execute(text("SELECT s3_object_key FROM tracks"))).scalar_one()
    assert kept == "tracks/a/1"

"""What is asked often is found by an index, however many rows there are."""

from __future__ import annotations

import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, text

from autodj.db import (
    Database,
    Job,
    Session,
    Track,
    idempotency,
    jobs,
    library,
    open_database,
    tracks,
)
from autodj.db import reanalysis as reanalysis_rows
from autodj.db.due import claim_due
from autodj.db.library import TrackFilter
from autodj.db.reanalysis import Which
from tests.builders import MOMENT, make_user

Act = Callable[[Session], Awaitable[object]]
NOBODY = uuid4()
SOME = [uuid4() for _ in range(200)]


async def plans(db: Database, act: Act) -> str:
    """How the database goes about what is asked of it, were there many rows."""
    asked: list[tuple[str, Any]] = []

    def note(_1: object, _2: object, statement: str, given: object, *_: object) -> None:
        if statement.startswith(("SELECT", "DELETE", "UPDATE")):
            asked.append((statement, given))

    async with db.transaction() as session:
        session.add(make_user())
        await session.flush()
        event.listen(db.engine.sync_engine, "before_cursor_execute", note)
        try:
            await act(session)
        finally:
            event.remove(db.engine.sync_engine, "before_cursor_execute", note)
        connection = await session.connection()
        explain = "EXPLAIN QUERY PLAN "
        if db.engine.dialect.name == "postgresql":
            await session.execute(text("SET LOCAL enable_seqscan = off"))
            explain = "EXPLAIN "
        found = [await connection.exec_driver_sql(explain + each, given) for each, given in asked]
        return "\n".join(str(row) for rows in found for row in rows)


async def claim_key(session: Session) -> None:
    user = make_user()
    session.add(user)
    await session.flush()
    await idempotency.claim(session, user.id, "key", "f" * 64, now=MOMENT)


async def wanted_from_the_middle(session: Session) -> None:
    await reanalysis_rows.wanted(
        session, NOBODY, Which.OUTDATED, version=9, after=(MOMENT, NOBODY), limit=9
    )


@pytest.mark.parametrize(
    ("index", "act"),
    [
        ("ix_tracks_pending", lambda session: tracks.stale_pending(session, before=MOMENT)),
        (
            "ix_jobs_active",
            lambda session: jobs.latest(session, NOBODY, limit=200, active_only=True),
        ),
        (
            "ix_jobs_owner_created",
            lambda session: jobs.latest(session, NOBODY, limit=200),
        ),
        (
            "ix_jobs_track",
            lambda session: jobs.latest(
                session, NOBODY, limit=50, active_only=True, track_id=NOBODY
            ),
        ),
        ("ix_jobs_changed", lambda session: jobs.changed_since(session, MOMENT)),
        ("ix_jobs_changed", lambda session: jobs.forget(session, before=MOMENT, limit=9)),
        ("ix_tracks_analysis_key", lambda session: tracks.known_keys(session, ["a", "b"])),
        ("ix_tracks_cover_key", lambda session: tracks.known_keys(session, ["a", "b"])),
        (
            "ix_tracks_owner_created",
            lambda session: library.page(session, NOBODY, TrackFilter(), after=None, limit=50),
        ),
        (
            "ix_tracks_due",
            lambda session: claim_due(session, Track, now=MOMENT, lease_until=MOMENT, limit=9),
        ),
        (
            "ix_jobs_due",
            lambda session: claim_due(session, Job, now=MOMENT, lease_until=MOMENT, limit=9),
        ),
        ("ix_tracks_reanalysis", lambda session: reanalysis_rows.counts(session, NOBODY)),
        ("ix_tracks_reanalysis", lambda session: reanalysis_rows.let_go(session, NOBODY, limit=9)),
        ("ix_tracks_owner_created", wanted_from_the_middle),
        ("ix_jobs_active", wanted_from_the_middle),
        ("ix_idempotency_keys_created", claim_key),
    ],
)
async def test_what_is_asked_often_has_its_index(db: Database, index: str, act: Act) -> None:
    assert index in await plans(db, act)


async def test_a_page_from_the_middle_of_the_list_reads_nothing_before_it(db: Database) -> None:
    after = (MOMENT, uuid4())
    plan = await plans(
        db, lambda session: library.page(session, NOBODY, TrackFilter(), after=after, limit=50)
    )
    if db.engine.dialect.name == "sqlite":
        assert "(owner_id=? AND (created_at,id)<(?,?))" in plan
    else:
        assert "Index Cond" in plan
        assert re.search(r"Index Cond.*ROW\(created_at, id\) <", plan)
    assert "ix_tracks_owner_created" in plan


@pytest.mark.parametrize(
    "act",
    [
        lambda session: library.chosen(session, NOBODY, SOME),
        lambda session: reanalysis_rows.mark(
            session, NOBODY, NOBODY, Which.OUTDATED, SOME, version=9, now=MOMENT
        ),
    ],
)
async def test_a_few_tracks_by_id_are_not_looked_for_in_the_whole_library(
    migrated_sqlite: Path, tmp_path: Path, act: Act
) -> None:
    """SQLite keeps no count of rows, and guesses that an owner has few; Postgres counts."""
    file = shutil.copy(migrated_sqlite, tmp_path / "autodj.db")
    async with open_database(f"sqlite+aiosqlite:///{file}") as db:
        assert "sqlite_autoindex_tracks_1 (id=" in await plans(db, act)


@pytest.mark.parametrize(
    ("act", "of_one_job"),
    [
        (lambda session: reanalysis_rows.begin(session, NOBODY, limit=2, now=MOMENT), True),
        (lambda session: reanalysis_rows.wake(session, NOBODY, now=MOMENT), True),
        (reanalysis_rows.under_way, False),
    ],
)
async def test_of_a_reanalysis_those_are_read_that_are_next_or_begun_and_no_others(
    db: Database, act: Act, of_one_job: bool
) -> None:
    plan = await plans(db, act)
    if db.engine.dialect.name == "sqlite":
        within = "=? AND reanalysis_id=?" if of_one_job else "=? AND reanalysis_id>?"
        assert f"ix_tracks_reanalysis (reanalysis_state{within}" in plan
        assert "TEMP B-TREE FOR ORDER BY" not in plan
    else:
        assert re.search(r"Index Cond.*reanalysis_state", plan)

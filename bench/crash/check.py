"""Compare what is left, after recovery, with what was acknowledged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from autodj.db import (
    Database,
    FileSource,
    FileState,
    Job,
    JobState,
    PublicState,
    Track,
    Visibility,
    open_database,
)
from autodj.storage.base import Storage
from autodj.storage.local import LocalStorage
from autodj.tracks.steps import is_document_astray
from bench.crash.arena import Arena, open_bucket
from bench.crash.history import read_history
from bench.crash.reading import Heard, listen


@dataclass(slots=True)
class Verdict:
    """What the check counted; each list names what broke a promise.

    ``lost``: acknowledged, never deleted, and not to be read whole. ``unreadable``: a row with
    a source that does not yield its bytes, acknowledged or not. ``orphans``: stored, and named
    by no row. ``dangling``: named by a row, and not stored. ``unfinished``: rows and jobs that
    still wait though nothing is left to wait for. ``returned``: deleted, and there again.
    """

    acked: int = 0
    lost: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    dangling: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)


async def check(arena: Arena) -> Verdict:
    """Read the history, every row, every file and every object."""
    history = read_history(arena.history)
    local = LocalStorage(arena.media)
    verdict = Verdict()
    async with open_database(arena.database_url) as db, open_bucket(arena) as s3:
        rows = {str(track.id): track for track in await _all(db)}
        heard = {key: await listen(db, local, s3, UUID(key)) for key in rows}
        _check_history(verdict, history, rows, heard)
        _check_rows(verdict, rows, heard)
        verdict.unfinished += [str(job) for job in await _waiting_jobs(db)]
        here = {found.key async for found in _named(local)}
        there = {found.key async for found in _named(s3)}
    _check_names(verdict, list(rows.values()), here, there)
    verdict.orphans += [path.name for path in (arena.media / ".incoming").iterdir()]
    return verdict


def _check_history(
    verdict: Verdict, history: list[dict[str, Any]], rows: dict[str, Track], heard: dict[str, Heard]
) -> None:
    acked = {line["id"]: line["sha256"] for line in history if line["did"] == "ack"}
    condemned = {line["id"] for line in history if line["did"] == "condemn"}
    verdict.acked = len(acked)
    for track_id, sha256 in acked.items():
        if track_id in condemned:
            continue
        row = rows.get(track_id)
        if row is None or row.sha256 != sha256 or heard[track_id] is not Heard.WHOLE:
            verdict.lost.append(track_id)
    gone = {line["id"] for line in history if line["did"] == "condemned"}
    verdict.returned += sorted(gone & set(rows))


def _check_rows(verdict: Verdict, rows: dict[str, Track], heard: dict[str, Heard]) -> None:
    for track_id, row in rows.items():
        if row.file_source is not None and heard[track_id] is not Heard.WHOLE:
            verdict.unreadable.append(f"{track_id} {row.file_state} {heard[track_id]}")
        if row.file_state is not FileState.STABLE or row.next_attempt_at is not None:
            verdict.unfinished.append(f"{track_id} {row.file_state} {row.failure}")
        if row.analysis_key is None or is_document_astray(row):
            verdict.unfinished.append(f"{track_id} {row.analysis_key} {row.analysis_source}")
        wanted = PublicState.OPEN if row.visibility is Visibility.PUBLIC else None
        if row.public_state != wanted:
            verdict.unfinished.append(f"{track_id} {row.visibility} {row.public_state}")


def _check_names(verdict: Verdict, rows: list[Track], here: set[str], there: set[str]) -> None:
    kept = {name for row in rows for name in (row.file_path, row.cover_key)}
    sent = {name for row in rows for name in (row.s3_object_key, row.public_object_key)}
    for row in rows:
        (kept if row.analysis_source is FileSource.LOCAL else sent).add(row.analysis_key)
    verdict.orphans += sorted((here - kept) | (there - sent))
    verdict.dangling += sorted(name for name in (kept - here) | (sent - there) if name)


async def _all(db: Database) -> list[Track]:
    async with db.transaction() as session:
        return list((await session.execute(select(Track))).scalars())


async def _waiting_jobs(db: Database) -> list[str]:
    """Jobs that nobody will finish, now that no track wants anything any more."""
    active = select(Job).where(col(Job.state).in_([JobState.QUEUED, JobState.RUNNING]))
    async with db.transaction() as session:
        jobs = (await session.execute(active)).scalars()
        return [f"job of {job.track_id} {job.step}" for job in jobs]


async def _named(store: Storage) -> AsyncIterator[Any]:
    async for found in store.list():
        yield found

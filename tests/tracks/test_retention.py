"""Rows have the last word: whatever the retention of a basket says, what they name stays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog
from sqlalchemy import String
from sqlalchemy.dialects import sqlite
from sqlmodel import SQLModel
from structlog.testing import capture_logs

from autodj.db import AnalysisState, Database, FileState
from autodj.db import tracks as track_rows
from autodj.errors import StoreDenied
from autodj.settings.baskets import Basket, Baskets, Kind
from autodj.storage import retention as storage_retention
from autodj.storage.baskets import Stores
from autodj.storage.keys import MAX_KEY_LENGTH, analysis_key, cover_key, track_key
from autodj.storage.local import LocalStorage
from autodj.tracks import retention as tracks_retention
from autodj.tracks.belonging import MARKER, Installation, claim
from autodj.tracks.retention import sweep_all, sweep_basket, with_retention
from tests.builders import SHA256, make_track
from tests.storage.builders import keys, put

BODY = b"0123456789"


def stores_in(root: Path, **more: Basket) -> Stores:
    """Everything that is not said otherwise is kept for a day."""
    default = Basket("default", root=root / "all", retention_days=1)
    baskets = {"default": default, **more}
    bound = {Kind.DOCUMENTS: "papers"} if "papers" in more else {}
    opened = {name: LocalStorage(each.root or root) for name, each in baskets.items()}
    return Stores(Baskets(baskets, bound), opened)


async def filled(db: Database, store: LocalStorage, owner_id: UUID) -> list[str]:
    """A track that names four objects, and as many that nobody names; the former."""
    one = uuid4()
    named = [
        track_key(one, 0, SHA256, "mp3"),
        track_key(one, 1, SHA256, "mp3"),
        cover_key(one, SHA256),
        analysis_key(one, SHA256),
    ]
    two = uuid4()
    others = [track_key(two, 0, SHA256, "mp3"), analysis_key(two, SHA256), "avatars/1/x.webp"]
    for key in (*named, *others):
        await put(store, key, BODY)
    track = make_track(
        owner_id,
        id=one,
        file_state=FileState.COPYING,
        file_path=named[0],
        s3_object_key=named[1],
        cover_key=named[2],
        analysis_key=named[3],
        analysis_state=AnalysisState.DONE,
    )
    async with db.transaction() as session:
        session.add(track)
    return sorted(named)


async def sweep(db: Database, stores: Stores, name: str = "default", **more: Any) -> int:
    later = await db.now() + timedelta(days=2)
    swept = await sweep_basket(db, stores, name, document_prefix="projects/", now=later, **more)
    return swept.objects


async def test_what_a_row_names_stays_however_old_it_is(
    db: Database, tmp_path: Path, owner_id: UUID
) -> None:
    stores = stores_in(tmp_path)
    store: Any = stores.by_name["default"]
    named = await filled(db, store, owner_id)

    assert await sweep(db, stores, remove=False) == 3
    assert len(await keys(store)) == 7
    assert await sweep(db, stores) == 3
    assert await keys(store) == named
    assert await sweep(db, stores) == 0


async def test_without_asking_the_rows_the_bytes_of_a_track_would_be_lost(
    db: Database, tmp_path: Path, owner_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The control: this is what the guard is for, and that the test above can fail.
    async def none_known(_session: object, _keys: Collection[str]) -> set[str]:
        return set()

    monkeypatch.setattr(track_rows, "known_keys", none_known)
    stores = stores_in(tmp_path)
    store: Any = stores.by_name["default"]
    await filled(db, store, owner_id)

    assert await sweep(db, stores) == 7
    assert await keys(store) == []


async def test_every_column_that_holds_an_object_key_is_asked(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    holding = {
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, String) and column.type.length == MAX_KEY_LENGTH
    } - {"users.name", "tracks.title", "tracks.artist", "tracks.album"}
    async with db.transaction() as session:
        execute = session.execute

        async def noted(query: Any, *args: Any, **more: Any) -> Any:
            asked.update(str(query.whereclause.compile(dialect=sqlite.dialect())).split())
            return await execute(query, *args, **more)

        monkeypatch.setattr(session, "execute", noted)
        await track_rows.known_keys(session, ["tracks/a"])

    assert {"tracks.cover_key", "renditions.s3_object_key"} <= holding
    assert holding <= asked


async def test_a_basket_inside_another_sweeps_the_kinds_that_go_into_it_only(
    db: Database, tmp_path: Path
) -> None:
    papers = Basket("papers", root=tmp_path / "all" / "papers", retention_days=1)
    stores = stores_in(tmp_path, papers=papers)
    outer: Any = stores.by_name["default"]
    inner: Any = stores.by_name["papers"]
    await put(outer, "papers/projects/1/prd/kept-for-longer.json", BODY)
    await put(outer, "notes/of-no-kind.txt", BODY)
    await put(outer, "avatars/1/x.webp", BODY)
    await put(inner, "projects/1/prd/plan.json", BODY)

    assert await sweep(db, stores) == 1
    assert await sweep(db, stores, "papers") == 2
    assert await keys(outer) == ["notes/of-no-kind.txt"]


class Denied(LocalStorage):
    async def delete_unchanged(self, found: object) -> Collection[str]:
        raise StoreDenied


async def test_a_basket_that_cannot_be_swept_is_told_and_the_next_one_is(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = Basket("papers", root=tmp_path / "papers", retention_days=1)
    stores = stores_in(tmp_path, papers=papers, kept=Basket("kept", root=tmp_path / "kept"))
    denied = Denied(tmp_path / "all")
    stores = replace(stores, by_name={**stores.by_name, "default": denied})
    inner: Any = stores.by_name["papers"]
    for store in (denied, inner):
        await put(store, "projects/1/prd/plan.json", BODY)
    later = await db.now() + timedelta(days=2)

    async def then() -> Any:
        return later

    monkeypatch.setattr(type(db), "now", lambda _: then())
    for module in (tracks_retention, storage_retention):
        # Whatever ran before in this process may have settled where their lines go.
        monkeypatch.setattr(module, "log", structlog.get_logger())
    with capture_logs() as logs:
        mine = Installation("sqlite:here", uuid4())
        await sweep_all(db, stores, mine, document_prefix="projects/")

    assert with_retention(stores) == ["default", "papers"]
    assert [(each["event"], each["basket"]) for each in logs if "retention" in each["event"]] == [
        ("retention_failed", "default"),
        ("retention_swept", "papers"),
    ]
    assert await keys(denied) == [MARKER, "projects/1/prd/plan.json"]
    assert await keys(inner) == [MARKER]


async def test_the_basket_of_another_installation_keeps_everything(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = stores_in(tmp_path)
    store = stores.by_name["default"]
    await put(store, "projects/1/prd/plan.json", BODY)
    await claim(store, Installation("sqlite:there", uuid4()))
    later = await db.now() + timedelta(days=2)

    async def then() -> Any:
        return later

    monkeypatch.setattr(type(db), "now", lambda _: then())
    monkeypatch.setattr(tracks_retention, "log", structlog.get_logger())
    with capture_logs() as logs:
        await sweep_all(db, stores, Installation("sqlite:here", uuid4()), document_prefix="p/")
    [refused] = [each for each in logs if each["event"] == "retention_failed"]
    assert refused["code"] == "another_installation"
    assert await keys(store) == [MARKER, "projects/1/prd/plan.json"]

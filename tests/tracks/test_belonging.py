"""Whose place a store is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from autodj.db import Database, users
from autodj.errors import AnotherInstallation
from autodj.storage.base import Storage
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Storage
from autodj.storage.whole import load
from autodj.tracks.belonging import MARKER, Installation, claim, installation_of

MINE = Installation("postgresql:db.example:5432/autodj", UUID(int=1))


@pytest.fixture(params=["local", "real_s3"])
def store(request: pytest.FixtureRequest) -> Storage:
    found: LocalStorage | S3Storage = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize(
    "theirs",
    [replace(MINE, database="postgresql:copy.example:5432/autodj"),
     replace(MINE, first_user=UUID(int=2))],
    ids=["a copy of the database", "a database made anew"],
)  # fmt: skip
async def test_who_comes_first_has_the_place(store: Storage, theirs: Installation) -> None:
    await claim(store, MINE)
    await claim(store, MINE)
    with pytest.raises(AnotherInstallation) as caught:
        await claim(store, theirs)
    for each in (MINE, theirs):
        assert each.database in caught.value.detail
        assert str(each.first_user) in caught.value.detail
    assert await load(store, MARKER, max_bytes=4096) == MINE.document()
    await store.delete(MARKER)
    await claim(store, theirs)


async def test_of_two_that_come_at_once_one_has_the_place(store: Storage) -> None:
    both = [replace(MINE, first_user=UUID(int=n)) for n in range(2)]
    ends = await asyncio.gather(*(claim(store, each) for each in both), return_exceptions=True)
    assert sorted(str(type(end).__name__) for end in ends) == ["AnotherInstallation", "NoneType"]
    assert await load(store, MARKER, max_bytes=4096) == both[ends.index(None)].document()


async def test_an_installation_is_known_by_its_place_and_its_first_user(db: Database) -> None:
    with pytest.raises(AnotherInstallation, match="knows no user"):
        await installation_of(db)
    async with db.transaction() as session:
        first = await users.get_or_add(session, "ada", now=await db.now())
    async with db.transaction() as session:
        await users.get_or_add(session, f"bob-{uuid4()}", now=await db.now())
    mine = await installation_of(db)
    assert mine == Installation(db.address, first.id)
    url = db.engine.url
    assert str(url.database) in mine.database
    if url.password:
        assert url.password not in mine.database
        assert url.host is not None
        assert url.host in mine.database

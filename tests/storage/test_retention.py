"""What baskets have kept long enough goes; what is named, and what is not theirs, stays."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autodj.errors import DeleteIncomplete, StoreError
from autodj.settings.baskets import Basket, Baskets, Kind
from autodj.storage import retention
from autodj.storage.base import ObjectStat, Storage
from autodj.storage.factory import basket_from
from autodj.storage.local import LocalStorage
from autodj.storage.retention import PREFIXES, Swept, prefixes_swept, sweep_expired
from tests.storage.builders import keys, put, sha256

MONTH = Basket("month", retention_days=30)
BODY = b"0123456789"


def in_days(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def naming(*keys: str) -> retention.Named:
    async def named(asked: Sequence[str]) -> Collection[str]:
        return {*keys} & {*asked}

    return named


async def test_what_is_over_goes_and_what_is_named_stays(store: Storage) -> None:
    for n in range(4):
        await put(store, f"avatars/{n}", BODY)
    told: list[str] = []

    async def swept(basket: Basket, days: float, *, remove: bool = True) -> Swept:
        return await sweep_expired(
            store,
            basket,
            in_days(days),
            named=naming("avatars/2"),
            remove=remove,
            tell=lambda found: told.append(found.key),
        )

    assert await swept(Basket("forever"), 10_000) == Swept()
    assert await swept(MONTH, 29.9) == Swept()
    assert await keys(store) == [f"avatars/{n}" for n in range(4)]
    assert await swept(MONTH, 30.1, remove=False) == Swept(3, 30, 1)
    assert await keys(store) == [f"avatars/{n}" for n in range(4)]
    assert await swept(MONTH, 30.1) == Swept(3, 30, 1)
    assert await keys(store) == ["avatars/2"]
    assert told == 2 * ["avatars/0", "avatars/1", "avatars/3"]


async def test_only_what_lies_where_the_retention_holds_goes(store: Storage) -> None:
    for key in ("avatars/1", "events/1", "materials/1"):
        await put(store, key, BODY)

    await sweep_expired(
        store, MONTH, in_days(31), named=naming(), prefixes=("avatars/", "materials/")
    )

    assert await keys(store) == ["events/1"]


class WrittenMeanwhile(LocalStorage):
    """Somebody saves the object anew between the list and the look."""

    async def stat(self, key: str) -> ObjectStat:
        return replace(await super().stat(key), modified_at=in_days(31))


class GoneMeanwhile(LocalStorage):
    """Somebody deletes the object between the list and the look."""

    async def stat(self, key: str) -> ObjectStat:
        await self.delete(key)
        return await super().stat(key)


@pytest.mark.parametrize(("kind", "left"), [(WrittenMeanwhile, ["a/1"]), (GoneMeanwhile, [])])
async def test_what_changed_since_it_was_listed_is_not_judged_by_the_list(
    tmp_path: Path, kind: type[LocalStorage], left: list[str]
) -> None:
    store = kind(tmp_path)
    await put(store, "a/1", BODY)

    assert await sweep_expired(store, MONTH, in_days(31), named=naming()) == Swept()

    assert await keys(store) == left


async def test_what_is_written_between_the_look_and_the_end_stays_and_is_not_counted(
    tmp_path: Path,
) -> None:
    store = LocalStorage(tmp_path)
    for key in ("a/1", "a/2"):
        await put(store, key, BODY)
    told: list[str] = []

    async def named(_asked: Sequence[str]) -> Collection[str]:
        await store.replace("a/1", b"new", sha256=sha256(b"new"), content_type="text/plain")
        return ()

    swept = await sweep_expired(
        store, MONTH, in_days(31), named=named, tell=lambda found: told.append(found.key)
    )

    assert await keys(store) == ["a/1"]
    assert (swept, told) == (Swept(1, 10), ["a/2"])


class Failing(LocalStorage):
    """Deletes one batch, then the store is away, then the process ends."""

    calls = 0

    async def delete_unchanged(self, found: Sequence[ObjectStat]) -> Collection[str]:
        self.calls += 1
        if self.calls == 2:
            raise DeleteIncomplete({each.key: StoreError() for each in found})
        if self.calls == 4:
            raise asyncio.CancelledError
        return await super().delete_unchanged(found)


async def test_a_sweep_that_was_cut_short_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    store = Failing(tmp_path)
    names = [f"avatars/{n}" for n in range(10)]
    for key in names:
        await put(store, key, BODY)

    with pytest.raises(DeleteIncomplete):
        await sweep_expired(store, MONTH, in_days(31), named=naming("avatars/9"))
    assert await keys(store) == names[3:]
    with pytest.raises(asyncio.CancelledError):
        await sweep_expired(store, MONTH, in_days(31), named=naming("avatars/9"))
    assert await keys(store) == names[6:]
    assert (await sweep_expired(store, MONTH, in_days(31), named=naming("avatars/9"))).objects == 3
    assert await keys(store) == ["avatars/9"]


async def test_who_does_not_know_what_is_named_deletes_nothing(local: LocalStorage) -> None:
    await put(local, "tracks/1", BODY)

    async def away(_asked: Sequence[str]) -> Collection[str]:
        raise StoreError

    with pytest.raises(StoreError):
        await sweep_expired(local, MONTH, in_days(31), named=away)

    assert await keys(local) == ["tracks/1"]


S3 = basket_from({"type": "s3", "bucket": "night"}, {}).s3
assert S3 is not None


@pytest.mark.parametrize(
    ("one", "other", "alone"),
    [
        (Basket("a", root=Path("/m/a")), Basket("b", root=Path("/m/b")), True),
        (Basket("a", root=Path("/m/a")), Basket("b", root=Path("/m/ab")), True),
        (Basket("a", root=Path("/m")), Basket("b", root=Path("/m/b")), False),
        (Basket("a", root=Path("/m/b")), Basket("b", root=Path("/m")), False),
        (Basket("a", root=Path("/m")), Basket("b", root=Path("/m")), False),
        (Basket("a", root=Path("/m")), Basket("b", s3=S3), True),
        (Basket("a", s3=replace(S3, prefix="a/")), Basket("b", s3=replace(S3, prefix="b/")), True),
        (Basket("a", s3=replace(S3, prefix="a/")), Basket("b", s3=replace(S3, prefix="ab/")), True),
        (Basket("a", s3=S3), Basket("b", s3=replace(S3, prefix="b/")), False),
        (Basket("a", s3=replace(S3, prefix="b/c/")), Basket("b", s3=replace(S3, prefix="b/")),
         False),
        (Basket("a", s3=S3), Basket("b", s3=replace(S3, bucket="day")), True),
        (Basket("a", s3=S3), Basket("b", s3=replace(S3, endpoint_url="http://x")), True),
    ],
)  # fmt: skip
def test_retention_judges_all_of_a_place_only_where_nobody_else_lives(
    one: Basket, other: Basket, alone: bool
) -> None:
    baskets = Baskets(
        {"a": one, "default": replace(other, name="default")},
        {Kind.DOCUMENTS: "a", Kind.TRACKS: "a"},
    )

    found = prefixes_swept(baskets, "a", "plans/")

    assert found == (("",) if alone else ["tracks/", "public/", "plans/"])


def test_every_kind_has_its_place() -> None:
    assert {*PREFIXES, Kind.DOCUMENTS} == {*Kind}

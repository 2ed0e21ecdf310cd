"""Objects as files, one and many, from every kind of store."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autodj.errors import (
    AutodjError,
    BatchIncomplete,
    Conflict,
    DiskFull,
    IntegrityFault,
    ObjectNotFound,
    StoreError,
    StoreTimeout,
)
from autodj.storage.base import ByteRange, ObjectStat, Storage
from autodj.storage.batch import Download, Upload, download_many, put_many
from autodj.storage.download import Ranges, download
from autodj.storage.local import LocalStorage
from tests.storage.builders import KEY, patterned, put, read, sha256

BODY = patterned(100_003)
SMALL = Ranges(each_bytes=10_000, parallel=3)


@pytest.mark.parametrize("ranges", [Ranges(), SMALL], ids=["at once", "in ranges"])
async def test_a_download_has_the_bytes_and_tells_how_far_it_is(
    store: Storage, tmp_path: Path, ranges: Ranges
) -> None:
    await put(store, KEY, BODY)
    told: list[int] = []

    size = await download(
        store, KEY, tmp_path / "x", sha256=sha256(BODY), ranges=ranges, progress=told.append
    )

    assert (tmp_path / "x").read_bytes() == BODY
    assert size == told[-1] == len(BODY)
    assert told == sorted(told)


async def test_what_is_known_already_is_not_asked_for(tmp_path: Path) -> None:
    class Mute(LocalStorage):
        async def stat(self, key: str) -> ObjectStat:
            raise AssertionError

    store = Mute(tmp_path / "objects")
    await put(LocalStorage(store.root), KEY, BODY)
    hashed = sha256(BODY)
    for ranges in (Ranges(), SMALL):
        target = tmp_path / f"{ranges.each_bytes}"
        await download(store, KEY, target, sha256=hashed, size_bytes=len(BODY), ranges=ranges)
        assert target.read_bytes() == BODY
    for wrong in (len(BODY) - 1, len(BODY) + 1, 0):
        with pytest.raises(AutodjError):
            await download(store, KEY, tmp_path / "x", sha256=hashed, size_bytes=wrong)
        assert not (tmp_path / "x").exists()


async def test_room_that_is_not_there_is_missed_before_anything_is_fetched(
    local: LocalStorage, tmp_path: Path
) -> None:
    with pytest.raises(DiskFull):  # else it would be found missing
        await download(local, KEY, tmp_path / "x", sha256="0" * 64, size_bytes=2**60)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOPNOTSUPP])
async def test_a_file_system_without_reservations_takes_downloads_all_the_same(
    local: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refused(*_: int) -> None:
        raise OSError(code, "no such call here")

    monkeypatch.setattr(os, "posix_fallocate", refused)
    await put(local, KEY, BODY)
    await download(local, KEY, tmp_path / "x", sha256=sha256(BODY))
    assert (tmp_path / "x").read_bytes() == BODY


async def test_an_empty_object_is_an_empty_file(local: LocalStorage, tmp_path: Path) -> None:
    await put(local, KEY, b"")
    await download(local, KEY, tmp_path / "x", sha256=sha256(b""))

    assert (tmp_path / "x").read_bytes() == b""


async def test_an_empty_object_of_which_everything_is_known_is_fetched_all_the_same(
    store: Storage, tmp_path: Path
) -> None:
    with pytest.raises(ObjectNotFound):
        await download(store, KEY, tmp_path / "x", sha256=sha256(b""), size_bytes=0)
    assert not (tmp_path / "x").exists()
    await put(store, KEY, b"")
    assert await download(store, KEY, tmp_path / "x", sha256=sha256(b""), size_bytes=0) == 0


async def test_what_stands_in_the_way_of_a_download_stays_and_is_told(
    local: LocalStorage, tmp_path: Path
) -> None:
    await put(local, KEY, BODY)
    there = tmp_path / "there"
    there.write_bytes(b"mine")
    with pytest.raises(Conflict, match="there is there already"):
        await download(local, KEY, there)
    assert there.read_bytes() == b"mine"


@pytest.mark.parametrize("folder", ["nowhere", "a-file"])
async def test_a_folder_that_is_not_there_is_no_missing_object(
    local: LocalStorage, tmp_path: Path, folder: str
) -> None:
    await put(local, KEY, BODY)
    (tmp_path / "a-file").touch()
    with pytest.raises(StoreError, match=f"no folder .*{folder}"):
        await download(local, KEY, tmp_path / folder / "x")


async def test_what_is_not_there_leaves_no_file(store: Storage, tmp_path: Path) -> None:
    with pytest.raises(ObjectNotFound):
        await download(store, KEY, tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.can_fail_on("local", "real_s3")
async def test_another_hash_than_recorded_leaves_no_file(store: Storage, tmp_path: Path) -> None:
    await put(store, KEY, BODY)
    with pytest.raises(IntegrityFault):
        await download(store, KEY, tmp_path / "x", sha256="00" * 32, ranges=SMALL)
    assert not (tmp_path / "x").exists()


async def test_a_file_that_is_there_is_not_written_over(
    local: LocalStorage, tmp_path: Path
) -> None:
    await put(local, KEY, BODY)
    (tmp_path / "x").write_bytes(b"mine")
    with pytest.raises(Exception, match="x"):
        await download(local, KEY, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"mine"


class Faulty(LocalStorage):
    """A store whose ranges from 50,000 on are spoilt by ``spoil``."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.open_at_once = self.most_at_once = 0

    @asynccontextmanager
    async def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        self.open_at_once += 1
        self.most_at_once = max(self.most_at_once, self.open_at_once)
        try:
            async with super().read(key, byte_range) as blocks:
                late = byte_range is not None and byte_range.start >= 50_000
                yield self.spoil(blocks) if late else blocks
        finally:
            self.open_at_once -= 1

    async def spoil(self, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for block in blocks:
            yield block


class Shorter(Faulty):
    async def spoil(self, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for block in blocks:
            yield block[:-1]


class Flipped(Faulty):
    async def spoil(self, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for block in blocks:
            yield bytes([block[0] ^ 1]) + block[1:]


class Broken(Faulty):
    async def spoil(self, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        yield await anext(blocks)
        raise StoreTimeout("no answer")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(Shorter, IntegrityFault), (Flipped, IntegrityFault), (Broken, StoreTimeout)],
)
@pytest.mark.can_fail_on("wrong_store")
async def test_a_range_that_fails_fails_the_download(
    tmp_path: Path, kind: type[Faulty], expected: type[Exception]
) -> None:
    store = kind(tmp_path / "objects")
    await put(store, KEY, BODY)
    with pytest.raises(expected):
        await download(store, KEY, tmp_path / "x", sha256=sha256(BODY), ranges=SMALL)
    assert not (tmp_path / "x").exists()
    assert store.open_at_once == 0


async def test_no_more_ranges_are_open_than_allowed(tmp_path: Path) -> None:
    store = Faulty(tmp_path / "objects")
    await put(store, KEY, BODY)
    await download(store, KEY, tmp_path / "x", sha256=sha256(BODY), ranges=SMALL)
    assert store.most_at_once == SMALL.parallel


async def test_an_object_of_unknown_hash_is_fetched_as_long_as_it_stays_the_same(
    local: LocalStorage, tmp_path: Path
) -> None:
    await put(local, KEY, BODY)
    assert (await local.stat(KEY)).sha256 is None
    await download(local, KEY, tmp_path / "x", ranges=SMALL)

    assert (tmp_path / "x").read_bytes() == BODY


@pytest.mark.can_fail_on("wrong_store")
async def test_ranges_of_two_different_objects_are_not_put_together(tmp_path: Path) -> None:
    class Changes(Faulty):
        async def stat(self, key: str) -> ObjectStat:
            found = await super().stat(key)
            self.asked = getattr(self, "asked", 0) + 1
            return ObjectStat(key, found.size_bytes, found.modified_at, etag=f"{self.asked}")

    store = Changes(tmp_path / "objects")
    await put(store, KEY, BODY)
    with pytest.raises(IntegrityFault):
        await download(store, KEY, tmp_path / "x", ranges=SMALL)


async def test_a_cancelled_download_leaves_no_file(local: LocalStorage, tmp_path: Path) -> None:
    class Endless(Faulty):
        async def spoil(self, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
            yield await anext(blocks)
            await asyncio.Event().wait()

    store = Endless(local.root)
    await put(store, KEY, BODY)
    begun = asyncio.Event()
    task = asyncio.create_task(
        download(store, KEY, tmp_path / "x", ranges=SMALL, progress=lambda _: begun.set())
    )
    await begun.wait()
    await asyncio.sleep(0.1)  # those that can are over, and the endless ones under way
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not (tmp_path / "x").exists()


async def test_a_download_that_is_cancelled_while_its_file_is_made_leaves_none(
    local: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    making, go_on = threading.Event(), threading.Event()

    def slow(*_: int) -> None:
        making.set()
        go_on.wait(60)

    monkeypatch.setattr(os, "posix_fallocate", slow)
    await put(local, KEY, BODY)
    task = asyncio.create_task(
        download(local, KEY, tmp_path / "x", sha256=sha256(BODY), size_bytes=len(BODY))
    )
    await asyncio.to_thread(making.wait, 60)
    assert (tmp_path / "x").exists()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not (tmp_path / "x").exists()


async def test_many_are_put_and_fetched_and_every_fault_is_told(
    store: Storage, tmp_path: Path
) -> None:
    bodies = {f"tracks/many/{n}": b"%d" % n * 50 for n in range(20)}
    uploads = [Upload(key, body, sha256(body), "a/b") for key, body in bodies.items()]
    spoilt = [Upload(f"tracks/Bad/{n}", b"x", sha256(b"x"), "a/b") for n in range(2)]

    with pytest.raises(BatchIncomplete) as caught:
        await put_many(store, [spoilt[0], *uploads, spoilt[1]], at_once=4)
    assert {*caught.value.failed} == {"tracks/Bad/0", "tracks/Bad/1"}
    assert {error.code for error in caught.value.failed.values()} == {"invalid_request"}
    assert "tracks/Bad/1" in caught.value.detail

    wanted = [Download(key, tmp_path / key.rpartition("/")[2]) for key in bodies]
    missing = Download("tracks/none", tmp_path / "none")
    with pytest.raises(BatchIncomplete) as absent:
        await download_many(store, [missing, *wanted])
    assert {*absent.value.failed} == {"tracks/none"}
    for key, body in bodies.items():
        assert (tmp_path / key.rpartition("/")[2]).read_bytes() == body
        assert await read(store, key) == body


async def test_a_file_that_cannot_be_read_does_not_keep_the_others_from_being_put(
    store: Storage, tmp_path: Path
) -> None:
    good = [Upload(f"tracks/good/{n}", b"x", sha256(b"x"), "a/b") for n in range(3)]
    gone = Upload("tracks/gone", tmp_path / "gone", sha256(b"x"), "a/b")

    with pytest.raises(BatchIncomplete) as caught:
        await put_many(store, [gone, *good], at_once=1)
    assert {*caught.value.failed} == {"tracks/gone"}
    assert [await read(store, each.key) for each in good] == [b"x"] * 3


async def test_nothing_to_do_is_done(local: LocalStorage) -> None:
    assert await put_many(local, []) == {}
    assert await download_many(local, []) == {}


async def test_a_fault_that_is_not_the_stores_ends_the_batch(tmp_path: Path) -> None:
    class Buggy(LocalStorage):
        async def stat(self, key: str) -> ObjectStat:
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await download_many(Buggy(tmp_path), [Download(KEY, tmp_path / "x")])

"""Whoever is cancelled, at whichever of its awaits, leaves nothing behind and nothing half done."""

from __future__ import annotations

import asyncio
import threading
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from autodj.errors import ObjectNotFound
from autodj.storage.base import ByteRange
from autodj.storage.batch import Upload, put_many
from autodj.storage.documents import load_document, save_document
from autodj.storage.download import Ranges, download
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Storage
from autodj.storage.s3.copying import copy_object
from autodj.storage.s3.uploads import unfinished
from autodj.storage.whole import move, save
from tests.storage.builders import keys, patterned, put, read, sha256

MIB = 1024**2
SMALL = patterned(300_000)
LARGE = patterned(10 * MIB + 5)
HELD, LARGE_HELD = "held/small", "held/large"

Store = LocalStorage | S3Storage
Act = Callable[[Any, str, Path], Awaitable[object]]


class Cut:
    """Runs something and cancels it at its ``at``-th await; ``reached`` tells whether there was
    one.
    """

    def __init__(self, at: int) -> None:
        self._at = at
        self.reached = False

    async def run(self, work: Coroutine[Any, Any, object]) -> None:
        await self._stepping(work)

    @types.coroutine
    def _stepping(self, work: Coroutine[Any, Any, object]) -> Generator[Any, Any, None]:
        steps = work.__await__()
        step = steps.__next__
        for number in count(1):
            try:
                waits_for = step()
            except StopIteration:
                return
            if number == self._at:
                self.reached = True
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                yield waits_for
                step = steps.__next__
            except BaseException as error:  # noqa: BLE001 - passed on to what waits for it
                step = _throwing(steps, error)


def _throwing(steps: Generator[Any, Any, object], error: BaseException) -> Callable[[], Any]:
    return lambda: steps.throw(error)


async def document(store: Any, key: str, _folder: Path) -> None:
    await save_document(store, key, {"text": "x" * 5000})
    await load_document(store, key)


async def streamed(store: Any, key: str, folder: Path) -> None:
    async def blocks() -> AsyncIterator[bytes]:
        for start in range(0, len(SMALL), 100_000):
            await asyncio.sleep(0)
            yield SMALL[start : start + 100_000]

    await save(store, key, blocks(), content_type="a/b", scratch=folder)


async def moved(store: Any, key: str, _folder: Path) -> None:
    await store.copy(HELD, key)
    await move(store, key, f"{key}-moved")


async def replaced(store: Any, key: str, _folder: Path) -> None:
    etag = (await put(store, key, LARGE[: len(SMALL)])).etag
    await store.replace(key, SMALL, sha256=sha256(SMALL), content_type="a/b", if_match=etag)


ACTS: dict[str, Act] = {
    "put": lambda store, key, _: put(store, key, SMALL),
    "put a large one": lambda store, key, _: put(store, key, LARGE),
    "put many": lambda store, key, _: put_many(
        store, [Upload(f"{key}-{n}", SMALL, sha256(SMALL), "a/b") for n in range(4)], at_once=2
    ),
    "save a stream": streamed,
    "replace": replaced,
    "document": document,
    "read": lambda store, *_: read(store, HELD),
    "read a range": lambda store, *_: read(store, HELD, ByteRange(5, 10_000)),
    "verify": lambda store, *_: store.verify(HELD, sha256=sha256(SMALL), size_bytes=len(SMALL)),
    "download": lambda store, _, folder: download(store, HELD, folder / "file"),
    "download ranges": lambda store, _, folder: download(
        store, LARGE_HELD, folder / "file", ranges=Ranges(4 * MIB, 2)
    ),
    "copy and move": moved,
    "set metadata": lambda store, *_: store.set_metadata(HELD, {"a": "b"}),
    "list": lambda store, *_: keys(store),
    "page": lambda store, *_: store.page(limit=1, directories=True),
    "delete many": lambda store, key, _: store.delete_many([key, f"{key}-2"]),
}


async def is_whole(store: Store, key: str) -> bool:
    """Whether nothing is there, or all of it."""
    try:
        found = await read(store, key)
    except ObjectNotFound:
        return True
    return found in {SMALL, LARGE} or found.startswith(b"\x1f\x8b")


async def at_every_await(store: Store, act: Act, folder: Path) -> int:
    """How often it was cancelled; each time it ended so, and left what it found."""
    for at in count(1):
        cut, before, key = Cut(at), asyncio.all_tasks(), f"new/{at}"
        running: asyncio.Task[None] = asyncio.create_task(cut.run(_begun(act, store, key, folder)))
        await asyncio.wait([running])
        assert running.cancelled() is cut.reached, at
        if not cut.reached:
            running.result()
            return at - 1
        # Of those before some may be over: the loop ends iterators that nobody holds any more.
        assert asyncio.all_tasks() <= before
        assert [*folder.iterdir()] == []
        if isinstance(store, S3Storage):
            session = store._client._endpoint.http_session  # type: ignore[attr-defined]
            assert session._places._value == store._config.max_connections
            assert store._bucket.in_flight.free_bytes == store._config.transfers.in_flight_bytes
            begun = [each async for each in unfinished(store._bucket, store._config.key_prefix)]
            assert begun == []
        assert await is_whole(store, key)
    raise AssertionError


async def _begun(act: Act, store: Store, key: str, folder: Path) -> object:
    return await act(store, key, folder)


@pytest.mark.parametrize("store", ["local", "real_s3"], indirect=True)
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
async def test_whoever_is_cancelled_leaves_nothing(store: Store, act: Act, tmp_path: Path) -> None:
    await put(store, HELD, SMALL)
    await put(store, LARGE_HELD, LARGE)
    folder = tmp_path / "scratch"
    folder.mkdir()

    assert await at_every_await(store, act, folder) > 0
    assert await read(store, HELD) == SMALL
    assert await read(store, LARGE_HELD) == LARGE


async def test_whoever_is_cancelled_while_s3_copies_leaves_no_copy(
    real_s3: S3Storage, tmp_path: Path
) -> None:
    await put(real_s3, LARGE_HELD, LARGE)

    async def copied(store: Any, key: str, _: Path) -> None:
        await copy_object(store._bucket, LARGE_HELD, key, max_single_bytes=5 * MIB)

    folder = tmp_path / "scratch"
    folder.mkdir()
    assert await at_every_await(real_s3, copied, folder) > 3


class Stuck:
    """Holds a store at its first durable step until it is let go."""

    def __init__(self) -> None:
        self.reached, self.let_go = threading.Event(), threading.Event()

    def step(self, _name: str) -> None:
        self.reached.set()
        self.let_go.wait()


CHANGES: dict[str, Act] = {
    "put": ACTS["put"],
    "adopt": lambda store, key, file: store.adopt(
        key, file, sha256=sha256(SMALL), size_bytes=len(SMALL)
    ),
    "replace": lambda store, *_: store.replace(
        HELD, SMALL, sha256=sha256(SMALL), content_type="a/b"
    ),
    "set metadata": ACTS["set metadata"],
    "copy": lambda store, key, _: store.copy(HELD, key),
    "delete": lambda store, *_: store.delete(HELD),
    "delete many": lambda store, *_: store.delete_many([HELD]),
    "restore a version": lambda store, version_id, _: store.restore_version(HELD, version_id),
    "delete a version": lambda store, version_id, _: store.delete_version(HELD, version_id),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_cancelled_change_is_over_when_its_caller_goes_on(
    tmp_path: Path, what: str
) -> None:
    plain, stuck = LocalStorage(tmp_path, versioned=True), Stuck()
    await put(plain, HELD, SMALL)
    [version] = await plain.versions(HELD)
    brought = plain.incoming()
    brought.write_bytes(SMALL)
    store = LocalStorage(tmp_path, versioned=True, step=stuck.step)
    key = version.version_id if "version" in what else "new/key"

    change = asyncio.create_task(_begun(CHANGES[what], store, key, brought))
    await asyncio.to_thread(stuck.reached.wait)
    change.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    still_there = not change.done()
    stuck.let_go.set()
    await asyncio.wait([change])

    assert still_there
    assert change.cancelled()
    brought.unlink(missing_ok=True)
    assert [*brought.parent.iterdir()] == []

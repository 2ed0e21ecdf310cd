"""Local objects that change, are described and have former states: what only files can do."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from autodj.errors import (
    AutodjError,
    IntegrityFault,
    ObjectExists,
    PreconditionFailed,
)
from autodj.storage.base import Described, ObjectStat
from autodj.storage.documents import load_document, save_document
from autodj.storage.local import LocalStorage
from tests.storage.builders import keys, put, read, sha256

KEY = "projects/7/prd/plan.json"
OLD, NEW = b'{"n": 1}', b'{"n": 2, "more": true}'
TOLD = Described({"by": "ana"}, content_encoding="identity")


async def replace(
    store: LocalStorage, body: bytes, key: str = KEY, if_match: str | None = None
) -> ObjectStat:
    return await store.replace(
        key,
        body,
        sha256=sha256(body),
        content_type="application/json",
        if_match=if_match,
        described=Described({"length": str(len(body))}),
    )


def files(root: Path) -> list[str]:
    found = (each for each in root.rglob("*") if each.is_file() and each.name != ".lock")
    return sorted(str(each.relative_to(root)) for each in found)


class Crash(BaseException):
    pass


@pytest.mark.parametrize("versioned", [False, True])
async def test_a_crash_at_any_step_leaves_the_old_or_the_new_document_with_its_description(
    tmp_path: Path, versioned: bool
) -> None:
    seen: set[bytes] = set()
    for stop in range(40):
        root = tmp_path / f"{stop}"
        before = await replace(LocalStorage(root, versioned=versioned), OLD)
        steps = iter(range(1000))

        def crash(_name: str, steps: Any = steps, stop: int = stop) -> None:
            if next(steps) == stop:
                raise Crash

        done = False
        try:
            await replace(
                LocalStorage(root, step=crash, versioned=versioned), NEW, if_match=before.etag
            )
            done = True
        except Crash:
            pass

        store = LocalStorage(root, versioned=versioned)
        found, body = await store.stat(KEY), await read(store, KEY)
        assert body in {OLD, NEW}
        assert found.described.metadata == {"length": str(len(body))}
        assert found.sha256 == sha256(body)
        assert body == NEW or not done
        await store.verify(KEY, sha256=sha256(body), size_bytes=len(body))
        await replace(store, OLD + b" ", if_match=found.etag)
        seen.add(body)
        if done:
            break
    assert done
    assert seen == {OLD, NEW}


async def test_a_replaced_object_leaves_no_trace_where_versions_are_not_kept(
    local: LocalStorage,
) -> None:
    for body in (OLD, NEW, OLD):
        await replace(local, body)

    assert len(files(local.root)) == 2
    await local.delete(KEY)
    assert files(local.root) == []
    assert sorted(each.name for each in local.root.iterdir()) == [".incoming", ".lock"]


async def test_a_description_goes_and_comes_with_its_object(local: LocalStorage) -> None:
    async def stored(described: Described | None) -> ObjectStat:
        return await local.put(
            KEY, OLD, sha256=sha256(OLD), content_type="a/b", described=described
        )

    first = await stored(TOLD)
    assert (first.content_type, first.described, first.sha256) == ("a/b", TOLD, sha256(OLD))
    # The same bytes again change nothing, also not how they are described.
    assert await stored(Described({"by": "eve"})) == first
    assert len(files(local.root)) == 2
    with pytest.raises(ObjectExists):
        await local.put(
            KEY, NEW, sha256=sha256(NEW), content_type="a/b", described=Described({"by": "eve"})
        )
    assert await local.stat(KEY) == first
    assert len(files(local.root)) == 2
    await local.delete(KEY)
    bare = await stored(None)
    assert (bare.content_type, bare.described) == ("application/json", Described())


async def test_a_file_received_in_place_may_be_described(local: LocalStorage) -> None:
    received = local.incoming()
    received.write_bytes(OLD)
    await local.adopt(KEY, received, sha256=sha256(OLD), size_bytes=len(OLD))

    changed = await local.set_metadata(KEY, {"by": "Żółć"})

    assert changed.described.metadata == {"by": "Żółć"}
    assert (changed.content_type, changed.sha256) == ("application/json", sha256(OLD))


async def test_a_file_that_somebody_touched_loses_its_description_but_not_its_bytes(
    local: LocalStorage,
) -> None:
    await replace(local, OLD)
    os.utime(local.path(KEY), (time.time() - 50, time.time() - 50))

    found = await local.stat(KEY)

    assert (found.described, found.sha256, found.content_type) == (
        Described(), None, "application/json",
    )  # fmt: skip
    assert await read(local, KEY) == OLD


@pytest.mark.can_fail_on("local")
async def test_a_description_that_cannot_be_read_is_a_fault(local: LocalStorage) -> None:
    await replace(local, OLD)
    [path] = (local.root / ".described" / "projects/7/prd").iterdir()
    for content in (b"", b"{", b"[]", b'{"sha256": 1}'):
        path.write_bytes(content)
        with pytest.raises(IntegrityFault):
            await local.stat(KEY)


async def test_a_clock_that_goes_back_does_not_repeat_a_state(
    local: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await replace(local, OLD)
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)

    second = await replace(local, NEW, if_match=first.etag)
    third = await replace(local, OLD, if_match=second.etag)

    assert len({first.etag, second.etag, third.etag}) == 3
    assert third.described.metadata == {"length": str(len(OLD))}
    with pytest.raises(PreconditionFailed):
        await replace(local, NEW, if_match=first.etag)


async def test_what_is_put_while_the_same_key_is_deleted_keeps_its_description(
    tmp_path: Path,
) -> None:
    async def put_described(store: LocalStorage, body: bytes) -> ObjectStat:
        return await store.put(
            KEY, body, sha256=sha256(body), content_type="a/b", described=Described({"by": "ana"})
        )

    def put_anew(name: str) -> None:
        if name == "fsync-dir":
            asyncio.run(put_described(LocalStorage(tmp_path), NEW))

    await put_described(LocalStorage(tmp_path), OLD)
    await LocalStorage(tmp_path, step=put_anew).delete(KEY)

    found = await LocalStorage(tmp_path).stat(KEY)
    assert (found.described.metadata, found.sha256) == ({"by": "ana"}, sha256(NEW))


@pytest.mark.parametrize("versioned", [False, True])
async def test_descriptions_that_a_crash_left_are_swept_and_no_others(
    tmp_path: Path, versioned: bool
) -> None:
    store = LocalStorage(tmp_path, versioned=versioned)
    for body in (OLD, NEW):
        await replace(store, body)
    told = await store.stat(KEY)
    whole = files(tmp_path)
    for key in (KEY, "projects/7/prd/gone.json", "alone/gone.json"):
        stray = tmp_path / ".described" / f"{key}@1"
        stray.parent.mkdir(exist_ok=True)
        stray.write_text("{}")

    assert await store.sweep_incoming(3600) == 0
    assert len(files(tmp_path)) == len(whole) + 3
    assert await store.sweep_incoming(-1) == 3
    assert files(tmp_path) == whole
    assert await store.stat(KEY) == told


async def test_the_description_of_a_file_copied_without_its_time_is_kept(
    local: LocalStorage,
) -> None:
    first = await replace(local, OLD)
    path = local.path(KEY)
    os.utime(path, (1, 1))

    assert await local.sweep_incoming(-1) == 0
    stamp_ns = int((first.etag or "").strip('"').partition("-")[0], 16)
    os.utime(path, ns=(stamp_ns, stamp_ns))
    assert await local.stat(KEY) == first


async def test_documents_and_directories_do_not_share_a_name(local: LocalStorage) -> None:
    await replace(local, OLD, "a/b")

    for key in ("a", "a/b/c"):
        with pytest.raises(ObjectExists):
            await replace(local, NEW, key)
    assert await keys(local) == ["a/b"]
    assert len(files(local.root)) == 2


async def test_a_delete_is_never_undone_by_a_conditional_replace(local: LocalStorage) -> None:
    for _ in range(15):
        first = await replace(local, OLD)

        async def replacing(etag: str | None = first.etag) -> bool:
            try:
                await replace(local, NEW, if_match=etag)
            except PreconditionFailed:
                return False
            return True

        await asyncio.gather(replacing(), local.delete(KEY))

        assert await keys(local) == []


RACER = """
    import asyncio, sys, time
    from pathlib import Path
    from autodj.errors import PreconditionFailed
    from autodj.storage.documents import load_document, save_document
    from autodj.storage.local import LocalStorage

    async def main(root, start):
        store = LocalStorage(Path(root), versioned=True)
        time.sleep(max(0, float(start) - time.time()))
        done = 0
        while done < 15:
            found = await load_document(store, "counter.json")
            try:
                await save_document(
                    store, "counter.json", {"n": found.content["n"] + 1},
                    if_match=found.stat.etag,
                )
            except PreconditionFailed:
                continue
            done += 1

    asyncio.run(main(*sys.argv[1:]))
"""


async def test_several_processes_count_up_without_losing_one(tmp_path: Path) -> None:
    store = LocalStorage(tmp_path, versioned=True)
    await save_document(store, "counter.json", {"n": 0})
    start = str(time.time() + 1)
    racers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", textwrap.dedent(RACER), str(tmp_path), start
        )
        for _ in range(3)
    ]
    assert [await racer.wait() for racer in racers] == [0, 0, 0]

    assert (await load_document(store, "counter.json")).content == {"n": 45}
    versions = await store.versions("counter.json")
    assert len(versions) == 46
    assert [each.current for each in versions] == [True] + [False] * 45


async def test_former_states_are_in_no_list_and_under_no_key(tmp_path: Path) -> None:
    store = LocalStorage(tmp_path, versioned=True)
    await replace(store, OLD)
    await replace(store, NEW)

    assert await keys(store) == [KEY]
    assert (await store.page(directories=True)).directories == ["projects/"]
    for key in (".versions/x", f".versions/{KEY}@0"):
        with pytest.raises(AutodjError):
            await store.stat(key)
    await put(store, "other", b"x")
    assert len(await store.versions("other")) == 1


@pytest.mark.parametrize("versioned", [True, False])
async def test_a_folder_of_objects_is_nothing_to_delete(tmp_path: Path, *, versioned: bool) -> None:
    store = LocalStorage(tmp_path, versioned=versioned)
    await put(store, "tracks/one", b"x")

    await store.delete("tracks")
    await store.delete_many(["tracks"])

    assert await keys(store) == ["tracks/one"]


async def test_a_version_that_was_never_described_is_restored_as_its_name_says(
    tmp_path: Path,
) -> None:
    store = LocalStorage(tmp_path, versioned=True)
    bare = await put(store, KEY, OLD)
    await replace(store, NEW)
    _, oldest = await store.versions(KEY)

    restored = await store.restore_version(KEY, oldest.version_id)

    assert restored.content_type == bare.content_type == "application/json"


async def test_a_version_deleted_leaves_nothing_of_itself_after_a_crash(tmp_path: Path) -> None:
    def crash(name: str) -> None:
        if name == "rename" and (tmp_path / ".versions").exists():
            raise Crash

    store = LocalStorage(tmp_path, step=crash, versioned=True)
    await replace(store, OLD)
    with pytest.raises(Crash):
        await replace(store, NEW)  # what is there is kept already, and not yet gone over
    [current] = await store.versions(KEY)
    store = LocalStorage(tmp_path, versioned=True)

    await store.delete_version(KEY, current.version_id)

    assert await store.versions(KEY) == []


async def test_a_strange_file_beside_former_states_is_none(tmp_path: Path) -> None:
    store = LocalStorage(tmp_path, versioned=True)
    await replace(store, OLD)
    await replace(store, NEW)
    for name in ("@x.swp", "@", "@12~"):
        (tmp_path / ".versions" / f"{KEY}{name}").write_bytes(b"")

    assert len(await store.versions(KEY)) == 2

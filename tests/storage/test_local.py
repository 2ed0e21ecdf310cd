"""The store in a directory: what only files can do, and what only disks can refuse."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autodj.errors import (
    AutodjError,
    DiskFull,
    IntegrityFault,
    InvalidRequest,
    ObjectExists,
    ObjectNotFound,
    StoreDenied,
    StoreError,
    Unavailable,
)
from autodj.storage.disk import disk_errors
from autodj.storage.local import LocalStorage
from autodj.storage.local_listing import Listing
from tests.storage.builders import KEY, keys, patterned, put, read, sha256

BODY = patterned(1_000_000)


def files_below(root: Path) -> list[Path]:
    return [each for each in root.rglob("*") if not each.is_dir()]


async def test_a_file_received_in_place_is_adopted_without_a_copy(local: LocalStorage) -> None:
    received = local.incoming()
    received.write_bytes(BODY)
    inode = received.stat().st_ino

    stored = await local.adopt(KEY, received, sha256=sha256(BODY), size_bytes=len(BODY))

    assert stored == await local.stat(KEY)
    assert local.path(KEY).stat().st_ino == inode
    assert await read(local, KEY) == BODY
    assert files_below(local.root) == [local.path(KEY)]


@pytest.mark.parametrize(
    ("hash_of", "size_bytes", "expected"),
    [(b"others", len(BODY), IntegrityFault), (BODY, len(BODY) - 1, IntegrityFault)],
)
@pytest.mark.can_fail_on("local")
async def test_adopting_other_bytes_than_named_is_refused_and_leaves_nothing(
    local: LocalStorage, hash_of: bytes, size_bytes: int, expected: type[AutodjError]
) -> None:
    received = local.incoming()
    received.write_bytes(BODY)

    with pytest.raises(expected):
        await local.adopt(KEY, received, sha256=sha256(hash_of), size_bytes=size_bytes)

    assert files_below(local.root) == []


async def test_adopting_under_a_taken_key_compares_the_bytes(local: LocalStorage) -> None:
    await put(local, KEY, BODY)
    for body, refused in ((BODY, False), (BODY[::-1], True)):
        received = local.incoming()
        received.write_bytes(body)
        adopting = local.adopt(KEY, received, sha256=sha256(body), size_bytes=len(body))
        if refused:
            with pytest.raises(ObjectExists):
                await adopting
        else:
            await adopting

    assert files_below(local.root) == [local.path(KEY)]
    assert await read(local, KEY) == BODY


async def test_only_files_in_incoming_can_be_adopted(local: LocalStorage, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(BODY)

    with pytest.raises(ValueError, match="incoming"):
        await local.adopt(KEY, elsewhere, sha256=sha256(BODY), size_bytes=len(BODY))

    assert elsewhere.read_bytes() == BODY


async def test_objects_are_opened_for_reading_only_and_not_inherited(local: LocalStorage) -> None:
    await put(local, KEY, BODY)
    fd = local.open_fd(KEY)
    try:
        assert os.pread(fd, 10, 500) == BODY[500:510]
        assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
        await local.delete(KEY)
        assert os.pread(fd, 10, 500) == BODY[500:510]  # a reader keeps what it opened
    finally:
        os.close(fd)
    with pytest.raises(ObjectNotFound):
        local.open_fd(KEY)


@pytest.mark.parametrize("target", ["file", "directory", "missing"])
async def test_a_symbolic_link_is_not_an_object(
    local: LocalStorage, tmp_path: Path, target: str
) -> None:
    (tmp_path / "file").write_bytes(b"secret")
    (tmp_path / "directory").mkdir()
    local.incoming()
    (local.root / "planted").symlink_to(tmp_path / target)

    for asking in (
        local.stat("planted"),
        local.read("planted").__aenter__(),
        local.verify("planted", sha256=sha256(b"secret"), size_bytes=6),
    ):
        with pytest.raises(ObjectNotFound):
            await asking
    with pytest.raises(ObjectNotFound):
        local.open_fd("planted")
    with pytest.raises((ObjectExists, StoreError)):
        await put(local, "planted", b"secret")
    assert await keys(local) == []


async def test_an_object_and_a_directory_do_not_share_a_name(local: LocalStorage) -> None:
    await put(local, "a/b", BODY)

    for key in ("a", "a/b/c", "a/b/c/d"):
        with pytest.raises(ObjectExists):
            await put(local, key, BODY)
        with pytest.raises(ObjectNotFound):
            await local.stat(key)
        with pytest.raises(ObjectNotFound):
            local.open_fd(key)
        await local.delete(key)

    assert await keys(local) == ["a/b"]
    assert files_below(local.root) == [local.path("a/b")]


async def test_deleting_the_last_object_takes_its_empty_directories_along(
    local: LocalStorage,
) -> None:
    await put(local, "tracks/one/a", BODY)
    await put(local, "tracks/two/a", BODY)

    await local.delete("tracks/one/a")
    assert sorted(each.name for each in (local.root / "tracks").iterdir()) == ["two"]
    await local.delete("tracks/two/a")
    assert sorted(each.name for each in local.root.iterdir()) == [".incoming"]


@pytest.mark.can_fail_on("local")
async def test_a_file_that_shrinks_under_a_reader_is_a_fault(local: LocalStorage) -> None:
    await put(local, KEY, BODY)

    async with local.read(KEY) as blocks:
        stream = aiter(blocks)
        await anext(stream)
        os.truncate(local.path(KEY), 10)
        with pytest.raises(IntegrityFault):
            await anext(stream)


async def test_only_old_temporary_files_are_swept(local: LocalStorage) -> None:
    old, fresh = local.incoming(), local.incoming()
    for each in (old, fresh):
        each.write_bytes(b"x")
    os.utime(old, (time.time() - 7200, time.time() - 7200))

    assert await local.sweep_incoming(3600) == 1
    assert files_below(local.root) == [fresh]
    assert await local.sweep_incoming(3600) == 0


async def test_more_than_a_page_of_objects_is_listed_once_each(local: LocalStorage) -> None:
    wanted = [f"tracks/many/{n:04}" for n in range(1005)]
    (local.root / "tracks/many").mkdir(parents=True)
    for key in wanted:
        local.path(key).touch()
    local.incoming().touch()
    (local.root / "NOT-A-KEY").touch()

    assert await keys(local) == wanted


def test_a_page_of_objects_that_have_gone_is_not_the_end_of_the_list(
    local: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autodj.storage.local_files.MAX_PAGE_OBJECTS", 2)
    (local.root / "tracks").mkdir(parents=True)
    local.path("tracks/there").touch()
    seen = iter([f"tracks/gone-{n}" for n in range(3)] + ["tracks/there"])
    assert [found.key for found in local._page(seen)] == ["tracks/there"]
    assert local._page(seen) == []


def test_a_missing_root_lists_nothing(tmp_path: Path) -> None:
    assert list(Listing(tmp_path / "none").keys()) == []


segments = st.text(st.sampled_from("ab0.-_"), min_size=1, max_size=3).filter(
    lambda segment: not segment.startswith(".") and ".." not in segment
)
names = st.lists(st.lists(segments, min_size=1, max_size=3).map("/".join), max_size=12)


@given(names, st.text(st.sampled_from("ab0.-_/"), max_size=3))
@example(["a", "ab"], "ab")
@example(["a", "a-/b", "a/b", "ab"], "a/")
@settings(max_examples=100, deadline=None)
def test_any_list_is_what_sorting_and_filtering_would_give(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[str], prefix: str
) -> None:
    root = tmp_path_factory.mktemp("listed")
    made = set()
    for name in wanted:
        path = root / name
        if not any((root / other).is_file() for other in parents_of(name)) and not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            made.add(name)

    expected = sorted(n for n in made if n.startswith(prefix))
    assert list(Listing(root).keys(prefix)) == expected
    for after in {*made, prefix, "", "a/", "b0"}:
        assert list(Listing(root).keys(prefix, after)) == [n for n in expected if n > after]


def parents_of(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EFBIG, DiskFull),
        (errno.EACCES, StoreDenied),
        (errno.EROFS, StoreDenied),
        (errno.EMFILE, Unavailable),
        (errno.EIO, StoreError),
    ],
)
@pytest.mark.can_fail_on("local")
async def test_a_step_that_fails_has_its_error_and_leaves_nothing(
    tmp_path: Path, step: str, number: int, expected: type[AutodjError]
) -> None:
    def fail(name: str) -> None:
        if name == step:
            raise OSError(number, os.strerror(number))

    store = LocalStorage(tmp_path / "objects", step=fail)
    with pytest.raises(AutodjError) as caught:
        await put(store, KEY, BODY)

    assert type(caught.value) is expected
    assert isinstance(caught.value.__cause__, OSError)
    assert files_below(store.root) == []


def test_other_exceptions_pass_the_translation() -> None:
    with pytest.raises(InvalidRequest), disk_errors("x"):
        raise InvalidRequest


IN_A_CHILD = """
    import asyncio, json, os, resource, sys
    from pathlib import Path
    from autodj.errors import AutodjError
    from autodj.storage.local import LocalStorage
    from tests.storage.builders import KEY, put, sha256

    async def main(root, before):
        await asyncio.to_thread(exec, before, globals())
        store = LocalStorage(Path(root))
        try:
            await put(store, KEY, b"x" * 1_000_000)
        except AutodjError as error:
            failed = error.code
            try:
                await put(store, KEY + ".small", b"x" * 1000)
            except AutodjError as error:
                return [failed, error.code]
            return [failed, "stored"]

    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
"""


def in_a_child(root: Path, before: str) -> object:
    code = textwrap.dedent(IN_A_CHILD)
    ran = subprocess.run(
        [sys.executable, "-c", code, root, before], capture_output=True, check=False, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_a_full_disk_is_said_so_and_smaller_things_still_fit(tmp_path: Path) -> None:
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"

    assert in_a_child(tmp_path / "objects", limit) == ["disk_full", "stored"]
    assert files_below(tmp_path / "objects") == [tmp_path / "objects" / f"{KEY}.small"]


def test_a_directory_of_somebody_else_is_denied() -> None:
    stranger = "os.setuid(65534) if os.getuid() == 0 else None"
    with TemporaryDirectory() as reachable:
        root = Path(reachable) / "objects"
        root.mkdir(mode=0o555)
        root.parent.chmod(0o755)  # a test runner keeps its own directories to itself

        assert in_a_child(root, stranger) == ["store_denied", "store_denied"]
        assert list(root.iterdir()) == []


RACER = """
    import asyncio, sys, time
    from pathlib import Path
    from autodj.errors import ObjectExists
    from autodj.storage.local import LocalStorage
    from tests.storage.builders import put

    async def main(root, name, start):
        store = LocalStorage(Path(root))
        time.sleep(max(0, float(start) - time.time()))
        for n in range(40):
            try:
                await put(store, f"race/{n}", name.encode() * 100_000)
                print(n)
            except ObjectExists:
                pass

    asyncio.run(main(*sys.argv[1:]))
"""


async def test_of_several_processes_exactly_one_wins_each_key(local: LocalStorage) -> None:
    start = str(time.time() + 1.5)
    racers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", textwrap.dedent(RACER), local.root, name, start,
            stdout=asyncio.subprocess.PIPE,
        )
        for name in "abc"
    ]  # fmt: skip
    won = [(await racer.communicate())[0].split() for racer in racers]

    assert sorted(int(n) for each in won for n in each) == list(range(40))
    for name, each in zip("abc", won, strict=True):
        for n in each:
            assert await read(local, f"race/{int(n)}") == name.encode() * 100_000
    assert len(files_below(local.root)) == 40

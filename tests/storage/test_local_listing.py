"""Pages of large folders: read once while nothing changes, never told from what was."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from autodj.storage import local_folders
from autodj.storage.local import LocalStorage
from autodj.storage.local_folders import Folders
from tests.storage.builders import put

# More than the time in which file systems count: it has passed when a folder is read again.
SETTLED_S = 0.05


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_folders, "LARGE_NAMES", 2)
    monkeypatch.setattr(local_folders, "SETTLED_NS", SETTLED_S * 10**9)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each folder was read."""
    found: Counter[str] = Counter()
    scandir = os.scandir

    def counted(path: Any) -> Any:
        found[Path(path).name] += 1
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    return found


async def filled(store: LocalStorage, count: int) -> list[str]:
    wanted = [f"tracks/{n:03}" for n in range(count)]
    (store.root / "tracks").mkdir(parents=True)
    for key in wanted:
        store.path(key).touch()
    await asyncio.sleep(2 * SETTLED_S)
    return wanted


async def test_all_pages_of_a_folder_read_it_once(local: LocalStorage, reads: Counter[str]) -> None:
    wanted = await filled(local, 30)

    found, cursor = [], None
    while True:
        page = await local.page("tracks/", limit=3, cursor=cursor)
        found += [each.key for each in page.objects]
        if (cursor := page.cursor) is None:
            break

    assert found == wanted
    assert reads["tracks"] == 1


async def test_a_page_shows_what_was_written_since_the_page_before(local: LocalStorage) -> None:
    await filled(local, 9)
    first = await local.page("tracks/", limit=3)

    await put(local, "tracks/004-new", b"x")
    await local.delete("tracks/005")
    local.path("tracks/006").rename(local.path("tracks/zzz"))
    rest = await local.page("tracks/", cursor=first.cursor)

    assert [each.key for each in first.objects] == ["tracks/000", "tracks/001", "tracks/002"]
    assert [each.key[7:] for each in rest.objects] == ["003", "004", "004-new", "007", "008", "zzz"]


async def test_a_folder_in_the_place_of_another_is_another(local: LocalStorage) -> None:
    await filled(local, 9)
    await local.page("tracks/", limit=1)
    (local.root / "tracks").rename(local.root / "former")
    assert (await local.page("tracks/")).objects == []
    await put(local, "tracks/1", b"x")
    assert [each.key for each in (await local.page("tracks/")).objects] == ["tracks/1"]


def test_a_change_that_the_time_of_the_folder_does_not_show_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tracks"
    folder.mkdir()
    for name in "abc":
        (folder / name).touch()
    coarse = folder.stat()
    monkeypatch.setattr(Path, "stat", lambda _: coarse)
    monkeypatch.setattr(time, "time_ns", lambda: coarse.st_ctime_ns + 1)
    folders = Folders(tmp_path)
    assert folders.names("tracks") == ["a", "b", "c"]
    (folder / "d").touch()
    assert folders.names("tracks") == ["a", "b", "c", "d"]


async def test_no_more_folders_are_remembered_than_a_few(
    tmp_path: Path, reads: Counter[str]
) -> None:
    many = [f"f{n}" for n in range(local_folders.MOST_REMEMBERED + 1)]
    for each in many:
        for name in "ab":
            (tmp_path / each).mkdir(exist_ok=True)
            (tmp_path / each / name).touch()
    await asyncio.sleep(2 * SETTLED_S)
    folders = Folders(tmp_path)
    for each in [*many, many[-1], many[0]]:
        assert folders.names(each) == ["a", "b"]
    assert (reads[many[-1]], reads[many[0]]) == (1, 2)


@pytest.mark.parametrize(
    "prefix", ["../", "/etc/", "a\0/", "\ud800/", f"{'a' * 5000}/", ".incoming/", "a//", "A/"]
)
async def test_nothing_lies_where_no_key_can(local: LocalStorage, prefix: str) -> None:
    local.incoming().touch()
    for directories in (True, False):
        page = await local.page(prefix, directories=directories)
        assert (page.objects, page.directories, page.cursor) == ([], [], None)

"""The edge's disk: bounded, found again after a restart, and never a damaged byte."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodj.errors import CommandError
from autodj.laptop.edge.cache import HASH_BYTES, DiskCache
from autodj.laptop.edge.head import BLOCK_BYTES
from tests.laptop.edges import PATH, Object, Shelf, edge_client

A, B, C = ("a" * 40, "b" * 40, "c" * 40)
DATA = bytes(range(256)) * 9000  # five blocks, the last one short
SIZE = len(DATA)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/*") if path.is_file())


def test_what_is_kept_is_found_and_counted(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 1000)
    cache.keep(A, "head", b"one")
    cache.keep(A, "v-0", b"two")
    cache.keep(A, "head", b"three")
    assert cache.find(A, "head") == b"three"
    assert cache.find(A, "v-0") == b"two"
    assert cache.find(B, "head") is None
    assert cache.held_bytes == sum(path.stat().st_size for path in files(tmp_path))


def test_the_least_recently_used_goes_first_also_after_a_restart(tmp_path: Path) -> None:
    room_for_three = 3 * (HASH_BYTES + 1)
    cache = DiskCache(tmp_path, room_for_three)
    for owner in (A, B, C):
        cache.keep(owner, "head", b"x")
        os.utime(tmp_path / owner[:2] / f"{owner}.head", ns=(1, ord(owner[0])))
    assert cache.find(A, "head") == b"x"
    again = DiskCache(tmp_path, room_for_three)
    again.keep(A, "v-0", b"y")
    found = [again.holds(A, "head"), again.holds(B, "head"), again.holds(C, "head")]
    assert found == [True, False, True]
    assert again.held_bytes <= room_for_three
    assert len(files(tmp_path)) == 3


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 2 * (HASH_BYTES + 1))
    for owner in (A, B):
        cache.keep(owner, "head", b"x")
    cache.find(A, "head")
    cache.keep(C, "head", b"x")
    assert [cache.holds(owner, "head") for owner in (A, B, C)] == [True, False, True]


def test_a_disk_that_is_nearly_full_is_left_to_others(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10_000, min_free_bytes=2**62)
    cache.keep(A, "head", b"x")
    assert (cache.holds(A, "head"), files(tmp_path)) == (False, [])


def test_a_smaller_cache_over_a_full_folder_lets_go(tmp_path: Path) -> None:
    DiskCache(tmp_path, 10_000).keep(A, "head", b"x" * 5000)
    assert not DiskCache(tmp_path, 1000).holds(A, "head")
    assert files(tmp_path) == []


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def flip(file: Path) -> None:
    stored = bytearray(file.read_bytes())
    stored[-1] ^= 1
    file.write_bytes(stored)


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, flip, empty, Path.unlink])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_damaged_part_is_a_part_that_is_not_there(
    tmp_path: Path, damage: Callable[[Path], None], restarted: bool
) -> None:
    cache = DiskCache(tmp_path, 10_000)
    cache.keep(A, "head", b"x" * 100)
    [file] = files(tmp_path)
    damage(file)
    if restarted:
        cache = DiskCache(tmp_path, 10_000)
    assert cache.find(A, "head") is None
    assert (cache.holds(A, "head"), cache.held_bytes, files(tmp_path)) == (False, 0, [])


def test_bytes_under_another_name_are_not_taken(tmp_path: Path) -> None:
    DiskCache(tmp_path, 10_000).keep(A, "v-0", b"x" * 100)
    [file] = files(tmp_path)
    file.rename(file.with_name(f"{A}.v-1"))
    assert DiskCache(tmp_path, 10_000).find(A, "v-1") is None


def test_half_written_files_are_swept_and_strange_ones_left_alone(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10_000)
    cache.keep(A, "head", b"x")
    (tmp_path / "aa" / "7.unfinished").write_bytes(b"half")
    (tmp_path / "aa" / "mine.txt").write_text("mine")
    again = DiskCache(tmp_path, 10_000)
    assert [path.name for path in files(tmp_path)] == [f"{A}.head", "mine.txt"]
    assert again.held_bytes == HASH_BYTES + 1


def test_a_disk_that_takes_nothing_only_keeps_nothing(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10_000)
    (tmp_path / A[:2]).write_text("in the way")
    cache.keep(A, "head", b"x")
    assert cache.find(A, "head") is None
    assert cache.held_bytes == 0


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CommandError, match="file"):
        DiskCache(tmp_path / "file", 1000)


def test_forgetting_takes_every_part_of_one_owner(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10_000)
    for owner in (A, B):
        for part in ("head", "v-0", "v-1"):
            cache.keep(owner, part, b"x")
    assert cache.owners_of("head") == [A, B]
    assert cache.forget(A) == 3
    assert [cache.holds(A, "v-0"), cache.holds(B, "v-0")] == [False, True]
    assert len(files(tmp_path)) == 3


FILL = """
import sys
from pathlib import Path
from autodj.laptop.edge.cache import DiskCache

cache = DiskCache(Path(sys.argv[1]), 3_000_000)
serial = 0
while True:
    owner = f"{serial % 30:040x}"
    cache.keep(owner, "v-0", owner.encode() * 5000)
    serial += 1
    if serial % 10 == 0:
        print(serial, flush=True)
"""


def test_a_killed_edge_leaves_nothing_that_is_wrong(tmp_path: Path) -> None:
    for lines in (1, 4, 5, 7):
        command = [sys.executable, "-c", FILL, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(lines):
                assert process.stdout.readline()
            process.kill()
        cache = DiskCache(tmp_path, 3_000_000)
        found = [cache.find(f"{serial:040x}", "v-0") for serial in range(30)]
        whole = [f"{serial:040x}".encode() * 5000 for serial in range(30)]
        assert all(got in {None, kept} for got, kept in zip(found, whole, strict=True))
        assert any(found)
        assert cache.held_bytes == sum(path.stat().st_size for path in files(tmp_path))


PLACES = st.integers(0, SIZE - 1) | st.sampled_from(
    [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 4 * BLOCK_BYTES, SIZE - 1]
)
WISHES = st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None)
@given(
    wishes=WISHES,
    cache_bytes=st.sampled_from([0, 2000, BLOCK_BYTES + 2000, 3 * BLOCK_BYTES, 10_000_000]),
    restart_after=st.integers(0, 5),
    together=st.booleans(),
)
async def test_any_ranges_through_any_cache_are_the_bytes_of_the_object(
    tmp_path_factory: pytest.TempPathFactory,
    wishes: list[tuple[int, int]],
    cache_bytes: int,
    restart_after: int,
    together: bool,
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    shelf = Shelf({PATH: Object(DATA)})
    client = edge_client(folder, shelf=shelf, cache_bytes=cache_bytes)
    ranges = [(min(pair), max(pair) + 1) for pair in wishes]
    if together:
        answers = await asyncio.gather(*(client.part(*each) for each in ranges))
        assert [each.body for each in answers] == [DATA[start:stop] for start, stop in ranges]
    for count, (start, stop) in enumerate(ranges):
        if count == restart_after:
            client = edge_client(folder, shelf=shelf, cache_bytes=cache_bytes)
        before = len(shelf.asked)
        answer = await client.part(start, stop)
        assert answer.status == 206
        assert answer.body == DATA[start:stop]
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
        assert (answer.x_cache == "Hit") == (len(shelf.asked) == before)
        assert client.cache.held_bytes <= cache_bytes
    held = sum(path.stat().st_size for path in files(folder))
    assert held == client.cache.held_bytes <= cache_bytes

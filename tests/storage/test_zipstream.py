"""Archives made while they are sent, judged by the standard library's reader."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.errors import IntegrityFault, ObjectNotFound
from autodj.storage import zipstream
from autodj.storage.base import ByteRange, Storage
from autodj.storage.local import LocalStorage
from autodj.storage.zipnames import MAX_NAME_BYTES, free_name, safe_name
from autodj.storage.zipstream import Member, length_bytes, members, zip_stream
from tests.storage.builders import patterned, put

NOON = datetime(2026, 11, 21, 12, 30, 42, tzinfo=UTC)
BODIES = {"tracks/a": patterned(70_001), "tracks/b": b"", "tracks/c": b"c" * 10}
NAMES = {"tracks/a": "Ärger im Club.mp3", "tracks/b": "empty", "tracks/c": "sets/one/c.wav"}


async def archive(store: Storage, parts: list[Member]) -> bytes:
    return b"".join([block async for block in zip_stream(store, parts)])


async def stored(store: Storage) -> list[Member]:
    named = []
    for key, body in BODIES.items():
        await put(store, key, body)
        named.append((key, NAMES[key], len(body), NOON))
    return members(named)


async def test_an_archive_is_read_by_others_and_is_as_long_as_announced(store: Storage) -> None:
    parts = await stored(store)
    made = await archive(store, parts)

    assert len(made) == length_bytes(parts)
    with zipfile.ZipFile(io.BytesIO(made)) as read:
        assert read.testzip() is None
        assert {name: read.read(name) for name in read.namelist()} == {
            NAMES[key]: body for key, body in BODIES.items()
        }
        info = read.infolist()[0]
    assert info.date_time == (2026, 11, 21, 12, 30, 42)
    assert info.external_attr >> 16 == 0o100644
    assert info.compress_type == zipfile.ZIP_STORED


async def test_an_archive_of_nothing_is_an_archive(local: LocalStorage) -> None:
    made = await archive(local, [])
    assert zipfile.ZipFile(io.BytesIO(made)).namelist() == []
    assert len(made) == length_bytes([])


async def test_beyond_the_limits_of_zip_the_wide_fields_are_used(
    local: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real limits need 4 GiB; with lower ones every wide field is written and read all the same.
    monkeypatch.setattr(zipstream, "MANY", 2)
    parts = await stored(local)
    made = await archive(local, parts)

    assert made.count(b"PK\6\6") == made.count(b"PK\6\7") == 1
    assert len(made) == length_bytes(parts)
    with zipfile.ZipFile(io.BytesIO(made)) as read:
        assert read.testzip() is None
        assert len(read.namelist()) == 3


class Repeating(LocalStorage):
    """Five GiB under every key, without a disk that holds them."""

    BLOCK = bytes(2**20)

    @asynccontextmanager
    async def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        async def blocks() -> AsyncIterator[bytes]:
            for _ in range(5 * 1024):
                yield self.BLOCK

        yield blocks()


async def test_a_member_of_more_than_4_gib_and_one_behind_it_are_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zlib, "crc32", lambda _block, _crc: 0)  # of zeros, in no time
    size = 5 * 1024**3
    parts = members([("tracks/a", "a", size, NOON), ("tracks/b", "b", size, NOON)])
    sparse, position = tmp_path / "sparse.zip", 0
    with sparse.open("wb") as file:
        async for block in zip_stream(Repeating(tmp_path), parts):
            position += len(block)
            if block is not Repeating.BLOCK:
                file.seek(position - len(block))
                file.write(block)

    assert position == length_bytes(parts) == sparse.stat().st_size
    with zipfile.ZipFile(sparse) as read:
        a, b = read.infolist()
        assert (a.file_size, b.file_size) == (size, size)
        assert b.header_offset > size
        with read.open(b) as member:
            assert member.read(10) == bytes(10)


@pytest.mark.parametrize("announced", [9, 11])
@pytest.mark.can_fail_on("local")
async def test_an_object_of_another_size_ends_the_stream_before_it_is_whole(
    local: LocalStorage, announced: int
) -> None:
    await put(local, "tracks/c", b"c" * 10)
    sent = io.BytesIO()

    async def send() -> None:
        async for block in zip_stream(local, [Member("tracks/c", "c", announced, NOON)]):
            sent.write(block)

    with pytest.raises(IntegrityFault):
        await send()
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(sent)


async def test_a_missing_object_ends_the_stream(local: LocalStorage) -> None:
    with pytest.raises(ObjectNotFound):
        await archive(local, [Member("tracks/none", "none", 1, NOON)])


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("song.mp3", "song.mp3"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Windows\\x", "C_/Windows/x"),
        ("a/./b//c", "a/b/c"),
        ("a\x00\nb", "a_b"),
        ("what? <is> this*", "what_ _is_ this_"),
        ("con.mp3", "_con.mp3"),
        ("trailing. . ", "trailing"),
        ("", "file"),
        ("..", "file"),
        ("e\u0301", "\u00e9"),
        ("x" * 300 + ".flac", "x" * 195 + ".flac"),
        ("\u00e4" * 150, "\u00e4" * 100),
        ("half\udcff.mp3", "half_.mp3"),
        ("song\u202e3pm.exe", "song_3pm.exe"),
        ("a\x85b\u2028c", "a_b_c"),
        ("x" * 199 + ". and so on, without end", "x" * 199),
        ("deep/" * 20_000 + "a.mp3", "deep/" * 31 + "a.mp3"),
    ],
)
def test_names_become_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text(st.characters(), max_size=400))
def test_no_name_leads_out_of_the_folder_it_is_unpacked_in(name: str) -> None:
    safe = safe_name(name)

    parts = safe.split("/")
    assert all(part and part not in {".", ".."} for part in parts)
    assert all(len(part.encode()) <= MAX_NAME_BYTES for part in parts)
    assert not {*safe} & {*'\\:*?"<>|\x00\n\r'}
    assert safe.encode()


def test_the_same_name_twice_is_told_apart_whatever_its_case() -> None:
    named = [("k1", "a.mp3", 1, NOON), ("k2", "A.mp3", 1, NOON), ("k3", "a.mp3", 1, NOON)]

    assert [each.name for each in members(named)] == ["a.mp3", "A (2).mp3", "a (3).mp3"]


@given(st.lists(st.sampled_from(["a", "A", "a (2)", "a (3)", "a (4)", "a (9)"]), max_size=40))
def test_no_two_names_are_the_same(names: list[str]) -> None:
    made = [each.name for each in members((name, name, 1, NOON) for name in names)]

    assert len({name.casefold() for name in made}) == len(names)


def test_many_of_one_name_are_numbered_without_counting_them_through() -> None:
    class Asked(set[str]):
        times = 0

        def __contains__(self, name: object) -> bool:
            self.times += 1
            return super().__contains__(name)

    taken = Asked(["a.mp3", *(f"a ({number}).mp3" for number in range(2, 50_000))])

    assert free_name("A.mp3", taken) == "A (50000).mp3"
    assert taken.times < 50


@pytest.mark.parametrize("year", [1970, 1980, 2107, 2200])
async def test_times_that_zip_cannot_hold_are_the_earliest(local: LocalStorage, year: int) -> None:
    await put(local, "tracks/c", b"c")
    when = datetime(year, 6, 1, tzinfo=UTC)
    made = await archive(local, [Member("tracks/c", "c", 1, when)])

    [info] = zipfile.ZipFile(io.BytesIO(made)).infolist()
    assert info.date_time[0] == (year if 1980 <= year <= 2107 else 1980)

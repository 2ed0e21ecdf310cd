"""What every store promises, tried on a directory, on moto and on a real S3 server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autodj.errors import (
    AutodjError,
    IntegrityFault,
    InvalidRequest,
    ObjectExists,
    ObjectNotFound,
    RangeNotSatisfiable,
    TooLarge,
)
from autodj.storage.base import ByteRange, Described, Storage
from autodj.storage.s3 import writing
from autodj.storage.whole import exists, load, move, save
from tests.storage.builders import KEY, keys, patterned, put, read, sha256

BODY = patterned(100_000)


async def test_what_was_put_is_read_back_and_described(store: Storage) -> None:
    stored = await put(store, KEY, BODY)

    assert await read(store, KEY) == BODY
    found = await store.stat(KEY)
    assert stored == replace(found, modified_at=stored.modified_at)
    assert abs(stored.modified_at - found.modified_at) <= timedelta(seconds=2)
    assert (stored.key, stored.size_bytes) == (KEY, len(BODY))
    assert stored.sha256 in {None, sha256(BODY)}
    assert abs(stored.modified_at - datetime.now(UTC)) < timedelta(minutes=5)


async def test_an_empty_object_is_an_object(store: Storage) -> None:
    assert (await put(store, KEY, b"")).size_bytes == 0
    assert await read(store, KEY) == b""


async def test_a_body_of_12_mb_from_a_file_arrives_whole(store: Storage, tmp_path: Path) -> None:
    body = patterned(12_000_000)
    source = tmp_path / "a name that must not travel.mp3"
    source.write_bytes(body)

    await put(store, KEY, body, source)

    assert sha256(await read(store, KEY)) == sha256(body)
    assert source.read_bytes() == body


async def test_the_same_bytes_twice_are_one_object(store: Storage) -> None:
    first = await put(store, KEY, BODY)

    assert await put(store, KEY, BODY) == first
    assert await keys(store) == [KEY]


async def test_other_bytes_under_a_known_key_are_refused(store: Storage) -> None:
    await put(store, KEY, BODY)

    for other in (BODY[:-1], BODY[:-1] + b"?"):
        with pytest.raises(ObjectExists):
            await put(store, KEY, other)

    assert await read(store, KEY) == BODY


@pytest.mark.can_fail_on("local", "real_s3")
async def test_bytes_that_do_not_match_their_hash_are_a_fault(store: Storage) -> None:
    with pytest.raises(IntegrityFault):
        await store.put(KEY, BODY, sha256=sha256(b"others"), content_type="audio/mpeg")


@pytest.mark.parametrize("store", ["local", "real_s3"], indirect=True)
@pytest.mark.can_fail_on("local", "real_s3")
async def test_bytes_that_do_not_match_their_hash_leave_nothing(store: Storage) -> None:
    # moto stores them, so it could not fail this.
    with pytest.raises(IntegrityFault):
        await store.put(KEY, BODY, sha256=sha256(b"others"), content_type="audio/mpeg")

    assert await keys(store) == []
    with pytest.raises(ObjectNotFound):
        await store.stat(KEY)


async def test_of_many_different_puts_of_one_key_exactly_one_wins(store: Storage) -> None:
    bodies = [bytes([n]) * 200_000 for n in range(8)]

    answers = await asyncio.gather(
        *(put(store, KEY, body) for body in bodies), return_exceptions=True
    )

    winners = [
        body for body, got in zip(bodies, answers, strict=True) if not isinstance(got, ObjectExists)
    ]
    assert len(winners) == 1
    assert await read(store, KEY) == winners[0]
    assert await keys(store) == [KEY]


async def test_many_puts_of_the_same_bytes_all_succeed(store: Storage) -> None:
    stored = await asyncio.gather(*(put(store, KEY, BODY) for _ in range(8)))

    assert len({found.modified_at for found in stored}) == 1
    assert await read(store, KEY) == BODY


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 1), (0, 100_000), (99_999, 100_000), (65_535, 65_537), (1, 99_999), (50_000, 50_001)],
)
async def test_a_range_is_exactly_its_bytes(store: Storage, start: int, stop: int) -> None:
    await put(store, KEY, BODY)

    assert await read(store, KEY, ByteRange(start, stop)) == BODY[start:stop]


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 100_001), (99_999, 100_001), (100_000, 100_001), (5, 5), (6, 5), (-1, 5)],
)
async def test_a_range_outside_the_object_is_refused_on_entry(
    store: Storage, start: int, stop: int
) -> None:
    await put(store, KEY, BODY)

    with pytest.raises(RangeNotSatisfiable):
        await store.read(KEY, ByteRange(start, stop)).__aenter__()


async def test_a_reader_may_stop_early(store: Storage) -> None:
    body = patterned(3_000_000)
    await put(store, KEY, body)

    for _ in range(40):
        async with store.read(KEY) as blocks:
            first = await anext(aiter(blocks))
            assert body.startswith(first)

    assert await read(store, KEY) == body


async def test_what_is_not_there_is_not_found(store: Storage) -> None:
    for asking in (
        store.stat(KEY),
        store.verify(KEY, sha256=sha256(BODY), size_bytes=len(BODY)),
        store.read(KEY).__aenter__(),
        store.read(KEY, ByteRange(0, 1)).__aenter__(),
    ):
        with pytest.raises(ObjectNotFound):
            await asking


@pytest.mark.can_fail_on("local", "real_s3")
async def test_verify_accepts_the_recorded_bytes_only(store: Storage) -> None:
    await put(store, KEY, BODY)

    found = await store.verify(KEY, sha256=sha256(BODY), size_bytes=len(BODY))

    assert found.size_bytes == len(BODY)
    for hash_, size_bytes in ((sha256(b""), len(BODY)), (sha256(BODY), len(BODY) + 1)):
        with pytest.raises(IntegrityFault):
            await store.verify(KEY, sha256=hash_, size_bytes=size_bytes)


async def test_deleting_twice_is_success_and_the_key_is_free_again(store: Storage) -> None:
    await put(store, KEY, BODY)
    await put(store, f"{KEY}.other", b"stays")

    await store.delete(KEY)
    await store.delete(KEY)

    assert await keys(store) == [f"{KEY}.other"]
    await put(store, KEY, b"others now")
    assert await read(store, KEY) == b"others now"


async def test_a_list_is_in_key_order_and_by_prefix(store: Storage) -> None:
    names = ["tracks/b/2", "analysis/a", "tracks/b/1", "tracks/a/1", "covers/c", "tracks/ab/1"]
    for name in names:
        await put(store, name, name.encode())

    assert await keys(store) == sorted(names)
    assert await keys(store, "tracks/a") == ["tracks/a/1", "tracks/ab/1"]
    assert await keys(store, "tracks/a/") == ["tracks/a/1"]
    assert await keys(store, "tracks/a/1") == ["tracks/a/1"]
    assert await keys(store, "tracks/a/1/") == []
    assert await keys(store, "z") == []
    assert {found.key: found.size_bytes async for found in store.list()} == {
        name: len(name) for name in names
    }


@pytest.mark.parametrize("store", ["local", "moto"], indirect=True)
async def test_key_order_is_that_of_the_bytes_not_of_the_directories(store: Storage) -> None:
    # The real server orders by directory, unlike S3; keys from the builders sort alike both ways.
    names = ["a/b", "a-b", "a.b", "a/b-c", "ab/c", "a/b2/c", "0", "z/y/x", "a_", "a0"]
    for name in names:
        await put(store, name, name.encode())

    assert await keys(store) == sorted(names)


@pytest.mark.parametrize(
    "key",
    ["", "/a", "a/", "a//b", "a/../b", "..", "A", "ä", "a b", "a\n", "x" * 201, ".incoming/x"],
)
async def test_a_name_that_is_no_key_reaches_no_store(store: Storage, key: str) -> None:
    for asking in (
        put(store, key, BODY),
        store.stat(key),
        store.verify(key, sha256=sha256(BODY), size_bytes=1),
        store.read(key).__aenter__(),
        store.delete(key),
    ):
        with pytest.raises(InvalidRequest):
            await asking


async def test_a_store_in_order_passes_its_probe(store: Storage) -> None:
    await store.probe()


async def test_puts_reads_and_deletes_at_once_never_show_half_an_object(store: Storage) -> None:
    bodies = {f"tracks/{uuid.uuid4()}/{n}.mp3": bytes([n]) * 50_000 for n in range(6)}
    seen: list[tuple[str, bytes]] = []

    async def writing(key: str) -> None:
        for _ in range(3):
            await put(store, key, bodies[key])
            await store.delete(key)
        await put(store, key, bodies[key])

    async def reading(key: str) -> None:
        for _ in range(6):
            try:
                seen.append((key, await read(store, key)))
            except ObjectNotFound:
                await asyncio.sleep(0)

    await asyncio.gather(*(writing(key) for key in bodies), *(reading(key) for key in bodies))

    assert all(body == bodies[key] for key, body in seen)
    assert await keys(store) == sorted(bodies)


async def test_every_refusal_is_one_of_our_errors_and_names_the_key(store: Storage) -> None:
    with pytest.raises(AutodjError, match=KEY) as caught:
        await store.stat(KEY)

    assert caught.value.problem()["code"] == "object_not_found"


async def test_a_copy_is_described_like_its_source_and_stays_when_that_goes(
    store: Storage,
) -> None:
    described = Described({"origin": "festival, Gdańsk"}, content_encoding="identity")
    await store.put(KEY, BODY, sha256=sha256(BODY), content_type="audio/flac", described=described)

    made = await store.copy(KEY, "tracks/copied")
    await store.delete(KEY)

    assert made == await store.stat("tracks/copied")
    assert (made.content_type, made.described) == ("audio/flac", described)
    assert await read(store, "tracks/copied") == BODY


async def test_a_copy_goes_over_nothing(store: Storage) -> None:
    await put(store, KEY, BODY)
    await put(store, "tracks/other", BODY[::-1])

    with pytest.raises(ObjectExists):
        await store.copy(KEY, "tracks/other")
    with pytest.raises(ObjectNotFound):
        await store.copy("tracks/none", "tracks/new")
    first = await store.copy(KEY, "tracks/same")
    assert await store.copy(KEY, "tracks/same") == first

    assert await read(store, "tracks/other") == BODY[::-1]
    assert await keys(store) == sorted([KEY, "tracks/other", "tracks/same"])


async def test_a_moved_object_is_at_its_new_key_only(store: Storage) -> None:
    await put(store, KEY, BODY)

    await move(store, KEY, "tracks/moved")

    assert await keys(store) == ["tracks/moved"]
    assert await read(store, "tracks/moved") == BODY
    assert not await exists(store, KEY)
    assert await exists(store, "tracks/moved")


async def test_many_are_deleted_at_once_and_what_was_not_there_is_no_fault(
    store: Storage,
) -> None:
    wanted = [f"tracks/{n:02}" for n in range(12)]
    for key in wanted:
        await put(store, key, b"x")

    await store.delete_many([*wanted[:10], "tracks/never"])
    await store.delete_many([])

    assert await keys(store) == wanted[10:]


@pytest.mark.parametrize("store", ["local", "real_s3"], indirect=True)
async def test_what_is_a_folder_to_the_store_is_no_free_key(
    store: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # moto, as S3, has no folders.
    monkeypatch.setattr(writing, "CONFLICT_PAUSE_S", 0)
    for key in ("a/b", "c", "ab"):
        await put(store, key, b"x")

    with pytest.raises(ObjectExists, match="inside a"):
        await put(store, "a", b"y")
    with pytest.raises(ObjectExists, match="inside a"):
        await store.copy("c", "a")

    assert await keys(store) == ["a/b", "ab", "c"]


async def test_one_key_is_not_taken_for_the_many_that_its_letters_are(store: Storage) -> None:
    await put(store, "a", b"x")

    with pytest.raises(InvalidRequest):
        await store.delete_many("a")

    assert await keys(store) == ["a"]


async def test_pages_are_the_list_in_pieces(store: Storage) -> None:
    wanted = [f"tracks/{n:02}/a" for n in range(11)]
    for key in wanted:
        await put(store, key, b"x")
    await put(store, "covers/a", b"x")

    for limit in (1, 4, 11, 1000):
        found, cursor = [], None
        while True:
            page = await store.page("tracks/", limit=limit, cursor=cursor)
            assert len(page.objects) <= limit
            found += [each.key for each in page.objects]
            if (cursor := page.cursor) is None:
                break
        assert found == wanted


async def test_a_directory_is_told_once(store: Storage) -> None:
    names = ["a/1", "a/2", "b/c/1", "b/2", "c", "d"]
    for name in names:
        await put(store, name, b"x")

    whole = await store.page(directories=True)
    assert ([each.key for each in whole.objects], list(whole.directories)) == (
        ["c", "d"],
        ["a/", "b/"],
    )
    inside = await store.page("b/", directories=True)
    assert ([each.key for each in inside.objects], list(inside.directories)) == (["b/2"], ["b/c/"])
    found, cursor = [], None
    while True:
        page = await store.page(directories=True, limit=1, cursor=cursor)
        found += [*page.directories, *(each.key for each in page.objects)]
        if (cursor := page.cursor) is None:
            break
    assert sorted(found) == ["a/", "b/", "c", "d"]


async def test_a_cursor_is_good_for_its_own_list_only(store: Storage) -> None:
    for n in range(3):
        await put(store, f"tracks/{n}", b"x")
    cursor = (await store.page("tracks/", limit=1)).cursor
    assert cursor is not None

    for asking in (
        store.page("tracks", limit=1, cursor=cursor),
        store.page("tracks/", limit=1, cursor=cursor, directories=True),
        store.page("tracks/", limit=1, cursor=cursor[:-4]),
        store.page("tracks/", limit=1, cursor="ä"),
        store.page("tracks/", limit=1, cursor=""),
        store.page("tracks/", limit=0),
        store.page("tracks/", limit=1001),
    ):
        with pytest.raises(InvalidRequest):
            await asking


@pytest.mark.parametrize("size_bytes", [0, 1, 300_000])
async def test_a_stream_of_unknown_length_is_saved(
    store: Storage, tmp_path: Path, size_bytes: int
) -> None:
    body = patterned(size_bytes)

    async def arriving() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_537):
            yield body[start : start + 65_537]

    stored = await save(store, KEY, arriving(), content_type="audio/mpeg", scratch=tmp_path)

    assert stored.size_bytes == size_bytes
    assert await load(store, KEY, max_bytes=size_bytes) == body
    assert [*tmp_path.glob("*.part")] == []


async def test_a_stream_that_is_too_long_or_breaks_leaves_nothing(
    store: Storage, tmp_path: Path
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 10_000

    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise ConnectionResetError

    with pytest.raises(TooLarge):
        await save(
            store, KEY, endless(), content_type="audio/mpeg", scratch=tmp_path, max_bytes=99_999
        )
    with pytest.raises(ConnectionResetError):
        await save(store, KEY, broken(), content_type="audio/mpeg", scratch=tmp_path)

    assert await keys(store) == []
    assert [*tmp_path.glob("*.part")] == []


async def test_more_than_is_taken_is_not_loaded(store: Storage) -> None:
    await put(store, KEY, BODY)

    assert await load(store, KEY, max_bytes=len(BODY)) == BODY
    with pytest.raises(TooLarge):
        await load(store, KEY, max_bytes=len(BODY) - 1)


@pytest.mark.parametrize("word", ["a/b\r\nX-Y: z", "ä/b", "", " a/b", "\ud800/b", "x" * 256])
async def test_what_fits_in_no_header_describes_no_object(store: Storage, word: str) -> None:
    for content_type, described in (
        (word, None),
        (word, Described()),
        ("a/b", Described(content_encoding=word or "\n")),
    ):
        with pytest.raises(InvalidRequest):
            await store.put(
                KEY, BODY, sha256=sha256(BODY), content_type=content_type, described=described
            )
    assert await keys(store) == []


@pytest.mark.parametrize("prefix", ["../", "a\0/", "\ud800", "a//", "A", "x" * 5000, "%2e", ".x"])
async def test_no_key_starts_with_what_no_key_can_hold(store: Storage, prefix: str) -> None:
    await put(store, "a/b", BODY)
    assert await keys(store, prefix) == []
    for directories in (True, False):
        page = await store.page(prefix, directories=directories)
        assert (list(page.objects), list(page.directories), page.cursor) == ([], [], None)

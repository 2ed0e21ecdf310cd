"""How large an object may be: a promise of every basket, on every store."""

from __future__ import annotations

import dataclasses
import io
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.errors import DiskFull, TooLarge
from autodj.settings import load
from autodj.storage.documents import save_document
from autodj.storage.factory import create_storage
from autodj.storage.limits import check_size, stricter
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Storage
from autodj.storage.s3.uploads import unfinished
from autodj.storage.whole import received, save
from tests.storage.builders import KEY, keys, patterned, put, read, sha256

Powerful = LocalStorage | S3Storage

LIMIT = 1000


def limited(store: Powerful, max_bytes: int = LIMIT) -> Powerful:
    """The same place, as a basket with a limit."""
    if isinstance(store, LocalStorage):
        return LocalStorage(store.root, max_object_bytes=max_bytes)
    config = dataclasses.replace(store._config, max_object_bytes=max_bytes)
    return S3Storage(store._client, config)


async def is_empty(store: Powerful) -> bool:
    if isinstance(store, LocalStorage):
        return not [path for path in store.root.rglob("*") if path.is_file()]
    begun = [each async for each in unfinished(store._bucket, store._config.key_prefix)]
    return await keys(store) == [] and begun == []


async def blocks_of(body: bytes, taken: list[int]) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 100):
        taken.append(start)
        yield body[start : start + 100]


async def test_an_object_of_the_limit_is_taken_and_one_more_byte_is_not(
    store: Powerful, tmp_path: Path
) -> None:
    small = limited(store)
    file = tmp_path / "song.mp3"
    taken: list[int] = []
    for source in (patterned(LIMIT + 1), file, blocks_of(patterned(5 * LIMIT), taken)):
        file.write_bytes(patterned(LIMIT + 1))
        with pytest.raises(TooLarge):
            await save(small, KEY, source, content_type="a/b", scratch=tmp_path)
    with pytest.raises(TooLarge):
        await put(small, KEY, patterned(LIMIT + 1))
    with pytest.raises(TooLarge):
        await put(small, KEY, file.read_bytes(), file)

    assert await is_empty(small)
    assert max(taken) <= LIMIT  # the rest of a stream that is too long is not asked for
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["song.mp3"]
    assert (await put(small, KEY, patterned(LIMIT))).size_bytes == LIMIT


async def test_nothing_is_begun_of_what_would_go_in_parts(store: Powerful) -> None:
    body = bytes(6 * 1024**2)
    small = limited(store, len(body) - 1)

    with pytest.raises(TooLarge):
        await put(small, KEY, body)

    assert await is_empty(small)


async def test_a_change_that_is_too_large_leaves_the_object_as_it_was(store: Powerful) -> None:
    small = limited(store)
    first = await save_document(small, "projects/plan.json", {"n": 1})
    large = {"n": 2, "text": "x" * LIMIT}

    with pytest.raises(TooLarge):
        await save_document(small, "projects/plan.json", large, compress_above_bytes=10**6)

    assert await small.stat("projects/plan.json") == first


async def test_what_was_there_before_the_limit_is_read_copied_and_brought_back(
    versioned: Powerful,
) -> None:
    body = patterned(2 * LIMIT)
    await put(versioned, KEY, body)
    [version] = await versioned.versions(KEY)
    small = limited(versioned)
    if isinstance(small, LocalStorage):
        small.versioned = True

    assert await read(small, KEY) == body
    assert (await small.copy(KEY, "tracks/copied")).size_bytes == len(body)
    assert (await small.restore_version(KEY, version.version_id)).size_bytes == len(body)


def test_a_file_that_grows_while_it_is_written_is_stopped(tmp_path: Path) -> None:
    class Growing(io.BytesIO):
        """Short when it is measured, long when it is read."""

        def seek(self, offset: int, whence: int = 0) -> int:
            return min(super().seek(offset, whence), 10)

    store = LocalStorage(tmp_path / "objects")
    target = store.incoming()
    with pytest.raises(TooLarge):
        store._write(target, Growing(patterned(LIMIT)), sha256(patterned(LIMIT)), None, 500)

    assert target.stat().st_size == 0


@pytest.mark.parametrize("block_bytes", [10, 5000, 300_000])
async def test_a_stream_that_the_disk_has_no_room_for_is_said_so_and_leaves_nothing(
    tmp_path: Path, block_bytes: int
) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield bytes(block_bytes)

    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, usual[1]))
    try:
        with pytest.raises(DiskFull):
            async with received(stream(), tmp_path, None):
                pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert [*tmp_path.iterdir()] == []


async def test_a_file_adopted_is_refused_and_gone(tmp_path: Path) -> None:
    store = LocalStorage(tmp_path / "objects", max_object_bytes=LIMIT)
    path = store.incoming()
    path.write_bytes(body := patterned(LIMIT + 1))

    with pytest.raises(TooLarge):
        await store.adopt(KEY, path, sha256=sha256(body), size_bytes=len(body))

    assert await is_empty(store)


@pytest.mark.can_fail_on("real_s3")
async def test_direct_uploads_are_bound_by_the_basket_too(real_s3: S3Storage) -> None:
    # moto takes forms of any length, so it could not fail this.
    small = limited(real_s3)
    assert isinstance(small, S3Storage)
    form = await small.presign_post(KEY, ttl_s=60, max_bytes=10**6, content_type="a/b")

    async def posted(body: bytes) -> int:
        data = aiohttp.FormData({**form.fields})
        data.add_field("file", body, filename="a")
        async with aiohttp.ClientSession() as http, http.post(form.url, data=data) as answer:
            return answer.status

    assert await posted(bytes(LIMIT + 1)) == 400
    assert await keys(small) == []
    assert await posted(bytes(LIMIT)) == 204
    with pytest.raises(TooLarge):
        await small.presign_put(
            "tracks/b", ttl_s=60, sha256="0" * 64, size_bytes=LIMIT + 1, content_type="a/b"
        )


async def test_a_basket_says_its_limit_in_its_configuration(tmp_path: Path) -> None:
    config = {"type": "local", "root": str(tmp_path / "small"), "max_object_bytes": LIMIT}
    async with create_storage(config, environ={}) as store:
        with pytest.raises(TooLarge):
            await put(store, KEY, bytes(LIMIT + 1))


@pytest.mark.parametrize(("of_basket", "expected"), [(5000, 5000), (10**12, 2 * 1024**3)])
def test_tracks_that_their_basket_would_refuse_are_refused_when_they_come(
    tmp_path: Path, of_basket: int, expected: int
) -> None:
    file = tmp_path / "storage.yaml"
    basket = f"{{type: local, root: {tmp_path}, kinds: [tracks], max_object_bytes: {of_basket}}}"
    file.write_text(f"storage: {{default_type: local, baskets: {{audio: {basket}}}}}")

    settings = load({
        "AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf",
        "STORAGE_CONFIG": str(file),
        "MAX_TRACK_BYTES": str(2 * 1024**3),
    })  # fmt: skip

    assert settings.limits.max_track_bytes == expected


@given(st.none() | st.integers(0, 9), st.none() | st.integers(0, 9), st.integers(0, 9))
def test_two_limits_are_as_strict_as_the_stricter(
    one: int | None, other: int | None, size_bytes: int
) -> None:
    def refuses(limit: int | None) -> bool:
        try:
            check_size(size_bytes, limit)
        except TooLarge:
            return True
        return False

    assert refuses(stricter(one, other)) == (refuses(one) or refuses(other))

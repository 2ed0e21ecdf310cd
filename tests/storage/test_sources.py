"""What is not a file is refused in our words, at once, and nothing stays open."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from autodj.errors import ObjectNotFound, StoreError
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Storage
from autodj.storage.whole import save
from tests.storage.builders import KEY, patterned, read, sha256

MIB = 1024**2
Store = LocalStorage | S3Storage


def missing(_: Path) -> None:
    """Nothing is there."""


ODD: dict[str, Callable[[Path], object]] = {
    "missing": missing,
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
}


def is_open(path: Path) -> bool:
    return path in {each.resolve() for each in Path("/proc/self/fd").iterdir()}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("does", ["put", "replace"])
async def test_what_is_no_file_is_not_put(
    store: Store, tmp_path: Path, make: Callable[[Path], object], does: str
) -> None:
    source = tmp_path / "source"
    make(source)

    with pytest.raises(ObjectNotFound, match=KEY):
        await getattr(store, does)(KEY, source, sha256=sha256(b""), content_type="a/b")

    assert not is_open(source)


@pytest.mark.parametrize("body", [bytearray(b"abc"), memoryview(b"abc")])
async def test_bytes_of_any_kind_are_no_names_of_files(store: Store, body: Any) -> None:
    """The system would open the file that the bytes name."""
    await store.put(KEY, body, sha256=sha256(b"abc"), content_type="a/b")
    await save(store, KEY, body, content_type="a/b", scratch=Path("/"))

    assert await read(store, KEY) == b"abc"


async def test_a_text_is_neither_bytes_nor_a_path(store: Store, tmp_path: Path) -> None:
    named: Any = str(tmp_path)
    with pytest.raises(TypeError, match="bytes"):
        await store.put(KEY, named, sha256=sha256(b""), content_type="a/b")
    with pytest.raises(TypeError, match="bytes"):
        await save(store, KEY, named, content_type="a/b", scratch=tmp_path)


async def test_a_scratch_folder_that_is_not_there_is_told_in_our_words(
    local: LocalStorage, tmp_path: Path
) -> None:
    async def blocks() -> AsyncIterator[bytes]:
        yield b"abc"

    with pytest.raises(StoreError, match=r"no folder .*nowhere"):
        await save(local, KEY, blocks(), content_type="a/b", scratch=tmp_path / "nowhere")


@pytest.mark.parametrize("size", [100, 6 * MIB])
async def test_a_disk_that_cannot_be_read_is_told_in_our_words(
    real_s3: S3Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    source = tmp_path / "source"
    source.write_bytes(patterned(size))

    def failing(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "preadv", failing)
    with pytest.raises(StoreError, match="Input/output error"):
        await real_s3.put(KEY, source, sha256=sha256(b""), content_type="a/b")

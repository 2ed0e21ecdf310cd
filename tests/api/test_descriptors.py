"""Descriptors shared by all who are sent the same file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from autodj.api.descriptors import Descriptors
from autodj.errors import SourceUnreadable

AUDIO = os.urandom(100_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.flac"
    path.write_bytes(AUDIO)
    return path


@pytest_asyncio.fixture
async def descriptors() -> AsyncIterator[Descriptors]:
    found = Descriptors(max_idle=2, idle_s=0.05)
    yield found
    found.close()


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


async def test_a_thousand_readers_who_come_at_once_share_one_descriptor(
    path: Path, descriptors: Descriptors, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    system_open = os.open

    def counted(*arguments: object, **more: object) -> int:
        descriptor = system_open(*arguments, **more)  # type: ignore[arg-type] # handed through
        opened.append(descriptor)
        return descriptor

    monkeypatch.setattr(os, "open", counted)
    files = await asyncio.gather(
        *[descriptors.open(path, size_bytes=len(AUDIO)) for _ in range(1000)]
    )
    assert len(opened) == 1
    assert {file.descriptor for file in files} == set(opened)
    for number, file in enumerate(files):
        assert bytes(await file.read(number, 10)) == AUDIO[number : number + 10]
        file.release()


async def test_a_file_stays_open_for_a_while_and_closes_then(
    path: Path, descriptors: Descriptors
) -> None:
    first = await descriptors.open(path, size_bytes=len(AUDIO))
    first.release()
    again = await descriptors.open(path, size_bytes=len(AUDIO))
    assert again is first
    await asyncio.sleep(0.15)
    assert is_open(again.descriptor)
    again.release()
    while is_open(first.descriptor):
        await asyncio.sleep(0.01)
    new = await descriptors.open(path, size_bytes=len(AUDIO))
    assert new is not first
    new.release()


async def test_only_so_many_wait_and_the_longest_waiting_closes_first(
    tmp_path: Path, descriptors: Descriptors
) -> None:
    files = []
    for name in "abc":
        (tmp_path / name).write_bytes(b"x")
        files.append(await descriptors.open(tmp_path / name, size_bytes=1))
    for file in files:
        file.release()
    assert [is_open(file.descriptor) for file in files] == [False, True, True]


async def test_a_deleted_file_is_sent_to_its_end_but_not_handed_out_again(
    path: Path, descriptors: Descriptors
) -> None:
    reader = await descriptors.open(path, size_bytes=len(AUDIO))
    path.unlink()
    with pytest.raises(FileNotFoundError):
        await descriptors.open(path, size_bytes=len(AUDIO))
    assert bytes(await reader.read(0, len(AUDIO))) == AUDIO
    reader.release()
    assert not is_open(reader.descriptor)


async def test_another_file_under_the_same_path_is_never_mixed_up(
    path: Path, descriptors: Descriptors
) -> None:
    old = await descriptors.open(path, size_bytes=len(AUDIO))
    other = path.with_name("other")
    other.write_bytes(AUDIO[::-1])
    other.replace(path)
    new = await descriptors.open(path, size_bytes=len(AUDIO))
    assert bytes(await old.read(0, 10)) == AUDIO[:10]
    assert bytes(await new.read(0, 10)) == AUDIO[::-1][:10]
    old.release()
    new.release()


async def test_a_missing_file_a_short_one_and_a_link_are_told_apart(
    path: Path, descriptors: Descriptors
) -> None:
    with pytest.raises(SourceUnreadable):
        await descriptors.open(path, size_bytes=len(AUDIO) + 1)
    with pytest.raises(FileNotFoundError):
        await descriptors.open(path.with_name("other"), size_bytes=1)
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(OSError, match="symbolic links"):
        await descriptors.open(link, size_bytes=len(AUDIO))


async def test_a_file_that_shrank_since_is_not_handed_out(
    path: Path, descriptors: Descriptors
) -> None:
    file = await descriptors.open(path, size_bytes=len(AUDIO))
    os.truncate(path, 5)
    with pytest.raises(SourceUnreadable):
        await descriptors.open(path, size_bytes=len(AUDIO))
    assert bytes(await file.read(0, 10)) == AUDIO[:5]
    with pytest.raises(SourceUnreadable):
        await file.read(5, 10)
    file.release()


async def test_one_who_leaves_while_it_is_opened_spoils_nothing_for_the_rest(
    path: Path, descriptors: Descriptors
) -> None:
    leaving = asyncio.create_task(descriptors.open(path, size_bytes=len(AUDIO)))
    staying = asyncio.create_task(descriptors.open(path, size_bytes=len(AUDIO)))
    await asyncio.sleep(0)
    leaving.cancel()
    file = await staying
    assert bytes(await file.read(0, 5)) == AUDIO[:5]
    assert file.users == 1
    file.release()


async def test_closing_leaves_those_who_are_being_served(
    path: Path, descriptors: Descriptors
) -> None:
    file = await descriptors.open(path, size_bytes=len(AUDIO))
    descriptors.close()
    assert bytes(await file.read(0, 5)) == AUDIO[:5]
    file.release()
    assert not is_open(file.descriptor)

from __future__ import annotations

import asyncio
import hashlib
import threading
from pathlib import Path

import pytest

from autodj.errors import DiskFull, TooLarge
from autodj.tracks.landing import BATCH_BYTES, Landing


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b""],
        [b"abc"],
        [b"x" * BATCH_BYTES],
        [b"x" * (BATCH_BYTES - 1), b"yz"],
        [bytes([n]) * 70_000 for n in range(40)],
    ],
    ids=lambda pieces: str(len(pieces)),
)
async def test_what_is_written_lands_whole_and_hashed(pieces: list[bytes], tmp_path: Path) -> None:
    path, whole = tmp_path / "x", b"".join(pieces)
    with Landing(path, max_bytes=len(whole)) as landing:
        for piece in pieces:
            await landing.write(piece)
        landed = await landing.finish()
    assert path.read_bytes() == whole
    assert (landed.sha256, landed.size_bytes) == (hashlib.sha256(whole).hexdigest(), len(whole))


async def test_the_byte_over_the_limit_is_never_stored(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with Landing(path, max_bytes=BATCH_BYTES) as landing:
        await landing.write(bytes(BATCH_BYTES))
        with pytest.raises(TooLarge):
            await landing.write(b"x")
        assert path.stat().st_size == BATCH_BYTES
    assert not path.exists()


async def test_an_error_removes_even_a_finished_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with pytest.raises(RuntimeError), Landing(path, max_bytes=10) as landing:  # noqa: PT012  the block is the subject
        await landing.write(b"abc")
        await landing.finish()
        raise RuntimeError
    assert not path.exists()


async def test_a_full_disk_is_its_own_error(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.symlink_to("/dev/full")
    with pytest.raises(DiskFull), Landing(path, max_bytes=10) as landing:  # noqa: PT012  the same
        await landing.write(b"abc")
        await landing.finish()
    assert not path.is_symlink()


async def test_another_fault_of_the_disk_passes_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), Landing(tmp_path / "no" / "x", max_bytes=10):
        pass


async def test_a_cancelled_write_keeps_its_descriptor_until_the_thread_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A descriptor closed too early could by then be another file's."""
    entered, release = threading.Event(), threading.Event()
    store = Landing._store
    failed: list[BaseException] = []

    def slow(self: Landing, batch: bytearray) -> None:
        entered.set()
        assert release.wait(20)
        try:
            store(self, batch)
        except BaseException as error:
            failed.append(error)
            raise

    monkeypatch.setattr(Landing, "_store", slow)
    landing = Landing(tmp_path / "x", max_bytes=BATCH_BYTES)

    def is_closed() -> bool:
        return landing._file.closed

    async def write() -> None:
        with landing:
            await landing.write(bytes(BATCH_BYTES))

    task = asyncio.create_task(write())
    await asyncio.to_thread(entered.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not (tmp_path / "x").exists()
    assert not is_closed()
    release.set()
    while not is_closed():
        await asyncio.sleep(0.01)
    assert failed == []

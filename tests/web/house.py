"""The product as people start it: ``autodj up``, and ways into it for tests."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp

from autodj.cli.running import Running, find_running
from autodj.cli.where import own_token
from autodj.db import Database, open_database
from autodj.settings import Settings, environment, load
from autodj.users.login import ensure_user, offer_login

START_WITHIN_S = 180
STOP_WITHIN_S = 90
READY_WITHIN_S = 180
OURS = {
    # The test's own web server is on this machine.
    "FETCH_ALLOW_PRIVATE": "true",
    # What nobody here plays only takes time.
    "RENDITION_LOSSLESS": "false",
    "PREVIEW_S": "0",
}
LOGIN_LINK = re.compile(r"http://\S+/login\?t=\S+")


@dataclass(frozen=True)
class Person:
    """A user with a library of their own."""

    id: UUID
    token: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class House:
    """A running ``autodj up``. ``first_link`` is the login link that it printed."""

    data_dir: Path
    first_link: str
    running: Running

    @property
    def url(self) -> str:
        return self.running.url

    @property
    def settings(self) -> Settings:
        return load(self.running.environment)

    @property
    def hosts(self) -> set[str]:
        """Where the page may send requests to."""
        edge = self.settings.cdn.origin
        return {self.url, edge} if edge else {self.url}

    @asynccontextmanager
    async def database(self) -> AsyncGenerator[Database]:
        async with open_database(self.settings.database_url) as db:
            yield db

    async def person(self, name: str) -> Person:
        async with self.database() as db:
            user = await ensure_user(db, name)
        return Person(user.id, own_token(self.settings, user.id))

    async def login_link(self, person: Person) -> str:
        async with self.database() as db:
            return await offer_login(db, person.id, public_url=self.url)

    async def ask(self, person: Person, method: str, path: str, **request: Any) -> Any:
        """One request to the API; its JSON."""
        async with (
            aiohttp.ClientSession(self.url, headers=person.bearer) as session,
            session.request(method, f"/api/v1{path}", **request) as answer,
        ):
            assert answer.ok, await answer.text()
            return await answer.json()

    async def add(self, person: Person, *files: Path) -> list[str]:
        """Send the files, wait until every track is ready, and return their ids."""
        jobs = []
        for file in files:
            track = await self.ask(
                person,
                "POST",
                f"/tracks?name={file.name}",
                data=BytesIO(file.read_bytes()),
                headers={"Content-Type": "application/octet-stream"},
            )
            jobs.append(track)
        async with asyncio.timeout(READY_WITHIN_S):
            for track in jobs:
                await self._done(person, track["job_id"])
        return [track["id"] for track in jobs]

    async def _done(self, person: Person, job_id: str) -> None:
        async with (
            aiohttp.ClientSession(self.url, headers=person.bearer) as session,
            session.get(f"/api/v1/jobs/{job_id}/events") as events,
        ):
            last = ""
            async for line in events.content:
                last = line.decode() if line.startswith(b"data:") else last
        assert '"state":"done"' in last, last


@asynccontextmanager
async def open_house(data_dir: Path, *options: str) -> AsyncGenerator[House]:
    """``autodj up`` on a free port, from its first line to its orderly end."""
    command = [sys.executable, "-m", "autodj", "up", "--port", "0", "--data", str(data_dir)]
    process = await asyncio.create_subprocess_exec(
        *command,
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**environment(), **OURS},
    )
    try:
        async with asyncio.timeout(START_WITHIN_S):
            link = await _printed_link(process)
        running = find_running(data_dir)
        assert running is not None
        yield House(data_dir, link, running)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(STOP_WITHIN_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _printed_link(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    said = ""
    async for line in process.stdout:
        said += line.decode()
        if found := LOGIN_LINK.search(line.decode()):
            return found[0]
    raise AssertionError(f"autodj up printed no link:\n{said}")

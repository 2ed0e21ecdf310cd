"""Flows on real parts: a database, a local store, an S3 server, the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from autodj.audio.facts import ANALYSIS_VERSION, DecodeLimits
from autodj.audio.sandbox import TASKS_MODULE, Sandbox
from autodj.audio.warm import WarmProcess
from autodj.db import Database
from autodj.jobs import Jobs, open_jobs
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Storage
from autodj.tracks.ingest import Incoming, Ingested, ingest
from autodj.tracks.landing import Landing
from autodj.tracks.policy import Policy
from autodj.tracks.work import Workbench
from tests.builders import make_user
from tests.clips import make_clip
from tests.storage.conftest import real_config, real_s3

__all__ = ["real_config", "real_s3"]

NO_BROKER = "redis://127.0.0.1:1/0"
TO_S3 = Policy(publish_to_s3=True, keep_local_s=0, lease_s=60, analysis_version=ANALYSIS_VERSION)


class SharedSandbox(Sandbox):
    """Has the warm process of another one, and its own queue: a queue belongs to one loop."""

    def __init__(self, other: Sandbox) -> None:
        super().__init__(2, 60, TASKS_MODULE)
        self._other = other

    def start(self) -> WarmProcess:
        return self._other.start()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "beat.flac", 6, bpm=120)


@pytest.fixture
def local(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "media")


@pytest.fixture(scope="session")
def warm_sandbox() -> Generator[Sandbox]:
    """It takes longer to start than most of the flows here."""
    opened = Sandbox(2, 60, TASKS_MODULE)
    yield opened
    asyncio.run(opened.close())


@pytest.fixture
def sandbox(warm_sandbox: Sandbox) -> Sandbox:
    return SharedSandbox(warm_sandbox)


@pytest.fixture
async def jobs() -> AsyncGenerator[Jobs]:
    """A broker that is away: every flow must do without it."""
    async with open_jobs(NO_BROKER, "tests") as opened:
        yield opened


@pytest.fixture
async def owner_id(db: Database) -> UUID:
    user = make_user()
    async with db.transaction() as session:
        session.add(user)
    return user.id


@pytest.fixture
def bench(
    db: Database, local: LocalStorage, real_s3: S3Storage, sandbox: Sandbox, jobs: Jobs
) -> Workbench:
    return Workbench(
        db=db,
        local=local,
        s3=real_s3,
        sandbox=sandbox,
        jobs=jobs,
        limits=DecodeLimits(),
        policy=TO_S3,
    )


async def land(local: LocalStorage, source: Path, **values: object) -> Incoming:
    """The file as if it had just been received."""
    path = local.incoming()
    with Landing(path, max_bytes=1 << 30) as landing:
        await landing.write(source.read_bytes())
        landed = await landing.finish()
    fields: dict[str, Any] = {"name": source.name, **values}
    return Incoming(path=path, sha256=landed.sha256, size_bytes=landed.size_bytes, **fields)


@pytest.fixture
def take_in(
    db: Database, local: LocalStorage, sandbox: Sandbox, jobs: Jobs, owner_id: UUID
) -> Callable[..., Awaitable[Ingested]]:
    """Ingest a file for the owner."""

    async def take(source: Path, **values: object) -> Ingested:
        return await ingest(
            db,
            local,
            sandbox,
            jobs,
            DecodeLimits(),
            owner_id=owner_id,
            incoming=await land(local, source, **values),
        )

    return take

"""Where a run takes place, and the parts its processes work with."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from autodj.audio.facts import ANALYSIS_VERSION, DecodeLimits
from autodj.db import Database, open_database
from autodj.jobs import Jobs
from autodj.storage.base import Storage
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Config, open_s3
from autodj.tracks.policy import Policy
from autodj.tracks.steps import Step
from autodj.tracks.work import Workbench
from bench.crash import fates
from bench.crash.clips import FixedSandbox
from bench.crash.stores import BadBucket, SteppedLocal

SPEED = 10
"""autodj's clock runs so much faster here, so leases, graces and backoffs end in time."""

POLICY = Policy(
    publish_to_s3=True,
    keep_local_s=2,
    lease_s=2,
    analysis_version=ANALYSIS_VERSION,
    public_links=True,
)
PENDING_LIFE = timedelta(seconds=5)
NO_BROKER = "redis://127.0.0.1:1/0"


@dataclass(frozen=True, slots=True)
class Arena:
    """One run's directory. ``s3`` is None where a directory stands in for the bucket.

    ``backlog`` tracks may wait before the web process makes no more; ``impatience`` is the
    share of publications that a worker gives up as if they had failed too often, ``turns``
    that of clips after which some track's visibility is turned round.
    """

    root: Path
    database_url: str
    owner_id: UUID
    began_at: float
    s3: S3Config | None = None
    backlog: int = 20
    impatience: float = 0.1
    turns: float = 0.4

    @property
    def history(self) -> Path:
        return self.root / "history"

    @property
    def findings(self) -> Path:
        """What the reader found wrong."""
        return self.root / "findings"

    @property
    def faults(self) -> Path:
        """Traces of processes that ended by themselves."""
        return self.root / "faults"

    @property
    def media(self) -> Path:
        return self.root / "media"

    @property
    def bucket(self) -> Path:
        return self.root / "bucket"


class SteppedDatabase(Database):
    """The product's database, with steps around every commit, on a clock that hurries."""

    def __init__(self, engine: AsyncEngine, step: fates.Step, began_at: float) -> None:
        super().__init__(engine)
        self._step = step
        self._began_at = began_at
        self.ahead = timedelta()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        self._step("db.begin")
        async with super().transaction() as session:
            yield session
            self._step(fates.IN_TRANSACTION)
        self._step("db.committed")

    async def now(self) -> datetime:
        hurried_s = self._began_at + (time.time() - self._began_at) * SPEED
        return datetime.fromtimestamp(hurried_s, UTC) + self.ahead


class Waiting(Jobs):
    """The steps that a worker process has been told of; they die with it."""

    def __init__(self) -> None:
        super().__init__(NO_BROKER, "crash")
        self.steps: deque[tuple[Step, UUID]] = deque()

    def reclaiming(self) -> Jobs:
        return self

    async def analyze(self, track_id: UUID, generation: int) -> None:
        del generation
        self.steps.append((Step.ANALYZE, track_id))

    async def publish(self, track_id: UUID, generation: int) -> None:
        del generation
        self.steps.append((Step.PUBLISH, track_id))

    async def clean(self, track_id: UUID, generation: int) -> None:
        del generation
        self.steps.append((Step.CLEAN, track_id))

    async def share(self, track_id: UUID, version: int) -> None:
        del version
        self.steps.append((Step.SHARE, track_id))

    async def delete(self, track_id: UUID, generation: int) -> None:
        del generation
        self.steps.append((Step.DELETE, track_id))


@dataclass(frozen=True, slots=True)
class Parts:
    """What web and worker work with."""

    db: SteppedDatabase
    local: LocalStorage
    s3: Storage
    jobs: Waiting
    bench: Workbench


@asynccontextmanager
async def open_parts(
    arena: Arena, step: fates.Step, faults: Random | None
) -> AsyncGenerator[Parts]:
    """The parts for one process; without ``faults`` the bucket behaves."""
    async with open_database(arena.database_url) as plain, open_bucket(arena) as bucket:
        db = SteppedDatabase(plain.engine, step, arena.began_at)
        local = SteppedLocal(arena.media, step)
        s3 = BadBucket(bucket, step, faults)
        jobs = Waiting()
        bench = Workbench(
            db=db,
            local=local,
            s3=s3,
            sandbox=FixedSandbox(),
            jobs=jobs,
            limits=DecodeLimits(),
            policy=POLICY,
        )
        yield Parts(db, local, s3, jobs, bench)


@asynccontextmanager
async def open_bucket(arena: Arena) -> AsyncGenerator[Storage]:
    """The bucket itself, without steps or faults."""
    if arena.s3 is None:
        yield LocalStorage(arena.bucket)
        return
    async with open_s3(arena.s3) as bucket:
        yield bucket

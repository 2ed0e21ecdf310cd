"""Changes of jobs to everybody who watches, from one poller for each process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from autodj.db import Database, Job
from autodj.db import jobs as job_rows
from autodj.errors import AutodjError, TooManyRequests

log = structlog.get_logger("autodj.feed")

POLL_S = 0.4
# A change is stamped before its transaction commits, so it may appear behind later ones.
OVERLAP = timedelta(seconds=5)
PAGE_ROWS = 1000
MAX_WATCHERS = 500


class Watcher:
    """One stream's view: the newest state of each job that changed since it last looked."""

    def __init__(self, owner_id: UUID, job_id: UUID | None) -> None:
        self._owner_id = owner_id
        self._job_id = job_id
        self._changed: dict[UUID, Job] = {}
        self._ready = asyncio.Event()

    def offer(self, job: Job) -> None:
        """Keep the job if it is watched. A slow stream sees fewer states, never more memory."""
        if job.owner_id == self._owner_id and self._job_id in {None, job.id}:
            self._changed[job.id] = job
            self._ready.set()

    async def changes(self) -> Collection[Job]:
        """Wait for changes, oldest first."""
        await self._ready.wait()
        self._ready.clear()
        changed, self._changed = self._changed, {}
        return sorted(changed.values(), key=lambda job: (job.changed_at, job.id))


class Feed:
    """Polls the database while anybody watches; each change reaches each watcher once.

    The poller is never cancelled, for it may be inside a query: it ends by itself.
    """

    def __init__(
        self, db: Database, *, poll_s: float = POLL_S, max_watchers: int = MAX_WATCHERS
    ) -> None:
        self._db = db
        self._poll_s = poll_s
        self._max_watchers = max_watchers
        self._watchers: set[Watcher] = set()
        self._seats: Counter[Hashable] = Counter()
        self._poller: asyncio.Task[None] | None = None

    @property
    def polling(self) -> bool:
        return self._poller is not None and not self._poller.done()

    @contextmanager
    def seat(self, holder: Hashable, *, most: int) -> Iterator[None]:
        """A place for one stream until the block ends. TooManyRequests when the holder has
        ``most`` of them, or as many are taken as one process carries.
        """
        if self._seats[holder] >= most:
            raise TooManyRequests(
                f"You have {most} event streams open with this login.",
                hint="Close one, or ask for the list of jobs now and then.",
            )
        if self._seats.total() >= self._max_watchers:
            raise TooManyRequests("Too many event streams are open.")
        self._seats[holder] += 1
        try:
            yield
        finally:
            self._seats[holder] -= 1
            if not self._seats[holder]:
                del self._seats[holder]

    @contextmanager
    def watch(self, owner_id: UUID, job_id: UUID | None = None) -> Iterator[Watcher]:
        """Receive changes of the owner's jobs, or of one, until the block ends."""
        watcher = Watcher(owner_id, job_id)
        self._watchers.add(watcher)
        if not self.polling:
            self._poller = asyncio.create_task(self._poll())
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    async def close(self) -> None:
        """Let the poller come to its end; the database may be closed after that."""
        self._watchers.clear()
        if self._poller is not None:
            await self._poller

    async def _poll(self) -> None:
        newest: datetime | None = None
        told: dict[UUID, tuple[int, datetime]] = {}
        while self._watchers:
            try:
                now = await self._db.now()
                # A clock that was put back must not make the past the only news.
                newest = await self._tell(min(newest or now, now), told)
            except AutodjError as error:
                log.warning("feed_poll_failed", code=error.code)
            await asyncio.sleep(self._poll_s)

    async def _tell(self, newest: datetime, told: dict[UUID, tuple[int, datetime]]) -> datetime:
        """Offer what is new; the time of the newest change seen so far."""
        since = newest - OVERLAP
        for job_id in [each for each, (_, moment) in told.items() if moment < since]:
            del told[job_id]
        while True:
            async with self._db.read_session() as session:
                jobs = await job_rows.changed_since(session, since, limit=PAGE_ROWS)
            for job in jobs:
                if told.get(job.id, (0, newest))[0] < job.version:
                    told[job.id] = (job.version, job.changed_at)
                    for watcher in self._watchers:
                        watcher.offer(job)
            if jobs:
                newest = max(newest, jobs[-1].changed_at)
            if len(jobs) < PAGE_ROWS or jobs[-1].changed_at <= since:
                return newest
            since = jobs[-1].changed_at


@asynccontextmanager
async def open_feed(db: Database) -> AsyncGenerator[Feed]:
    """The feed of a process, on a database that outlives it."""
    feed = Feed(db)
    try:
        yield feed
    finally:
        await feed.close()

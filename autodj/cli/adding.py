"""Sending many tracks at once, and watching what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from autodj.cli.client import Client, Document
from autodj.cli.console import document_of, from_os_error
from autodj.cli.sources import Sources
from autodj.errors import AutodjError, CommandError


@dataclass(frozen=True, slots=True)
class Added:
    """The track that a source became, and whether it was new."""

    source: str
    track: Document
    created: bool

    @property
    def status(self) -> str:
        return "added" if self.created else "duplicate"

    def document(self) -> Document:
        """As the command prints it with --json."""
        return _told(self.source, self.status, track=self.track)


@dataclass(frozen=True, slots=True)
class NotAdded:
    """Why a source became no track."""

    source: str
    fault: AutodjError
    status = "failed"

    def document(self) -> Document:
        return _told(self.source, self.status, problem=document_of(self.fault))


Outcome: TypeAlias = Added | NotAdded


def _told(
    source: str, status: str, *, track: Document | None = None, problem: Document | None = None
) -> Document:
    return {"source": source, "status": status, "track": track, "problem": problem}


class Watcher(Protocol):
    """Who hears how it goes."""

    def starts(self, source: str, size_bytes: int | None) -> None: ...

    def goes(self, source: str, step: str, share: float) -> None:
        """``share`` of the step, 0 to 1."""
        ...

    def ends(self, outcome: Outcome) -> None: ...


async def add_all(
    client: Client, sources: Sources, watcher: Watcher, *, parallel: int, wait: bool
) -> Sequence[Outcome]:
    """Send everything, ``parallel`` at a time; a fault ends its own source only. What could not
    be read is told at the end.

    With ``wait`` each is followed until it is analysed and, where tracks go to S3, published.
    """
    gate = asyncio.Semaphore(parallel)

    async def one(source: str, size_bytes: int | None, send: _Send) -> Outcome:
        async with gate:
            watcher.starts(source, size_bytes)
            outcome = await _ended(source, send, client, watcher, wait=wait)
            watcher.ends(outcome)
            return outcome

    async with asyncio.TaskGroup() as group:
        tasks = [
            *(
                group.create_task(one(str(path), size, _file(client, watcher, path, size)))
                for path, size in sources.files
            ),
            *(
                group.create_task(one(url, None, _url(client, watcher, url)))
                for url in sources.urls
            ),
        ]
    unread = [NotAdded(str(error.filename), from_os_error(error)) for error in sources.unread]
    return [*(task.result() for task in tasks), *unread]


_Send = Callable[[], Awaitable[tuple[Document, bool]]]


def _file(client: Client, watcher: Watcher, path: Path, size_bytes: int) -> _Send:
    def on_sent(sent_bytes: int) -> None:
        step = "sending" if sent_bytes < size_bytes else "checking"
        watcher.goes(str(path), step, sent_bytes / max(size_bytes, 1))

    async def send() -> tuple[Document, bool]:
        sent = await client.send_file(path, on_sent)
        return sent.track, sent.created

    return send


def _url(client: Client, watcher: Watcher, url: str) -> _Send:
    async def send() -> tuple[Document, bool]:
        ordered = await client.order("/tracks", {"url": url})
        job = await follow(client, ordered, lambda step, share: watcher.goes(url, step, share))
        track = await client.read(f"/tracks/{job['track_id']}")
        return track, bool(job["result"].get("created", True))

    return send


async def _ended(
    source: str, send: _Send, client: Client, watcher: Watcher, *, wait: bool
) -> Outcome:
    try:
        track, created = await send()
        if wait:
            await _processed(client, track, lambda step, share: watcher.goes(source, step, share))
            track = await client.read(f"/tracks/{track['id']}")
    except AutodjError as fault:
        return NotAdded(source, fault)
    except OSError as error:
        return NotAdded(source, from_os_error(error))
    return Added(source, track, created)


async def follow(
    client: Client, job: Document, on_change: Callable[[str, float], None]
) -> Document:
    """The job once it is done; a CommandError with its problem when it failed."""
    latest = job
    async for latest in client.watch(job["id"]):
        on_change(latest["step"], latest["progress"])
    if latest["state"] == "failed":
        problem = latest["problem"] or {}
        error = CommandError(problem.get("detail", ""), hint=problem.get("hint"))
        error.code = problem.get("code", error.code)
        raise error
    return latest


async def _processed(
    client: Client, track: Document, on_change: Callable[[str, float], None]
) -> None:
    """Follow what is under way for the track; nothing is for one that was finished before."""
    jobs = (await client.read("/jobs", {"active": "true", "track_id": track["id"]}))["items"]
    for job in jobs:
        if job["kind"] == "process":
            await follow(client, job, on_change)

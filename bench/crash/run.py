"""One run from an empty directory to a verdict."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from autodj.db import User, open_database
from autodj.storage.s3 import S3Config, open_s3
from bench.crash import actors
from bench.crash.arena import Arena, open_parts
from bench.crash.check import Verdict, check
from bench.crash.databases import Fresh
from bench.crash.fates import Draw, any_fate
from bench.crash.history import read_history
from bench.crash.supervise import Supervisor, fork, start_reader, stop


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed. ``findings`` are the reader's, ``faults`` traces of processes that
    ended by themselves.
    """

    kills: int
    woken: int
    readings: int
    swept: int
    took_s: float
    findings: list[str]
    faults: str
    verdict: Verdict

    @property
    def unreadable(self) -> int:
        return len(self.findings) + len(self.verdict.unreadable)

    @property
    def misread(self) -> bool:
        """Whether a listener was, or would be, let down: what every mutant must come to."""
        return bool(self.unreadable or self.verdict.lost)

    @property
    def green(self) -> bool:
        return not self.broken()

    def broken(self) -> list[str]:
        """The promises that were broken, with how often."""
        counted = {
            "lost": len(self.verdict.lost),
            "unreadable": self.unreadable,
            "orphans": len(self.verdict.orphans),
            "dangling": len(self.verdict.dangling),
            "unfinished": len(self.verdict.unfinished),
            "returned": len(self.verdict.returned),
            "crashed": bool(self.faults),
        }
        return [f"{number} {name}" for name, number in counted.items() if number]

    def details(self) -> Iterator[tuple[str, str]]:
        """Some of what was found, to begin the search with."""
        lists = {**asdict(self.verdict), "findings": self.findings}
        for name, found in lists.items():
            if name != "acked":
                yield from ((name, told) for told in found[:5])
        if self.faults:
            yield "faults", self.faults[-4000:]

    def line(self) -> str:
        verdict = self.verdict
        return (
            f"{self.kills} kills, {verdict.acked} acked, {len(verdict.lost)} lost, "
            f"{self.readings} probes, {self.unreadable} unreadable, {len(verdict.orphans)} orphans"
        )


def prepare(root: Path, fresh: Fresh, s3: S3Config | None = None) -> Arena:
    """An empty arena with one owner."""
    (root / "media" / ".incoming").mkdir(parents=True)
    own = replace(s3, prefix=root.name) if s3 else None
    arena = Arena(root, fresh(root), uuid4(), time.time(), own)
    for file in (arena.history, arena.findings, arena.faults):
        file.touch()
    # In this process, so that what is built at first use is there in every copy of it.
    asyncio.run(_fill(arena))
    return arena


def attack(
    arena: Arena,
    kills: int,
    seed: int,
    *,
    draw: Draw = any_fate,
    change: Callable[[], None] = lambda: None,
    until_red: bool = False,
) -> Outcome:
    """Kill, recover, check. ``until_red`` stops at the reader's first finding, which says all."""
    began = time.monotonic()
    reader = start_reader(arena)
    supervisor = Supervisor(arena, draw, Random(seed), change)
    try:
        supervisor.run(kills, enough=lambda: until_red and arena.findings.stat().st_size > 0)
        red = until_red and arena.findings.stat().st_size > 0
        swept = 0 if red else _in_child(arena, lambda: _recover(arena), change) or 0
    finally:
        stop(reader)
    verdict = Verdict() if red else Verdict(**_in_child(arena, lambda: _check(arena)))
    found = read_history(arena.findings)
    return Outcome(
        kills=supervisor.kills,
        woken=supervisor.woken,
        readings=sum(line.get("readings", 0) for line in found),
        swept=swept,
        took_s=time.monotonic() - began,
        findings=[f"{line['did']} {line['id']}" for line in found if line["did"] != "count"],
        faults=arena.faults.read_text(),
        verdict=verdict,
    )


def _in_child(
    arena: Arena,
    main: Callable[[], Coroutine[Any, Any, object]],
    change: Callable[[], None] = lambda: None,
) -> Any:  # noqa: ANN401 - JSON
    """What ``main`` returns in a process of its own; None when it raised, which is on record."""
    answer = arena.root / "answer"
    answer.unlink(missing_ok=True)

    async def told() -> None:
        answer.write_text(json.dumps(await main()))

    os.waitpid(fork(told, faults=arena.faults, change=change), 0)
    return json.loads(answer.read_text()) if answer.exists() else None


async def _fill(arena: Arena) -> None:
    if arena.s3 is not None:
        async with open_s3(arena.s3) as bucket:
            await bucket.ensure_bucket()
    async with open_database(arena.database_url) as db, db.transaction() as session:
        session.add(User(id=arena.owner_id, name="crash", created_at=datetime.now(UTC)))


async def _recover(arena: Arena) -> int:
    async with open_parts(arena, lambda _: None, None) as parts:
        return await actors.recover(parts)


async def _check(arena: Arena) -> dict[str, object]:
    return asdict(await check(arena))

"""Work that is watched, and those who are told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from autodj.errors import DatabaseUnavailable, DiskFull
from autodj.tracks import progress
from autodj.tracks.progress import watched


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "REPORT_EVERY_S", 0.01)


async def test_a_share_that_could_not_be_told_is_told_again() -> None:
    told: list[float] = []
    heard = asyncio.Event()

    async def work(hear: Callable[[float], None]) -> str:
        hear(0.5)
        await heard.wait()
        return "done"

    async def tell(share: float) -> None:
        told.append(share)
        if len(told) < 3:
            raise DatabaseUnavailable
        heard.set()

    assert await watched(work, tell) == "done"
    assert told == [0.5, 0.5, 0.5]


async def test_work_whose_watcher_is_cancelled_has_ended_when_that_is_over() -> None:
    begun, ended = asyncio.Event(), False

    async def work(_: Callable[[float], None]) -> None:
        nonlocal ended
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)  # it has something to put away
            ended = True

    async def tell(_: float) -> None: ...

    watching = asyncio.create_task(watched(work, tell))
    await begun.wait()
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert ended


async def test_what_the_work_fails_at_is_told_to_whoever_asked_for_it() -> None:
    async def work(_: Callable[[float], None]) -> None:
        await asyncio.sleep(0)
        raise DiskFull

    async def tell(_: float) -> None: ...

    with pytest.raises(DiskFull):
        await watched(work, tell)

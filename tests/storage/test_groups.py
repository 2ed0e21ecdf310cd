from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from autodj.storage.s3.groups import side_by_side


async def fails(after_s: float) -> None:
    await asyncio.sleep(after_s)
    raise ValueError("first")


async def is_stopped(stopped: list[bool]) -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        stopped.append(True)
        raise


async def failing(stopped: list[bool], busy_s: float) -> None:
    async with side_by_side() as group:
        group.create_task(fails(0.01))
        group.create_task(is_stopped(stopped))
        await asyncio.sleep(busy_s)


@pytest.mark.parametrize("busy_s", [0.0, 0.05], ids=["on its way out", "at work"])
async def test_the_first_failure_stops_the_others_and_leaves_no_cancellation(
    busy_s: float,
) -> None:
    stopped: list[bool] = []
    with pytest.raises(ValueError, match="first"):
        await failing(stopped, busy_s)
    task = asyncio.current_task()
    assert stopped == [True]
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def late_after_a_failure() -> None:
    async with asyncio.timeout(0.05):
        with suppress(ValueError):
            await failing([], 0.0)
        await asyncio.sleep(60)


async def test_a_deadline_around_a_failed_group_is_still_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        await late_after_a_failure()


async def test_all_are_awaited_and_their_results_kept() -> None:
    async def answer(value: int) -> int:
        await asyncio.sleep(0.01 * value)
        return value

    async with side_by_side() as group:
        tasks = [group.create_task(answer(value)) for value in (2, 1, 0)]
    assert [task.result() for task in tasks] == [2, 1, 0]

"""Faults that pass: a store that does what it promises does it all the same when it meets one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from random import Random
from typing import Final

from autodj.storage.s3 import S3Timing
from bench.faults.kinds import KINDS
from bench.faults.proxy import Exchange, Fault, FaultProxy

BEFORE: Final = ("500", "503 SlowDown", "429", "reset")
AFTER: Final = ("answer lost", "500 after doing it")
"""What was asked for is done, and asked for again."""

# Requests side by side may make one and the same be spoilt again and again: four times, one in 600.
QUICK: Final = S3Timing(attempts=8, retry_delay_s=0.002)


def spoil(proxy: FaultProxy, *, every: int, kinds: Sequence[str] = (*BEFORE, *AFTER)) -> None:
    """From now on one request in ``every`` meets a fault, each time another one."""
    faults = cycle([KINDS[each](Random(0)) for each in kinds])

    async def next_one(exchange: Exchange) -> None:
        fault: Fault = next(faults)
        await fault(exchange)

    proxy.plan(next_one, one_in(every))


def one_in(every: int) -> Callable[[int], bool]:
    """Never two in a row, so that a repetition is not spoilt again."""
    return lambda number: number % every == 1

"""Every kind of fault on every operation, and the judgement of each case."""

from __future__ import annotations

import asyncio
import ssl
import time
import traceback
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random
from typing import Final, TypeVar

from autodj.errors import AutodjError, ObjectNotFound, StoreError
from autodj.storage.s3 import S3Config, S3Storage, S3Timing, S3Transfers, open_s3
from bench.faults.kinds import KINDS
from bench.faults.operations import (
    OPERATIONS,
    PART_BYTES,
    UNDETECTABLE,
    Case,
    Check,
    Operation,
    body_of,
)
from bench.faults.proxy import FaultProxy, open_proxy

# The waits of the real thing, made short enough to go through them thousands of times.
HASTY: Final = S3Timing(
    connect_s=0.5,
    read_s=0.6,
    attempts=3,
    retry_delay_s=0.02,
    metadata_s=2,
    body_s=2,
    body_bytes_per_s=4 * 1024**2,
)
IN_PARTS: Final = S3Transfers(multipart_bytes=PART_BYTES, part_bytes=PART_BYTES)
CUT_S: Final = 1
BEAT_S: Final = 0.05
STALL_S: Final = 0.5
STALLS: Final = 3
HARNESS_ATTEMPTS: Final = 3

Result = TypeVar("Result")
READS: Final = {"read", "read a range", "read a version", "download", "download at once"}


class Verdict(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    WRONG = "wrong bytes"
    FALSE = "false success"
    UNTYPED = "error without a type"
    LATE = "past its deadline"


GOOD: Final = {Verdict.DONE, Verdict.REFUSED}


@dataclass(frozen=True, slots=True)
class Judged:
    """One case. ``spoilt`` requests were met by the fault."""

    kind: str
    operation: str
    seed: int
    verdict: Verdict
    error: str = ""
    spoilt: int = 0


@dataclass
class Tally:
    cases: list[Judged] = field(default_factory=list)
    stalls: int = 0

    @property
    def bad(self) -> list[Judged]:
        return [each for each in self.cases if each.verdict not in GOOD]

    @property
    def spoilt(self) -> int:
        return sum(each.spoilt > 0 for each in self.cases)

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{self.count(verdict)} {verdict}" for verdict in Verdict)
        return f"{len(self.cases)} cases, of which the fault met {self.spoilt}: {counts}"

    def count(self, verdict: Verdict) -> int:
        return Counter(each.verdict for each in self.cases)[verdict]


@dataclass(frozen=True, slots=True)
class Ways:
    """The one to a bucket through the proxy, and the true one."""

    store: S3Storage
    direct: S3Storage


@dataclass(frozen=True, slots=True)
class Bench:
    """A proxy, and the ways to a bucket and to one that keeps versions."""

    proxy: FaultProxy
    plain: Ways
    versioned: Ways


def plan(
    kinds: Sequence[str], operations: Sequence[str], seeds: Iterable[int]
) -> Iterator[tuple[str, str, int]]:
    for seed in seeds:
        for kind in kinds:
            for operation in operations:
                if (kind, operation) not in UNDETECTABLE:
                    yield kind, operation, seed


async def run(
    config: S3Config,
    cases: Iterable[tuple[str, str, int]],
    *,
    timing: S3Timing = HASTY,
    slack_s: float = 1.0,
    at_once: int = 8,
    say: Callable[[Judged], None] = lambda _: None,
    tls: ssl.SSLContext | None = None,
) -> Tally:
    """Go through the cases, ``at_once`` side by side; ``timing`` is what the store goes by, the
    deadlines are those of ``HASTY``. With ``tls`` what is spoilt is what is encrypted afterwards.
    """
    tally = Tally()
    waiting = iter(cases)
    run_task = asyncio.current_task()
    assert run_task is not None
    async with AsyncExitStack() as stack:
        pulse = await stack.enter_async_context(open_pulse())
        plain = await stack.enter_async_context(open_s3(config))
        await plain.ensure_bucket()
        versioned = await stack.enter_async_context(_versioned(config))

        async def work() -> None:
            async with _bench(config, plain, versioned, timing, tls) as bench:
                for kind, operation, seed in waiting:
                    for _ in range(STALLS):
                        began_s = time.monotonic()
                        judged = await _judged(run_task, bench, kind, operation, seed, slack_s)
                        if judged.verdict is not Verdict.LATE or pulse.steady_since(began_s):
                            break
                        tally.stalls += 1  # it was this machine that stood still
                    tally.cases.append(judged)
                    say(judged)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
    return tally


async def _judged(
    run_task: asyncio.Task[object],
    bench: Bench,
    kind: str,
    operation: str,
    seed: int,
    slack_s: float,
) -> Judged:
    """A cancellation that nobody asked for ends a worker in silence, and its case with it."""
    try:
        return await judge(bench, kind, operation, seed, slack_s)
    except asyncio.CancelledError as error:
        if run_task.cancelling():
            raise
        task = asyncio.current_task()
        while task is not None and task.cancelling():
            task.uncancel()
        trace = "".join(traceback.format_exception(error))
        return Judged(kind, operation, seed, Verdict.UNTYPED, trace)


async def judge(bench: Bench, kind: str, name: str, seed: int, slack_s: float) -> Judged:
    chance = Random(f"{seed} {kind} {name}")
    operation = OPERATIONS[name]
    ways = bench.versioned if operation.versioned else bench.plain
    case = Case(
        ways.store,
        ways.direct,
        body_of(operation, chance),
        f"faults/{chance.randrange(2**64):016x}",
    )
    bench.proxy.plan(None, lambda _: False)
    await _patiently(lambda: operation.prepare(case))
    bench.proxy.plan(KINDS[kind](chance), _hits(operation, chance))
    verdict, error = await _tried(case, name, operation, slack_s)
    return Judged(kind, name, seed, verdict, error, bench.proxy.spoilt)


def _hits(operation: Operation, chance: Random) -> Callable[[int], bool]:
    """Which requests are spoilt: one, two in a row, or all from some point on."""
    first = chance.randrange(operation.requests)
    last = first + chance.choice([1, 1, 2, 10**6])
    return lambda number: first <= number < last


async def _tried(
    case: Case, name: str, operation: Operation, slack_s: float
) -> tuple[Verdict, str]:
    within_s = operation.within_s(HASTY)
    began_s = time.monotonic()
    check = None
    try:
        async with asyncio.timeout(within_s + slack_s + CUT_S):
            check = await operation.do(case)
    except ObjectNotFound as error:  # nothing is asked for that is not there
        return Verdict.FALSE, error.code
    except AutodjError as error:
        told = error.code
    except TimeoutError:
        return Verdict.LATE, "and not over then"
    except Exception as error:  # noqa: BLE001 - that it is not one of ours is the finding
        return Verdict.UNTYPED, repr(error)
    took_s = time.monotonic() - began_s
    if check is not None and not await _patiently(lambda: _is_true(check)):
        return (Verdict.WRONG if name in READS else Verdict.FALSE), ""
    if took_s > within_s + slack_s:
        return Verdict.LATE, f"{took_s:.1f} s of {within_s:g} s"
    return (Verdict.REFUSED, told) if check is None else (Verdict.DONE, "")


async def _is_true(check: Check) -> bool:
    try:
        return await check()
    except ObjectNotFound:
        return False


async def _patiently(work: Callable[[], Awaitable[Result]]) -> Result:
    """What the harness itself asks the server must not fail because all is slow."""
    for _ in range(HARNESS_ATTEMPTS - 1):
        with suppress(StoreError):
            return await work()
    return await work()


@dataclass
class Pulse:
    """When this loop was last kept from running for long."""

    stalled_s: float = 0.0

    async def beat(self) -> None:
        while True:
            began_s = time.monotonic()
            await asyncio.sleep(BEAT_S)
            if time.monotonic() - began_s - BEAT_S > STALL_S:
                self.stalled_s = time.monotonic()

    def steady_since(self, began_s: float) -> bool:
        return self.stalled_s < began_s


@asynccontextmanager
async def open_pulse() -> AsyncGenerator[Pulse, None]:
    pulse = Pulse()
    beating = asyncio.create_task(pulse.beat())
    try:
        yield pulse
    finally:
        beating.cancel()


@asynccontextmanager
async def _versioned(config: S3Config) -> AsyncGenerator[S3Storage, None]:
    bucket = _with_versions(config).bucket
    async with open_s3(_with_versions(config)) as store:
        await store.ensure_bucket()
        await store._client.put_bucket_versioning(  # noqa: SLF001 - no store sets up a bucket
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        yield store


def _with_versions(config: S3Config) -> S3Config:
    return replace(config, bucket=f"{config.bucket}-versions")


@asynccontextmanager
async def _bench(
    config: S3Config,
    plain: S3Storage,
    versioned: S3Storage,
    timing: S3Timing,
    tls: ssl.SSLContext | None,
) -> AsyncGenerator[Bench, None]:
    assert config.endpoint_url is not None
    async with open_proxy(config.endpoint_url, tls) as (proxy, url):
        through = replace(config, endpoint_url=url, timing=timing, transfers=IN_PARTS)
        async with open_s3(through) as store, open_s3(_with_versions(through)) as keeping:
            yield Bench(proxy, Ways(store, plain), Ways(keeping, versioned))

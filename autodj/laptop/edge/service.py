"""The edge as a service: everything it consists of, opened together and closed in reverse."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from autodj.laptop.edge.access_log import AccessLog, Entry, into_bucket, into_folder
from autodj.laptop.edge.app import Edge
from autodj.laptop.edge.cache import DiskCache
from autodj.laptop.edge.control import control_app
from autodj.laptop.edge.distribution import Behaviour, Distribution
from autodj.laptop.edge.fault import Fault
from autodj.laptop.edge.head import CacheRules
from autodj.laptop.edge.keygroup import KeyGroup
from autodj.laptop.edge.origin import Bucket, open_origin
from autodj.laptop.edge.redirect import to_https
from autodj.laptop.edge.spoiling import (
    SLOW_S,
    faulty,
    faulty_admission,
    faulty_cache_key,
)
from autodj.laptop.edge.viewer import admission
from autodj.laptop.faults import prepare_directory
from autodj.laptop.locks import lock_soon
from autodj.laptop.ports import LOOPBACK
from autodj.laptop.serving import Certificate, serving

DISTRIBUTION_ID = "EAUTODJLAPTOP"
CACHE_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. Ports of 0 are free ones; None opens none.

    ``keys`` None: no path wants a signature. ``http_port`` sends to HTTPS, so it needs the
    certificate. ``logs`` is a folder, or a prefix in the bucket; None: no access logs.
    ``faults`` are looked at for each request, so a test may change them meanwhile.
    """

    bucket: Bucket
    keys: KeyGroup | None
    cache_dir: Path
    cache_bytes: int = CACHE_BYTES
    host: str = LOOPBACK
    port: int = 0
    certificate: Certificate | None = None
    http_port: int | None = None
    control_port: int | None = None
    logs: Path | str | None = None
    distribution_id: str = DISTRIBUTION_ID
    unsigned: tuple[str, ...] = ("public/*",)
    cache_rules: CacheRules = field(default_factory=CacheRules)
    faults: AbstractSet[Fault] = frozenset()
    slow_s: float = SLOW_S

    @property
    def faulty(self) -> bool:
        """Whether faults are wanted, now or, in a set that can change, later."""
        return bool(self.faults) or not isinstance(self.faults, frozenset)


@dataclass(frozen=True, slots=True)
class Running:
    """Where it answers: origins without a path, None for what was not opened."""

    edge: Edge
    url: str
    http_url: str | None
    control_url: str | None


@asynccontextmanager
async def open_edge(plan: Plan) -> AsyncGenerator[Running]:
    """The edge of the plan, until the block ends. CommandError for what cannot be opened."""
    async with AsyncExitStack() as stack:
        refusal = f"Another edge is using {plan.cache_dir}; stop it first."
        descriptor = await lock_soon(plan.cache_dir / "lock", refusal=refusal)
        stack.callback(partial(os.close, descriptor))
        cache = await asyncio.to_thread(DiskCache, plan.cache_dir, plan.cache_bytes)
        origin = await stack.enter_async_context(open_origin(plan.bucket))
        note = await _open_logs(stack, plan)
        distribution = Distribution(
            keys=None if plan.keys is None else plan.keys.current,
            id=plan.distribution_id,
            behaviours=tuple(Behaviour(pattern, signed=False) for pattern in plan.unsigned),
            cache=plan.cache_rules,
        )
        edge = Edge(
            distribution,
            origin,
            cache,
            admit=faulty_admission(admission(distribution, time.time), plan.faults),
            cache_key=faulty_cache_key(plan.faults),
            note=note,
        )
        yield await _serve(stack, plan, edge)


async def _serve(stack: AsyncExitStack, plan: Plan, edge: Edge) -> Running:
    app = faulty(edge, plan.faults, slow_s=plan.slow_s) if plan.faulty else edge
    serve = partial(serving, host=plan.host, dates=False)
    url = await stack.enter_async_context(
        serve(app, port=plan.port, certificate=plan.certificate, option="--port")
    )
    http_url = control_url = None
    if plan.http_port is not None:
        plain: ASGIApp = to_https(urlsplit(url).port or 443)
        if Fault.SERVES_HTTP in plan.faults:
            plain = app
        http_url = await stack.enter_async_context(
            serve(plain, port=plan.http_port, option="--http-port")
        )
    if plan.control_port is not None:
        control = control_app(edge.copies, plan.distribution_id)
        control_url = await stack.enter_async_context(
            serving(control, port=plan.control_port, option="--control-port")
        )
    return Running(edge, url, http_url, control_url)


async def _open_logs(stack: AsyncExitStack, plan: Plan) -> Callable[[Entry], None] | None:
    if plan.logs is None:
        return None
    if isinstance(plan.logs, Path):
        store = into_folder(prepare_directory(plan.logs, min_free_bytes=0))
    else:
        bucket = replace(plan.bucket, origin_path="")
        store = into_bucket(await stack.enter_async_context(open_origin(bucket)), plan.logs)
    entries = AccessLog(plan.distribution_id, store)
    stack.push_async_callback(_end, asyncio.create_task(entries.keep_flushing()))
    return entries.note


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

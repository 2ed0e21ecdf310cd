"""Sandboxes and other decoders that are careless on purpose, each in one way."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, ClassVar, Final

from autodj.audio.confine import ChildLimits
from autodj.audio.facts import Analysis, DecodeLimits, Document, Probe
from autodj.audio.identify import Container
from autodj.audio.sandbox import Sandbox, open_sandbox
from bench.mutations.ward import OpenTaker

POISONED_TASKS: Final = "bench.mutations.poison"
_ANALYSIS_S: Final = 8.0


class Changed(Sandbox):
    """A sandbox with other limits."""

    changes: ClassVar[dict[str, Any]]

    async def run(
        self,
        task: str,
        path: Path,
        arguments: dict[str, Any],
        limits: ChildLimits,
        on_progress: Callable[[float], None] | None = None,
        *,
        output_fd: int | None = None,
    ) -> object:
        changed = replace(limits, **self.changes)
        return await super().run(task, path, arguments, changed, on_progress, output_fd=output_fd)


class Hasty(Changed):
    """The real limits, but for less time, so that a control need not last minutes."""

    changes: ClassVar[dict[str, Any]] = {"cpu_s": 2, "wall_s": 2.0, "stall_s": 2.0}


class Endless(Changed):
    changes: ClassVar[dict[str, Any]] = {"cpu_s": 1 << 20, "wall_s": 1e6, "stall_s": 1e6}


class Boundless(Changed):
    changes: ClassVar[dict[str, Any]] = {**Hasty.changes, "memory_bytes": 1 << 40}


class Leaking(Hasty):
    """Forgets to close what it opened."""

    async def probe(
        self, path: Path, container: Container, limits: DecodeLimits | None = None
    ) -> Probe:
        ABANDONED.append(path.open("rb"))
        return await super().probe(path, container, limits)


class Littering(Hasty):
    """Leaves a copy behind."""

    async def probe(
        self, path: Path, container: Container, limits: DecodeLimits | None = None
    ) -> Probe:
        shutil.copy(path, path.with_suffix(".copy"))
        return await super().probe(path, container, limits)


class Unreaped(Hasty):
    """Starts a program for each file and never asks what became of it."""

    async def probe(
        self, path: Path, container: Container, limits: DecodeLimits | None = None
    ) -> Probe:
        ABANDONED.append(await asyncio.to_thread(subprocess.Popen, ["/bin/true"]))
        return await super().probe(path, container, limits)


ABANDONED: Final[list[IO[bytes] | subprocess.Popen[bytes]]] = []
"""What the careless have left, for whoever judges them to put away."""


def confined(kind: type[Sandbox] | None = None) -> OpenTaker:
    """A sandbox with decoders that can be poisoned; None for the product's own, whole."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Sandbox]:
        if kind is None:
            async with open_sandbox(max_children=1) as sandbox:
                yield sandbox
            return
        sandbox = kind(1, _ANALYSIS_S, POISONED_TASKS)
        sandbox.start()
        try:
            yield sandbox
        finally:
            await sandbox.close()

    return opened


@dataclass
class InProcess:
    """Decodes in a process that lives on, as a worker without a sandbox would."""

    pool: ProcessPoolExecutor

    @property
    def process_id(self) -> int:
        return self.pool.submit(os.getpid).result()

    def start(self) -> InProcess:
        try:
            self.pool.submit(os.getpid).result()
        except BrokenProcessPool:
            self.pool = _pool()
        return self

    async def probe(self, path: Path, container: Container) -> Probe:
        return Probe.from_document(await self._run("probe", path, container))

    async def cover(self, _path: Path, _container: Container) -> bytes | None:
        return None

    async def analyze(self, path: Path, container: Container) -> Analysis:
        return Analysis.from_document(await self._run("analyze", path, container))

    async def _run(self, task: str, path: Path, container: Container) -> Document:
        work = self.start().pool.submit(_decode, task, path, container.extension)
        found: Document = await asyncio.wrap_future(work)
        return found


@asynccontextmanager
async def in_process() -> AsyncIterator[InProcess]:
    taker = InProcess(_pool())
    try:
        yield taker
    finally:
        taker.pool.shutdown()


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def _decode(task: str, path: Path, extension: str) -> Any:  # noqa: ANN401  # JSON of any kind
    from bench.mutations.poison import TASKS  # noqa: PLC0415  # only the pool's process decodes

    arguments = {"extension": extension, "limits": DecodeLimits().to_document()}
    with path.open("rb") as file:
        return TASKS[task](file, arguments, lambda *_: None)

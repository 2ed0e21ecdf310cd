"""Look into audio files without trusting them: every decoder runs in a confined child.

Light enough for the web process. What a file does to its child is a verdict about the file
(AudioRejected, UnsupportedMedia); what goes wrong around the child is ours (SandboxError).
"""

from __future__ import annotations

import asyncio
import base64
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

from autodj.audio.confine import ChildLimits
from autodj.audio.facts import Analysis, DecodeLimits, Probe, Tags
from autodj.audio.identify import Container
from autodj.audio.photo import Drawn, PhotoForm
from autodj.audio.recipes import Made, Recipe
from autodj.audio.warm import Outcome, WarmProcess
from autodj.audio.wire import Request
from autodj.errors import (
    AudioRejected,
    DiskFull,
    PictureRejected,
    SandboxError,
    UnsupportedMedia,
)

log = structlog.get_logger(__name__)

TASKS_MODULE = "autodj.audio.tasks"
_MEGABYTE = 1024 * 1024
_GLANCE_LIMITS = ChildLimits(memory_bytes=1024 * _MEGABYTE, cpu_s=20, wall_s=30.0)
_PROBE = TypeAdapter(Probe)
_ANALYSIS = TypeAdapter(Analysis)
_TAGS = TypeAdapter(Tags)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The answer of a child that renders."""

    made: Made | None
    disk_full: bool


@dataclass(frozen=True, slots=True)
class Redrawn:
    """The answer of a child that draws a photo."""

    drawn: Drawn | None
    disk_full: bool


_RENDERED = TypeAdapter(Rendered)
_REDRAWN = TypeAdapter(Redrawn)
Facts = TypeVar("Facts", Probe, Analysis, Tags, Rendered, Redrawn)


@asynccontextmanager
async def open_sandbox(
    *,
    max_children: int = 2,
    analysis_timeout_s: float = 600.0,
    tasks_module: str = TASKS_MODULE,
) -> AsyncIterator[Sandbox]:
    """Start a warm process now and end it, with every child, on leaving.

    ``max_children`` bounds the memory: more callers wait. SandboxError when no process can
    be started.
    """
    sandbox = Sandbox(max_children, analysis_timeout_s, tasks_module)
    sandbox.start()
    try:
        yield sandbox
    finally:
        await sandbox.close()


class Sandbox:
    """One warm process, started again whenever it is found dead."""

    def __init__(self, max_children: int, analysis_timeout_s: float, tasks_module: str) -> None:
        self._slots = asyncio.Semaphore(max_children)
        self._analysis_timeout_s = analysis_timeout_s
        self._tasks_module = tasks_module
        self._warm: WarmProcess | None = None

    async def probe(
        self, path: Path, container: Container, limits: DecodeLimits | None = None
    ) -> Probe:
        """Decode the whole file once and tell what it is.

        AudioRejected (``no_audio``, ``truncated``, ``channels``, ``sample_rate``,
        ``too_long``, ``tags_too_large``, ``undecodable``) or UnsupportedMedia for a codec
        that is not taken.
        """
        limits = limits or DecodeLimits()
        # The slowest of our decoders (Opus) manages some 150 times real time.
        cpu_s = 20 + limits.max_duration_s / 100
        child = ChildLimits(cpu_s=int(cpu_s), wall_s=1.5 * cpu_s)
        document = await self.run("probe", path, _arguments(container, limits), child)
        return _validated(_PROBE, document)

    async def cover(self, path: Path, container: Container) -> bytes | None:
        """The embedded picture as a clean JPEG of at most 1000 x 1000 pixels.

        None when there is none, or none fit to be shown; a bad picture is logged and never
        a fault of the track.
        """
        try:
            document = await self.run(
                "cover", path, _arguments(container, DecodeLimits()), _GLANCE_LIMITS
            )
        except (AudioRejected, UnsupportedMedia) as refusal:
            log.info("cover_dropped", reason=refusal.detail)
            return None
        if isinstance(document, str):
            return base64.b64decode(document)
        return None

    async def photo(self, path: Path, output: Path, form: PhotoForm) -> Drawn:
        """Draw the photo anew into ``output``, a new file: PNG, JPEG and still WebP.

        UnsupportedMedia for other files, PictureRejected for what cannot be drawn, DiskFull.
        """
        limits = replace(_GLANCE_LIMITS, max_output_bytes=form.max_bytes)
        with output.open("xb", buffering=0) as file:
            try:
                document = await self.run(
                    "photo", path, {"form": form.to_document()}, limits, output_fd=file.fileno()
                )
            except AudioRejected as refusal:
                known = refusal.code != AudioRejected.code
                code = refusal.code if known else PictureRejected.code
                raise PictureRejected(refusal.detail, code=code) from refusal
        answer = _validated(_REDRAWN, document)
        if answer.disk_full or answer.drawn is None:
            raise DiskFull
        return answer.drawn

    async def tags(self, path: Path, container: Container) -> Tags:
        """What the file says of itself, without decoding it; raises as ``probe`` does."""
        arguments = _arguments(container, DecodeLimits())
        return _validated(_TAGS, await self.run("tags", path, arguments, _GLANCE_LIMITS))

    async def analyze(
        self,
        path: Path,
        container: Container,
        limits: DecodeLimits | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> Analysis:
        """Measure the file; ``on_progress`` gets rising shares of 0 to 1 as it goes.

        Raises as ``probe`` does. Cancelling it ends the child.
        """
        seconds = self._analysis_timeout_s
        child = ChildLimits(
            memory_bytes=1536 * _MEGABYTE,
            cpu_s=int(seconds),
            wall_s=seconds,
            stall_s=seconds,
            # A day of quick beats takes six.
            max_answer_bytes=16 * _MEGABYTE,
        )
        arguments = _arguments(container, limits or DecodeLimits())
        document = await self.run("analyze", path, arguments, child, on_progress)
        return _validated(_ANALYSIS, document)

    async def render(
        self,
        path: Path,
        container: Container,
        recipe: Recipe,
        output: Path,
        limits: DecodeLimits | None = None,
        on_progress: Callable[[float], None] | None = None,
        *,
        timeout_s: float = 1800.0,
        max_bytes: int = 1 << 30,
    ) -> Made | None:
        """Make a rendition in ``output``, a new file of at most ``max_bytes``.

        None when the recipe cannot be kept for this audio; ``output`` is then of no use.
        DiskFull when there is no room; else raises as ``analyze`` does, and like it.
        """
        child = ChildLimits(
            cpu_s=int(timeout_s), wall_s=timeout_s, stall_s=timeout_s, max_output_bytes=max_bytes
        )
        arguments = _arguments(container, limits or DecodeLimits())
        arguments["recipe"] = recipe.to_document()
        with output.open("xb+", buffering=0) as file:
            document = await self.run(
                "render", path, arguments, child, on_progress, output_fd=file.fileno()
            )
        answer = _validated(_RENDERED, document)
        if answer.disk_full:
            raise DiskFull
        return answer.made

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
        """Run one task of the tasks module on one file; the JSON it returns."""
        async with self._slots:
            try:
                input_fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise SandboxError(f"The file cannot be opened: {error.strerror}.") from error
            try:
                outcome = await self.start().ask(
                    Request(task, arguments, limits), input_fd, on_progress or _ignore, output_fd
                )
            finally:
                os.close(input_fd)
        return _judged(outcome, task)

    def start(self) -> WarmProcess:
        """The living warm process, a new one if need be."""
        if self._warm is not None and not self._warm.alive:
            self._warm.release()
            self._warm = None
        if self._warm is None:
            self._warm = WarmProcess.start(self._tasks_module)
        return self._warm

    async def close(self) -> None:
        if self._warm is not None:
            await self._warm.close()


def _judged(outcome: Outcome, task: str) -> object:
    """The result, or the error that this end means."""
    match outcome.verdict:
        case "result":
            return outcome.content
        case "refused":
            code, detail = outcome.content
            raise AudioRejected(detail, code=code)
        case "unsupported":
            raise UnsupportedMedia(outcome.content)
        case "late":
            raise AudioRejected("Decoding takes longer than is allowed.")
        case "broken":
            raise SandboxError(f"The decoder could not be confined: {outcome.content}")
        case "failed":
            log.warning("decoder_failed", task=task, trace=outcome.content)
            raise AudioRejected("The decoder cannot make sense of the file.")
    log.warning("decoder_died", task=task, exit_code=outcome.exit_code)
    if outcome.exit_code in (-signal.SIGXCPU, -signal.SIGKILL):
        raise AudioRejected("Decoding takes more time or memory than is allowed.")
    raise AudioRejected("The decoder crashes on the file.")


def _arguments(container: Container, limits: DecodeLimits) -> dict[str, Any]:
    return {"extension": container.extension, "limits": limits.to_document()}


def _validated(adapter: TypeAdapter[Facts], document: object) -> Facts:
    try:
        return adapter.validate_python(document)
    except ValidationError as error:
        raise SandboxError("The decoder's answer has the wrong shape.") from error


def _ignore(_share: float) -> None:
    return None

"""Measuring files on this machine, without a server: each in a confined child, several at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from autodj.audio.facts import Analysis, DecodeLimits, Tags
from autodj.audio.identify import identify
from autodj.audio.sandbox import Sandbox
from autodj.cli.console import document_of, from_os_error
from autodj.cli.sources import find_sources
from autodj.errors import AutodjError, CommandError

Listener = Callable[[Path, float], None]

_NO_URLS = "Only files are measured here; `autodj add` takes URLs."


@dataclass(frozen=True, slots=True)
class Measured:
    """What measuring a file came to: how the kind of file is called, what it says of itself
    and what was measured.
    """

    path: Path
    kind: str
    tags: Tags
    analysis: Analysis

    def document(self) -> dict[str, Any]:
        return {
            "file": str(self.path),
            "kind": self.kind,
            "tags": self.tags.to_document(),
            "analysis": self.analysis.to_document(),
        }


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A file, or what was named in place of one, and why it could not be measured."""

    named: str
    fault: AutodjError

    def document(self) -> dict[str, Any]:
        return {"file": self.named, "error": document_of(self.fault)}


Outcome: TypeAlias = Measured | Unmeasured


def find_files(named: Sequence[str]) -> list[Path | Unmeasured]:
    """The audio that was named, in that order, folders with all below them; what leads nowhere
    is there as its fault, so that it stops no other.
    """
    found: list[Path | Unmeasured] = []
    for name in named:
        try:
            sources = find_sources([name])
        except CommandError as error:
            found.append(Unmeasured(name, CommandError(error.detail, hint="Check the name.")))
            continue
        except OSError as error:
            found.append(Unmeasured(name, from_os_error(error)))
            continue
        found += [path for path, _ in sources.files]
        found += [Unmeasured(url, CommandError(_NO_URLS)) for url in sources.urls]
        found += [Unmeasured(error.filename, from_os_error(error)) for error in sources.unread]
    return list(dict.fromkeys(found))


async def measure_all(
    sandbox: Sandbox,
    files: Sequence[Path | Unmeasured],
    on_progress: Listener,
    on_end: Callable[[Outcome], None],
) -> Sequence[Outcome]:
    """The outcome of each file, and ``on_end`` hears them in their order as soon as that can
    be; the sandbox bounds how many run at a time.
    """
    ended = []
    tasks = [asyncio.create_task(_outcome(sandbox, each, on_progress)) for each in files]
    try:
        for task in tasks:
            ended.append(await task)
            on_end(ended[-1])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return ended


async def _outcome(sandbox: Sandbox, file: Path | Unmeasured, on_progress: Listener) -> Outcome:
    if isinstance(file, Unmeasured):
        return file
    try:
        return await _measured(sandbox, file, on_progress)
    except AutodjError as fault:
        return Unmeasured(str(file), fault)
    except OSError as error:
        return Unmeasured(str(file), from_os_error(error))


async def _measured(sandbox: Sandbox, path: Path, on_progress: Listener) -> Measured:
    container = await asyncio.to_thread(identify, path)
    limits = DecodeLimits()
    analysis = await sandbox.analyze(
        path, container, limits, lambda share: on_progress(path, share)
    )
    tags = await sandbox.tags(path, container)
    return Measured(path, container.name, tags, analysis)

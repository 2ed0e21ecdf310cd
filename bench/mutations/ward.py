"""Takes broken files in as an upload is, and keeps an eye on everything around them."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from structlog.testing import capture_logs

from autodj.audio.facts import Analysis, Probe
from autodj.audio.identify import BY_EXTENSION, Container, identify
from autodj.errors import AudioRejected, UnsupportedMedia
from bench.mutations.seeds import Seed

LONGEST_S: Final = 35.0
MOST_CHILD_BYTES: Final = 768 * 1024 * 1024
LATE: Final = "Decoding takes longer than is allowed."


class Start(Protocol):
    """What a sandbox says of its warm process."""

    @property
    def process_id(self) -> int: ...


class Taker(Protocol):
    """What takes a file apart: a sandbox, or something that is careless on purpose."""

    def start(self) -> Start: ...

    async def probe(self, path: Path, container: Container) -> Probe: ...

    async def cover(self, path: Path, container: Container) -> bytes | None: ...

    async def analyze(self, path: Path, container: Container) -> Analysis: ...


OpenTaker = Callable[[], AbstractAsyncContextManager[Taker]]


@dataclass
class Tally:
    """What came of a run. ``faults`` is what must not be, by its number of cases."""

    verdicts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    culprits: dict[str, int] = field(default_factory=dict)
    child_deaths: int = 0
    unforeseen: list[str] = field(default_factory=list)
    late: int = 0
    longest_s: float = 0.0
    child_bytes: int = 0
    took_s: float = 0.0

    @property
    def good(self) -> bool:
        return not self.faults

    @property
    def files(self) -> int:
        return self.verdicts.total()

    def fault(self, what: str, number: int | None = None) -> None:
        self.faults[what] += 1
        if number is not None:
            self.culprits.setdefault(what, number)


def run(
    broken: Iterable[tuple[int, Seed]],
    folder: Path,
    open_taker: OpenTaker,
    *,
    good: Seed,
    workers: int,
    longest_s: float = LONGEST_S,
) -> Tally:
    """Put every numbered file through one of ``workers`` takers. ``folder`` is theirs alone;
    ``good`` is a whole file, which must be measured alike before and after.
    """
    tally, began = Tally(), time.monotonic()
    descriptors, largest = _descriptors(os.getpid()), _largest_child_bytes()
    with capture_logs() as logs:
        ward = _Ward(iter(broken), folder, open_taker, good, tally, longest_s)
        asyncio.run(ward.work(workers))
    tally.took_s = time.monotonic() - began
    if _descriptors(os.getpid()) > descriptors:
        tally.fault("open descriptors left in the worker")
    if any(folder.iterdir()):
        tally.fault("files left")
    if _zombies(os.getpid()):
        tally.fault("zombies left of the worker")
    for line in logs:
        if line["event"] == "decoder_died":
            tally.child_deaths += 1
        elif line["event"] == "decoder_failed":
            tally.unforeseen.append(line["trace"])
    tally.child_bytes = _largest_child_bytes()
    # A process begins with the peak of the one that it is a copy of.
    if tally.child_bytes > max(MOST_CHILD_BYTES, largest, _own_bytes()):
        tally.fault("a child with too much memory")
    return tally


@dataclass(frozen=True, slots=True)
class _Ward:
    broken: Iterator[tuple[int, Seed]]
    folder: Path
    open_taker: OpenTaker
    good: Seed
    tally: Tally
    longest_s: float

    async def work(self, workers: int) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(workers):
                group.create_task(self._shift(self.folder / f"{number}.mp3"))

    async def _shift(self, path: Path) -> None:
        async with self.open_taker() as taker:
            parent = taker.start().process_id
            before = await self._whole(taker, path)
            descriptors = _descriptors(parent)
            for number, seed in self.broken:
                with _written(path, seed):
                    await _take(taker, path, number, self.tally, self.longest_s)
            if await self._whole(taker, path) != before:
                self.tally.fault("a whole file that is measured otherwise than before")
            _look_around(taker, parent, descriptors, self.tally)

    async def _whole(self, taker: Taker, path: Path) -> Analysis:
        with _written(path, self.good):
            return await taker.analyze(path, BY_EXTENSION[self.good.extension])


@contextmanager
def _written(path: Path, seed: Seed) -> Iterator[None]:
    path.write_bytes(seed.data)
    yield
    path.unlink()


async def _take(taker: Taker, path: Path, number: int, tally: Tally, longest_s: float) -> None:
    began = time.monotonic()
    try:
        async with asyncio.timeout(longest_s):
            tally.verdicts[await _verdict(taker, path, tally)] += 1
    except TimeoutError:
        tally.verdicts["not ended"] += 1
        tally.fault("a file that does not end in time", number)
    except Exception as error:  # noqa: BLE001  # whatever else a file brings about is the finding
        tally.verdicts["an error of ours"] += 1
        tally.fault(f"{type(error).__name__}: {error}", number)
    tally.longest_s = max(tally.longest_s, time.monotonic() - began)


async def _verdict(taker: Taker, path: Path, tally: Tally) -> str:
    """As ingest does, then as the worker that analyses."""
    try:
        container = identify(path)
        probe = await taker.probe(path, container)
        if probe.has_cover:
            await taker.cover(path, container)
        await taker.analyze(path, container)
    except (AudioRejected, UnsupportedMedia) as refusal:
        tally.late += refusal.detail == LATE
        return f"{refusal.status} {refusal.code}"
    return "accepted"


def _look_around(taker: Taker, parent: int, descriptors: int, tally: Tally) -> None:
    if taker.start().process_id != parent:
        tally.fault("a decoder's parent that is another")
        return
    if _descriptors(parent) > descriptors:
        tally.fault("open descriptors left in a decoder's parent")
    if _children(parent):
        tally.fault("children left")


def _largest_child_bytes() -> int:
    """Of all that ended so far and that a child of theirs waited for."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _own_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _descriptors(process_id: int) -> int:
    try:
        return sum(1 for _ in Path(f"/proc/{process_id}/fd").iterdir())
    except FileNotFoundError:
        return 0


def _children(process_id: int) -> list[int]:
    tasks = Path(f"/proc/{process_id}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _zombies(process_id: int) -> list[int]:
    return [
        child
        for child in _children(process_id)
        if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    ]

"""Progress of many sources: a bar for all, one for each under way, a line for each that ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

from autodj.cli.adding import NotAdded, Outcome
from autodj.cli.console import console
from autodj.cli.sources import Sources
from autodj.cli.words import SHORT_ID, clock, plural, printable, size

_SIGNS = {
    "added": ("added  ", "green"),
    "duplicate": ("known  ", "cyan"),
    "failed": ("failed ", "red"),
}
_NAME_WIDTH = 36


class Bars:
    """Draws what ``adding`` tells; a source counts by its bytes, a URL as an average one."""

    def __init__(self, progress: Progress, total: TaskID | None, out: Console | None) -> None:
        self._progress = progress
        self._total = total
        self._out = out
        self._bars: dict[str, TaskID] = {}

    def starts(self, source: str, size_bytes: int | None) -> None:
        about = "" if size_bytes is None else size(size_bytes)
        self._bars[source] = self._progress.add_task(
            short_name(source), total=1.0, step="starting", about=about
        )

    def goes(self, source: str, step: str, share: float) -> None:
        self._progress.update(self._bars[source], completed=share, step=step)

    def ends(self, outcome: Outcome) -> None:
        self._progress.remove_task(self._bars.pop(outcome.source))
        if self._total is not None:
            self._progress.advance(self._total)
        if self._out is not None:
            self._out.print(line_of(outcome), soft_wrap=True)


@contextmanager
def shown_progress(sources: Sources, *, quiet: bool) -> Iterator[Bars]:
    """Bars while the block runs, on a terminal; only the lines elsewhere; nothing if quiet."""
    out = console()
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[step]}", style="dim"),
        TextColumn("{task.fields[about]}", style="dim"),
        console=out,
        transient=True,
        disable=quiet or not out.is_terminal,
    )
    with progress:
        total = None
        if len(sources) > 1:
            about = size(sources.size_bytes)
            name = plural(len(sources), "track")
            total = progress.add_task(name, total=float(len(sources)), step="", about=about)
        yield Bars(progress, total, None if quiet else progress.console)


def line_of(outcome: Outcome) -> Text:
    """The line that a source leaves behind."""
    word, style = _SIGNS[outcome.status]
    if isinstance(outcome, NotAdded):
        return Text.assemble((word, style), short_name(outcome.source))
    track = outcome.track
    return Text.assemble(
        (word, style),
        (track["id"][:SHORT_ID], "dim"),
        f"  {track['title']}",
        (f"  {clock(track['duration_s'])}", "dim"),
    )


def short_name(source: str) -> str:
    """The last part of a path or URL, fit for a terminal and cut to fit in a line."""
    _, is_url, place = source.partition("://")
    path = re.split("[?#]", place)[0].partition("/")[2] if is_url else source
    name = printable(Path(path).name or source)
    return name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1]}…"

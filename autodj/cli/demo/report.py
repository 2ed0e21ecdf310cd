"""What the demonstration prints: a line for each thing done, green when it is as it must be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from autodj.cli import words
from autodj.cli.client import Document
from autodj.cli.demo.delivery import Check
from autodj.cli.demo.takes import Take
from autodj.errors import AutodjError

NAME_WIDTH = 22


@dataclass(slots=True)
class Visit:
    """One file on its way: its bytes, the track that it became, and the track at the end."""

    take: Take
    original: bytes = field(repr=False)
    before: Document
    after: Document = field(default_factory=dict)

    @property
    def track_id(self) -> str:
        return str(self.before["id"])

    @property
    def title(self) -> str:
        return str(self.before["title"])

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.original).hexdigest()


class Report:
    """Prints, and counts what was looked at and what was not as it must be."""

    def __init__(self, out: Console) -> None:
        self.out = out
        self.checks = 0
        self.faults = 0
        self.finished = False

    def opening(self, data_dir: Path) -> None:
        told = Text.assemble(("autodj demo", "bold"), (f"   data in {data_dir}", "dim"))
        self.out.print(told, soft_wrap=True)

    def heading(self, title: str, about: str) -> None:
        self.out.print()
        self.out.print(Text.assemble((title, "bold cyan"), (f"   {about}", "dim")), soft_wrap=True)

    def check(self, check: Check) -> None:
        """A green or a red line."""
        self.line(check.ok, check.asked, check.got)

    def line(self, ok: bool, name: str, told: str, took_s: float | None = None) -> None:
        self.checks += 1
        self.faults += not ok
        sign, style = ("✓", "green") if ok else ("✗", "bold red")
        took = "" if took_s is None else f"{took_s:6.1f} s   "
        self.out.print(
            Text.assemble(
                (f"{sign} ", style),
                (f"{name:<{NAME_WIDTH}}", "" if ok else "red"),
                (took, "dim"),
                (told, "" if ok else "red"),
            ),
            soft_wrap=True,
        )

    def ingested(
        self, visit: Visit, *, created: bool, took_s: float, start: Check, again_is_same: bool
    ) -> None:
        told = [
            "201" if created else "200, known before",
            f"plays from {visit.before['file_source']}" if start.ok else f"start: {start.got}",
            "again: 200, same track" if again_is_same else "again: ANOTHER track",
        ]
        self.line(start.ok and again_is_same, visit.title, "; ".join(told), took_s)

    def refused(self, name: str, refusal: AutodjError) -> None:
        """A file that is no good is no fault of ours; it is told and left out."""
        line = words.printable(f"- {name:<{NAME_WIDTH}}refused: {refusal.detail}")
        self.out.print(Text(line, style="yellow"))

    @contextmanager
    def bars(self, visits: Sequence[Visit]) -> Iterator[Bars]:
        """A bar for each track while the block runs."""
        progress = Progress(
            SpinnerColumn(),
            TextColumn(f"{{task.description:<{NAME_WIDTH}}}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[step]}", style="dim"),
            console=self.out,
            transient=True,
            disable=not self.out.is_terminal,
        )
        with progress:
            yield Bars(self, progress, visits)

    def measured(self, visits: Sequence[Visit]) -> None:
        """The table of what the worker found, beside what it had to find where that is known."""
        self.out.print()
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
        known = any(visit.take.expected for visit in visits)
        for name in ("track", "tempo", "key", "LUFS", "file_source"):
            table.add_column(name, justify="right" if name == "LUFS" else "left")
        for visit in visits:
            table.add_row(*self._row(visit))
        self.out.print(table)
        if known:
            self.out.print(Text("measured, and in brackets what the score says", "dim"))

    def title(self, visit: Visit) -> None:
        self.out.print(Text.assemble((visit.title, "bold"), (f"   {visit.track_id}", "dim")))

    def remark(self, text: str) -> None:
        """A line that belongs to the one above it."""
        self.out.print(Text(f"{'':<{NAME_WIDTH + 2}}{text}", "dim"), soft_wrap=True)

    def closing(self, took_s: float) -> None:
        self.finished = True
        self.out.print()
        if self.faults:
            told = f"{self.faults} of {self.checks} checks failed, after {took_s:.1f} s"
            self.out.print(Text(told, "bold red"))
        else:
            told = f"All {self.checks} checks passed in {took_s:.1f} s"
            self.out.print(Text(told, "bold green"))

    def _row(self, visit: Visit) -> Sequence[str]:
        track, expected = visit.after, visit.take.expected
        tempo, key = f"{words.tempo(track['bpm'])} BPM", words.key(track)
        if expected is not None:
            fits_tempo = expected.fits_tempo(track["bpm"])
            fits_key = expected.fits_key(track["camelot"])
            tempo = self._compared(tempo, f"{expected.bpm:g}", ok=fits_tempo)
            key = self._compared(key, expected.key, ok=fits_key)
        moved = (visit.before["file_source"], track["file_source"])
        known_before = visit.before["job_id"] is None
        return [
            escape(visit.title),
            tempo,
            key,
            words.loudness(track["integrated_lufs"]),
            self._compared(" -> ".join(moved), "", ok=track["file_source"] == "s3" or known_before),
        ]

    def _compared(self, got: str, wanted: str, *, ok: bool) -> str:
        self.checks += 1
        self.faults += not ok
        style = "green" if ok else "bold red"
        beside = f" [dim]({escape(wanted)})[/]" if wanted else ""
        return f"[{style}]{escape(got)}[/]{beside}"


class Bars:
    """One bar for each track; a line when its job is over."""

    def __init__(self, report: Report, progress: Progress, visits: Sequence[Visit]) -> None:
        self._report = report
        self._progress = progress
        self._tasks: dict[str, TaskID] = {
            visit.track_id: progress.add_task(visit.title, total=1.0, step="waiting")
            for visit in visits
        }

    def goes(self, visit: Visit, step: str, share: float) -> None:
        self._progress.update(self._tasks[visit.track_id], completed=share, step=step)

    def ends(self, visit: Visit, took_s: float, fault: AutodjError | None = None) -> None:
        self._progress.remove_task(self._tasks[visit.track_id])
        told = "analysed, published, verified" if fault is None else fault.detail
        self._report.line(fault is None, visit.title, told, took_s)

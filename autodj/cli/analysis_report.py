"""What was measured of a file, laid out for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from autodj.audio.facts import Analysis, Tags
from autodj.cli import agreement, words
from autodj.cli.console import console, tell_of
from autodj.cli.measuring import Listener, Outcome, Unmeasured
from autodj.cli.progress import short_name

Row = tuple[str, str, str | None]
_BARS = "▁▂▃▄▅▆▇█"
_NONE = "none found"
_MOST_TITLE_CHARS = 80


@contextmanager
def shown_shares(files: Sequence[Path | Unmeasured], *, quiet: bool) -> Iterator[Listener]:
    """A bar for each file under way, on a terminal; nothing elsewhere."""
    out = console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        console=out,
        transient=True,
        disable=quiet or not out.is_terminal,
    )
    bars = {
        path: progress.add_task(short_name(str(path)), total=1.0, visible=False)
        for path in files
        if isinstance(path, Path)
    }

    def show(path: Path, share: float) -> None:
        progress.update(bars[path], completed=share, visible=share < 1)

    with progress:
        yield show


def print_report(measured: Outcome, *, quiet: bool) -> None:
    """The report on stdout, unless ``quiet``; a fault always, on stderr."""
    if isinstance(measured, Unmeasured):
        tell_of(measured.named, measured.fault)
    elif not quiet:
        out = console()
        length = words.clock(measured.analysis.duration_s)
        said = " - ".join(each for each in (measured.tags.artist, measured.tags.title) if each)
        about = (f"  {measured.kind}, {length}{said and f', {_shortened(said)}'}", "dim")
        out.print(
            Text.assemble((words.printable(measured.path.name), "bold"), about), soft_wrap=True
        )
        out.print(facts_table(measured.analysis, measured.tags))
        if measured.analysis.sections:
            out.print(form_table(measured.analysis))
        out.print()


def facts_table(analysis: Analysis, tags: Tags) -> Table:
    """What, ours, and what the file says of itself if it says anything."""
    rows = [*_rhythm(analysis, tags), *_sound(analysis, tags)]
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 2))
    table.add_column("", style="bold", no_wrap=True)
    table.add_column("measured", overflow="fold")
    if not any(theirs for _, _, theirs in rows):
        for name, ours, _ in rows:
            table.add_row(name, ours)
        return table
    table.add_column("the file says", style="dim", overflow="fold")
    for name, ours, theirs in rows:
        table.add_row(name, ours, escape(theirs or ""))
    return table


def form_table(analysis: Analysis) -> Table:
    """The sections, one a line."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 2))
    for name in ("section", "from", "bar", "bars", "energy"):
        right = name in {"from", "bar", "bars"}
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for each in analysis.sections:
        level = _BARS[min(int(each.energy * len(_BARS)), len(_BARS) - 1)]
        energy = f"{level} {each.energy:.2f}"
        start = words.moment(each.start_s)
        table.add_row(each.label, start, str(each.bar), str(each.bars), energy)
    return table


def _rhythm(analysis: Analysis, tags: Tags) -> Sequence[Row]:
    if analysis.bpm is None:
        return [("tempo", _NONE, tags.bpm)]
    other = analysis.bpm_alternative
    perhaps = f", or {other:.2f}" if other else ""
    sure = f"{analysis.bpm_confidence:.0%}"
    first = f"first beat {words.moment(analysis.beats_s[0])}" if analysis.beats_s else "no beats"
    rows: list[Row] = [
        (
            "tempo",
            f"{analysis.bpm:.3f} BPM (confidence {sure}{perhaps})",
            _tempo_tag(analysis, tags),
        ),
        ("grid", f"{analysis.grid}, {words.plural(len(analysis.beats_s), 'beat')}, {first}", None),
    ]
    if analysis.metre is not None and analysis.downbeats_s:
        clear = f"{analysis.downbeat_confidence:.0%}"
        bars = words.plural(len(analysis.downbeats_s), "bar")
        start = f"first downbeat {words.moment(analysis.downbeats_s[0])}"
        metre = f"{analysis.metre} beats a bar, {bars}, {start} (confidence {clear})"
        rows.append(("metre", metre, None))
    return rows


def _sound(analysis: Analysis, tags: Tags) -> Sequence[Row]:
    energy = None if analysis.energy is None else f"{analysis.energy} of 10"
    rows: list[tuple[str, str | None, str | None]] = [
        ("key", _key(analysis), _key_tag(analysis, tags)),
        ("loudness", _loudness(analysis), _gain_tag(analysis, tags)),
        ("energy", energy, None),
        ("silence", _silence(analysis), None),
        ("cues", _cues(analysis), None),
    ]
    return [(name, ours, theirs) for name, ours, theirs in rows if ours]


def _key(analysis: Analysis) -> str:
    if analysis.key is None:
        return _NONE
    tuning = analysis.tuning_cents
    off = f", tuned {tuning:+.0f} cents" if tuning and round(tuning) else ""
    wheel = f"{analysis.camelot} / {analysis.open_key}"
    return f"{analysis.key}, {wheel} (confidence {analysis.key_confidence:.0%}{off})"


def _loudness(analysis: Analysis) -> str:
    facts = [
        (analysis.integrated_lufs, "{:.1f} LUFS"),
        (analysis.loudness_range_lu, "range {:.1f} LU"),
        (analysis.true_peak_dbtp, "true peak {:.1f} dBTP"),
        (analysis.replaygain_db, "ReplayGain {:+.2f} dB"),
    ]
    return ", ".join(text.format(value) for value, text in facts if value is not None) or _NONE


def _tempo_tag(analysis: Analysis, tags: Tags) -> str | None:
    if analysis.bpm is None or tags.bpm is None:
        return tags.bpm
    return _judged(tags.bpm, agreement.of_tempo(analysis.bpm, tags.bpm))


def _key_tag(analysis: Analysis, tags: Tags) -> str | None:
    if analysis.key is None or tags.key is None:
        return tags.key
    return _judged(tags.key, agreement.of_key(analysis.key, tags.key))


def _gain_tag(analysis: Analysis, tags: Tags) -> str | None:
    said = tags.replaygain_track_gain
    if said is None or analysis.replaygain_db is None:
        return said and f"ReplayGain {said}"
    return f"ReplayGain {_judged(said, agreement.of_gain(analysis.replaygain_db, said))}"


def _judged(said: str, word: str) -> str:
    return f"{_shortened(said)}{word and f' ({word})'}"


def _shortened(said: str) -> str:
    return said if len(said) <= _MOST_TITLE_CHARS else f"{said[: _MOST_TITLE_CHARS - 1]}…"


def _silence(analysis: Analysis) -> str:
    found = analysis.silences
    if found.leading_s > 0 and round(found.leading_s, 1) >= round(analysis.duration_s, 1):
        return "throughout"
    parts = [
        f"{value:.1f} s {where}"
        for value, where in ((found.leading_s, "before"), (found.trailing_s, "after"))
        if round(value, 1) > 0
    ]
    parts += [
        f"pause at {words.moment(start)} for {stop - start:.1f} s" for start, stop in found.pauses_s
    ]
    if found.hidden_track_s is not None:
        parts.append(f"hidden track at {words.moment(found.hidden_track_s)}")
    return ", ".join(parts)


def _cues(analysis: Analysis) -> str:
    named = asdict(analysis.cues).items()
    parts = (f"{name} {words.moment(at)}" for name, at in named if at is not None)
    return ", ".join(parts).replace("_", " ")

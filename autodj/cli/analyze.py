"""``autodj analyze``: what is measured of audio files, without a server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autodj.cli.options import AsJson

if TYPE_CHECKING:
    from autodj.audio.facts import Analysis
    from autodj.cli.measuring import Measured


def analyze(
    files: Annotated[list[str], typer.Argument(metavar="FILE|FOLDER", help="What to measure.")],
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG",
            help="Draw waveform, beats, key and form; for several files, the folder to draw in.",
        ),
    ] = None,
    waveform: Annotated[
        Path | None,
        typer.Option(
            metavar="DAT|JSON",
            help="Write the outline as BBC audiowaveform data; for several files, the folder.",
        ),
    ] = None,
    parallel: Annotated[
        int, typer.Option("--parallel", "-p", min=1, max=64, help="How many at the same time.")
    ] = 2,
    as_json: AsJson = False,
) -> None:
    """Measure audio files: tempo, beats, bars, key, loudness, form, cues.

    Needs no server and changes nothing. Each file is decoded in a confined process, as on a
    server. One that cannot be read does not stop the others; the exit code is 1 when there
    was one.

    For example:

        autodj analyze song.mp3
        autodj analyze song.flac --plot song.png --waveform song.dat
        autodj analyze ~/Music/sets --json -p 4 > facts.json
    """
    import asyncio

    from autodj.cli.measuring import find_files
    from autodj.logs import set_up

    set_up(level="error", fmt="text")
    found = find_files(files)
    ended = asyncio.run(_run(found, parallel, quiet=as_json))
    if as_json:
        from autodj.cli.console import print_json

        print_json([each.document() for each in ended])
    if plot is not None:
        _draw(ended, plot, several=len(found) > 1)
    if waveform is not None:
        _outline(ended, waveform, several=len(found) > 1)
    if not ended or any(each.fault for each in ended):
        raise typer.Exit(1)


async def _run(
    files: Sequence[Path | Measured], parallel: int, *, quiet: bool
) -> Sequence[Measured]:
    from autodj.audio.sandbox import open_sandbox
    from autodj.cli.analysis_report import print_report, shown_shares
    from autodj.cli.console import console
    from autodj.cli.measuring import measure_all

    if not files:
        console(stderr=True).print("Nothing to measure: no audio files there")
    async with open_sandbox(max_children=parallel) as sandbox:
        with shown_shares(files, quiet=quiet) as on_progress:
            return await measure_all(
                sandbox, files, on_progress, lambda measured: print_report(measured, quiet=quiet)
            )


def _draw(ended: Sequence[Measured], plot: Path, *, several: bool) -> None:
    """One picture, or one for each file in the folder ``plot``, named like the file."""
    from autodj.cli.picture import draw_analysis

    for each, analysis, target in _targets(ended, plot, "png", several=several):
        draw_analysis(analysis, title=each.path.name).save(target, format="PNG")


def _outline(ended: Sequence[Measured], waveform: Path, *, several: bool) -> None:
    """One outline, in JSON if its name says so; several are binary."""
    from autodj.tracks.exports.audiowaveform import USUAL_RATE_HZ, outline_of, to_dat, to_json

    for _, analysis, target in _targets(ended, waveform, "dat", several=several):
        outline = outline_of(analysis.waveform.to_document())
        write = to_json if target.suffix == ".json" else to_dat
        target.write_bytes(write(outline, USUAL_RATE_HZ))


def _targets(
    ended: Sequence[Measured], named: Path, extension: str, *, several: bool
) -> Iterator[tuple[Measured, Analysis, Path]]:
    """What was measured, and the file to write of it: ``named``, or one in that folder."""
    if several:
        named.mkdir(parents=True, exist_ok=True)
    names: Counter[str] = Counter()
    for each in ended:
        if each.analysis is None:
            continue
        name = each.path.name
        names[name] += 1
        again = f" {names[name]}" if names[name] > 1 else ""
        yield each, each.analysis, named / f"{name}{again}.{extension}" if several else named

"""``autodj analyze``: what is measured of audio files, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autodj.cli.options import AsJson, named_path

if TYPE_CHECKING:
    from autodj.audio.facts import Analysis
    from autodj.cli.measuring import Measured, Outcome, Unmeasured
    from autodj.cli.targets import Targets


def analyze(
    files: Annotated[list[str], typer.Argument(metavar="FILE|FOLDER", help="What to measure.")],
    plot: Annotated[
        Path | None,
        typer.Option(
            parser=named_path,
            metavar="PNG",
            help="Draw waveform, beats, key and form, in a file or in a folder.",
        ),
    ] = None,
    waveform: Annotated[
        Path | None,
        typer.Option(
            parser=named_path,
            metavar="DAT|JSON",
            help="Write the outline as BBC audiowaveform data, as a file or in a folder.",
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

    from autodj.cli.measuring import Measured, find_files
    from autodj.cli.targets import Targets
    from autodj.logs import set_up

    set_up(level="error", fmt="text")
    found = find_files(files)
    several = len(found) > 1
    pictures = None if plot is None else Targets.at(plot, "png", several=several)
    outlines = None if waveform is None else Targets.at(waveform, "dat", several=several)
    ended = asyncio.run(_run(found, parallel, quiet=as_json))
    if as_json:
        from autodj.cli.console import print_json

        print_json([each.document() for each in ended])
    measured = [each for each in ended if isinstance(each, Measured)]
    written = pictures is None or _draw(measured, pictures)
    written &= outlines is None or _outline(measured, outlines)
    if not ended or not written or len(measured) < len(ended):
        raise typer.Exit(1)


async def _run(
    files: Sequence[Path | Unmeasured], parallel: int, *, quiet: bool
) -> Sequence[Outcome]:
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


def _draw(measured: Sequence[Measured], targets: Targets) -> bool:
    """A picture of each; whether all could be written."""
    from autodj.cli.picture import draw_analysis

    def drawn(analysis: Analysis, path: Path) -> bool:
        picture = draw_analysis(analysis, title=path.name)
        return targets.write(path, lambda target: picture.save(target, format="PNG"))

    told = [drawn(each.analysis, each.path) for each in measured]
    return all(told)


def _outline(measured: Sequence[Measured], targets: Targets) -> bool:
    """An outline of each, in JSON where its name says so; whether all could be written."""
    from autodj.tracks.exports.audiowaveform import USUAL_RATE_HZ, outline_of, to_dat, to_json

    def outlined(analysis: Analysis, path: Path) -> bool:
        outline = outline_of(analysis.waveform.to_document())

        def write(target: Path) -> None:
            packed = to_json if target.suffix == ".json" else to_dat
            target.write_bytes(packed(outline, USUAL_RATE_HZ))

        return targets.write(path, write)

    told = [outlined(each.analysis, each.path) for each in measured]
    return all(told)

"""``autodj export``: the library in the formats of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from autodj.cli.options import BearerToken, DataDir, ServerUrl, named_path

if TYPE_CHECKING:
    from autodj.cli.export_order import Order, Told


def export(
    form: Annotated[
        Literal["rekordbox", "m3u8", "jams", "tags", "zip", "waveform", "waveform-json"],
        typer.Option("--format", "-f", help="What to write.", show_default=False),
    ],
    text: Annotated[
        str | None, typer.Argument(metavar="[WORDS]", help="In title, artist or album.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            parser=named_path,
            metavar="PATH",
            help="The file to write; a folder for jams, tags and waveforms.  "
            "[dim]default: stdout, but for zip[/]",
            show_default=False,
        ),
    ] = None,
    music: Annotated[
        Path | None,
        typer.Option(
            parser=named_path,
            metavar="DIR",
            help="Where the audio files are, for rekordbox and m3u8.",
        ),
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", metavar="", help="Download what is missing there.")
    ] = False,
    bpm: Annotated[
        str | None, typer.Option(metavar="FROM-TO", help="Tempo, such as 120-126 or 122.")
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help='Key: 8A or "A minor".')] = None,
    data: DataDir = None,
    server: ServerUrl = None,
    token: BearerToken = None,
) -> None:
    """Write tracks for other programs: rekordbox XML, M3U8, JAMS, files with tags, or a ZIP.

    rekordbox: beat grids, keys, cues and a playlist. m3u8: a playlist of files, or without
    --music of links. jams: beats, tempo, key and sections, one file for each track. tags:
    copies of MP3 and FLAC files with tempo, key, gain and a beat grid that Mixxx reads. zip: the
    originals in one file. waveform, waveform-json: outlines as BBC audiowaveform draws them. The
    exit code is 1 when a track was left out.

    For example:

        autodj export --format rekordbox --music ~/DJ --fetch --to set.xml
        autodj export lights --bpm 120-126 --format m3u8 --to lights.m3u8
        autodj export --format tags --to ~/tagged
        autodj export --format zip --key 8A --to set.zip
    """
    import asyncio

    from rich.text import Text

    from autodj.cli.client import open_client
    from autodj.cli.console import console
    from autodj.cli.export_order import Format, Order
    from autodj.cli.exporting import export as write
    from autodj.cli.listing import query_of
    from autodj.cli.where import find_server
    from autodj.cli.words import printable
    from autodj.cli.zipping import fetch_zip
    from autodj.settings.parsers import expanded

    order = Order(Format(form), to and expanded(to), music and expanded(music), fetch)
    query = query_of(text=text, bpm=bpm, key=key, source=None)
    chosen = find_server(server, token, data)

    with console(stderr=True).status("asking for the tracks") as status:

        def watch(number: int, count: int, title: str) -> None:
            status.update(Text(f"{number:,} of {count:,}  {printable(title)}"))

        async def run() -> Told:
            async with open_client(chosen) as client:
                if order.format is Format.ZIP:
                    return await fetch_zip(client, order, query)
                return await write(client, order, query, watch)

        told = asyncio.run(run())
    _summarise(told, order)


def _summarise(told: Told, order: Order) -> None:
    """Counts and faults on stderr, since stdout may be the export itself."""
    from autodj.cli.console import console, tell_of
    from autodj.cli.words import plural, printable

    for name, fault in told.faults:
        tell_of(name, fault)
    parts = [plural(told.tracks, "track")]
    if order.to is not None:
        parts[0] += f" to {printable(order.to)}"
    if told.unmeasured:
        parts.append(f"{told.unmeasured} not measured yet")
    if told.untagged:
        parts.append(f"{told.untagged} copied without tags, being neither MP3 nor FLAC")
    console(stderr=True).print(", ".join(parts), markup=False, soft_wrap=True)
    if told.faults:
        raise typer.Exit(1)

"""The group ``autodj storage``: what lies in baskets, looked after by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from autodj.cli.options import AsJson, DataDir, named_path

ABOUT = "Put files into baskets, and see what their retention ends."


def put(
    file: Annotated[Path, typer.Argument(metavar="FILE", parser=named_path, help="What to store.")],
    basket: Annotated[
        str, typer.Option(metavar="NAME", help="Which basket; STORAGE_CONFIG names them.")
    ] = "default",
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="Under which key.  [dim]default: its name[/]", show_default=False
        ),
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Store a file as its basket wants it, and print its key.

    Where the basket says `images: reencode` a photo is drawn anew: upright, no larger than
    wanted, without position, camera and previews. A key is written once.

    For example:

        autodj storage put holiday.jpg --basket pictures --key events/7/holiday.jpg
    """
    import asyncio
    from dataclasses import asdict

    from autodj.cli.console import print_json, print_line
    from autodj.cli.storing import put_file
    from autodj.cli.where import described
    from autodj.settings.parsers import expanded

    stored = asyncio.run(put_file(described(data), expanded(file), basket, key))
    if as_json:
        print_json(asdict(stored))
    else:
        print_line(stored.key)


def sweep(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Only show what would go.")
    ] = False,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Delete what baskets have kept for longer than their retention_days.

    Workers do this every night. What a track, a rendition or a document of the database names
    stays, however old it is. The exit code is 1 when a basket could not be swept.

    For example:

        autodj storage sweep --dry-run
    """
    import asyncio
    from dataclasses import asdict

    from autodj.cli.console import print_json
    from autodj.cli.storing import print_swept, sweep_baskets
    from autodj.cli.where import described

    told = asyncio.run(sweep_baskets(described(data), remove=not dry_run))
    if as_json:
        print_json([asdict(each) for each in told])
    else:
        print_swept(told, dry_run=dry_run)
    if any(each.fault for each in told):
        raise typer.Exit(1)


COMMANDS: Sequence[Callable[..., None]] = (put, sweep)

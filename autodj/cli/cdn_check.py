"""``autodj cdn check``: does the distribution of the settings do what playback needs?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autodj.cli.options import AsJson, DataDir, named_path


def check(
    data: DataDir = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="An object that is there already.  "
            "[dim]default: one that is stored for this, and deleted[/]",
            show_default=False,
        ),
    ] = None,
    http: Annotated[
        str | None,
        typer.Option(
            "--http",
            metavar="URL",
            help="The distribution without TLS.  [dim]default: port 80 of its domain[/]",
            show_default=False,
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            "--ca",
            parser=named_path,
            metavar="FILE",
            help="PEM of an authority of your own that vouches for it.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask the CDN what players ask, and what thieves ask, and say what is wrong.

    Looks at the server that runs here, else at what the environment describes: signed links
    and cookies honoured, unsigned, tampered, expired and strangers' ones refused, ranges, the
    headers that browsers need, the cache, HTTPS, and a bucket that answers nobody else. Each
    fault comes with what to do. The exit code is 1 when there is one.

    For example:

        autodj cdn check
        autodj cdn check --json
    """
    import asyncio

    from autodj.cli.cdn_examination import examine
    from autodj.cli.console import print_json
    from autodj.cli.findings import print_findings

    findings = asyncio.run(examine(data, key=key, http=http, ca=ca))
    if as_json:
        print_json([each.document() for each in findings])
    else:
        print_findings(findings)
    if any(not each.ok for each in findings):
        raise typer.Exit(1)

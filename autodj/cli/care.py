"""``autodj doctor`` and ``settings``: is all well, and what can be set."""

from __future__ import annotations

from typing import Annotated

import typer

from autodj.cli.options import AsJson, DataDir, Group


def doctor(
    only: Annotated[
        Group | None, typer.Argument(metavar="[storage]", help="Only this part.")
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Try every part, and say what to do about each fault.

    Looks at the server that runs here, else at what the environment describes: settings,
    database, broker, worker, stores (with a small object that is put, read and deleted), whose
    credentials S3 is asked with, the CDN, the clock and the decoder. The exit code is 1 when
    there is a fault.

    For example:

        autodj doctor
        autodj doctor storage
    """
    import asyncio

    from autodj.cli.checkup import examine
    from autodj.cli.console import print_json
    from autodj.cli.findings import print_findings

    findings = asyncio.run(examine(data, only))
    if as_json:
        print_json([each.document() for each in findings])
    else:
        print_findings(findings)
    if any(not each.ok for each in findings):
        raise typer.Exit(1)


def settings(
    env_example: Annotated[
        bool, typer.Option("--env-example", metavar="", help="Print the text of env.example.")
    ] = False,
    markdown: Annotated[
        bool,
        typer.Option("--markdown", metavar="", help="Print the tables of docs/configuration.md."),
    ] = False,
    data: DataDir = None,
) -> None:
    """List every setting with its value; secrets are not shown.

    Settings come from the environment, or from a file .env in the working folder.

    For example:

        autodj settings
        autodj settings --env-example > .env
    """
    from autodj.cli.console import console, print_line
    from autodj.cli.findings import settings_table
    from autodj.settings import render

    if env_example or markdown:
        text = render.env_example() if env_example else render.markdown_tables()
        print_line(text.rstrip("\n"))
        return
    from autodj.cli.where import told_environment

    console().print(settings_table(told_environment(data)))

"""``autodj reanalyze``: measure tracks of a running server again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from autodj.cli.options import AsJson, BearerToken, DataDir, ServerUrl

if TYPE_CHECKING:
    from autodj.cli.client import Client, Document

Which = Literal["outdated", "failed", "all"]


def reanalyze(
    outdated: Annotated[
        bool,
        typer.Option(
            "--outdated",
            metavar="",
            help="What an older version measured.  [dim]default[/]",
        ),
    ] = False,
    failed: Annotated[
        bool, typer.Option("--failed", metavar="", help="What could not be measured.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", metavar="", help="Every track.")] = False,
    tracks: Annotated[
        list[str] | None,
        typer.Option("--track", "-t", metavar="ID", help="Only this track; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Only say how many tracks there are.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Stay until all are measured.", show_default=False),
    ] = True,
    data: DataDir = None,
    server: ServerUrl = None,
    token: BearerToken = None,
    as_json: AsJson = False,
) -> None:
    """Measure tracks again, for instance after an upgrade.

    Tracks play on, and keep their corrections; each keeps its old analysis until the new one is
    there. The server measures a few at a time (REANALYSIS_AT_ONCE), new tracks first, and goes
    on after a restart, whether anybody waits or not, until it is done or `autodj cancel` ends it.
    The exit code is 1 when a track could not be measured, or the rest was cancelled.

    For example:

        autodj reanalyze --dry-run
        autodj reanalyze
        autodj reanalyze --track 3f2a --track 9c01
    """
    import asyncio

    from autodj.cli.client import open_client
    from autodj.cli.console import print_json
    from autodj.cli.where import find_server

    which = _which(outdated=outdated, failed=failed, every=every, tracks=tracks or ())
    chosen = find_server(server, token, data)

    async def run() -> Document:
        async with open_client(chosen) as client:
            if dry_run:
                return await client.read("/reanalysis")
            return await _measure(client, which, tracks or (), wait=wait, quiet=as_json)

    told = asyncio.run(run())
    if as_json:
        print_json(told)
    elif dry_run:
        _tell_counts(told)
    else:
        _tell_end(told)
    if not dry_run and (told["state"] == "failed" or told["result"]["failed"]):
        raise typer.Exit(1)


def _which(*, outdated: bool, failed: bool, every: bool, tracks: Sequence[str]) -> Which:
    from autodj.errors import CommandError

    if outdated + failed + every > 1:
        raise CommandError("These exclude each other", hint="Give --outdated, --failed or --all.")
    if every or (tracks and not (outdated or failed)):
        return "all"
    return "failed" if failed else "outdated"


async def _measure(
    client: Client, which: Which, tracks: Sequence[str], *, wait: bool, quiet: bool
) -> Document:
    """The job as it is at last."""
    from autodj.cli.listing import find_track

    order: Document = {"which": which}
    if tracks:
        order["track_ids"] = [(await find_track(client, each))["id"] for each in tracks]
    job = await client.order("/reanalysis", order)
    return await _watched(client, job, quiet=quiet) if wait else job


async def _watched(client: Client, job: Document, *, quiet: bool) -> Document:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from autodj.cli.console import console

    out = console(stderr=True)
    columns = (TextColumn("Measuring"), BarColumn(bar_width=24), MofNCompleteColumn())
    hidden = quiet or not out.is_terminal
    with Progress(*columns, console=out, transient=True, disable=hidden) as progress:
        bar = progress.add_task("", total=job["result"]["tracks"])
        async for now in client.watch(job["id"]):
            job = now
            result = job["result"]
            progress.update(bar, completed=result["done"] + result["failed"])
    return job


def _tell_counts(counts: Document) -> None:
    from autodj.cli.console import console
    from autodj.cli.words import plural

    out = console()
    out.print(f"{plural(counts['tracks'], 'track')}, by version {counts['analysis_version']}:")
    out.print(f"  {counts['outdated']} measured by an older version")
    out.print(f"  {counts['failed']} whose last analysis failed")
    if counts["unfinished"]:
        out.print(f"  {counts['unfinished']} being measured again now")


def _tell_end(job: Document) -> None:
    from autodj.cli.console import console
    from autodj.cli.words import plural

    result, out = job["result"], console()
    if job["state"] == "failed":
        out.print(
            f"Cancelled: {result['done']} of {plural(result['tracks'], 'track')} measured again"
        )
    elif job["state"] != "done":
        out.print(f"{plural(result['tracks'], 'track')} to measure; job {job['id']}")
    elif not result["tracks"]:
        out.print("Nothing to measure again")
    else:
        out.print(f"{result['done']} of {plural(result['tracks'], 'track')} measured again")
    if result["failed"]:
        err = console(stderr=True)
        err.print(f"{result['failed']} could not be measured; what was known of them stays")

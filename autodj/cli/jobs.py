"""``autodj jobs`` and ``cancel``: what a running server is at, and ending it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autodj.cli.options import AsJson, BearerToken, DataDir, ServerUrl

if TYPE_CHECKING:
    from autodj.cli.cancelling import Outcome
    from autodj.cli.client import Client


def jobs(
    data: DataDir = None,
    server: ServerUrl = None,
    token: BearerToken = None,
    as_json: AsJson = False,
) -> None:
    """List what the server is at: fetches, tracks on their way, libraries measured again.

    For example:

        autodj jobs
    """
    from autodj.cli.asking import ask
    from autodj.cli.cancelling import active_jobs, table_of
    from autodj.cli.console import console, print_json

    active = ask(active_jobs, server, token, data)
    if as_json:
        print_json(active)
    elif active:
        console().print(table_of(active))
    else:
        console().print("Nothing is under way.")


def cancel(
    job_ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="Jobs, by id or unique start of it.")
    ],
    data: DataDir = None,
    server: ServerUrl = None,
    token: BearerToken = None,
    as_json: AsJson = False,
) -> None:
    """Cancel fetches and runs of measuring again, whether they wait or are under way.

    A fetch makes no track from then on; what was measured stays, as do the old analyses of the
    other tracks. What is over already is told and stops no other; the exit code is 1 then.

    For example:

        autodj cancel 3f2a
    """
    from autodj.cli.asking import ask
    from autodj.cli.cancelling import NotEnded, cancel_all
    from autodj.cli.console import print_json

    async def end(client: Client) -> list[Outcome]:
        return await cancel_all(client, job_ids)

    ended = ask(end, server, token, data)
    if as_json:
        print_json([each.document() for each in ended])
    else:
        _tell(ended)
    if any(isinstance(each, NotEnded) for each in ended):
        raise typer.Exit(1)


def _tell(ended: list[Outcome]) -> None:
    from autodj.cli.cancelling import NotEnded, about
    from autodj.cli.console import console, tell_of
    from autodj.cli.words import SHORT_ID

    for each in ended:
        if isinstance(each, NotEnded):
            tell_of(each.named, each.fault)
        else:
            line = f"cancelled  {each.job['id'][:SHORT_ID]}  {about(each.job)}"
            console().print(line, markup=False, soft_wrap=True)

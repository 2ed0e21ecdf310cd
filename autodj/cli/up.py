"""``autodj up``: the whole of autodj on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from autodj.cli.options import DataDir


def up(
    s3: Annotated[
        bool,
        typer.Option(
            "--s3", metavar="", help="Publish tracks to an embedded S3 server behind a local edge."
        ),
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Where to answer; 0 takes a free port.")
    ] = 8000,
    data: DataDir = None,
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", metavar="", help="Open the page in the browser.")
    ] = False,
) -> None:
    """Run autodj on this machine, for you alone, until Ctrl-C.

    Starts everything it needs without root or accounts: the broker, a worker, the web process,
    and with --s3 an S3 server and an edge that stands in for CloudFront. Then it prints a link
    that logs you in. All data is under one folder and is there again at the next start.

    For example:

        autodj up
        autodj up --s3 --port 9000 --data ~/dj
    """
    import asyncio

    from autodj.cli.console import console
    from autodj.cli.house import House, Plan, live
    from autodj.cli.steps import Steps
    from autodj.cli.welcome import welcome
    from autodj.cli.where import chosen_folder
    from autodj.settings import environment

    steps = Steps(console())
    plan = Plan(chosen_folder(data), port, with_s3=s3, inherited=environment())

    async def stay(house: House) -> None:
        link = await house.login_link()
        welcome(steps.out, plan.data_dir, house.settings, link)
        if open_page:
            typer.launch(link)
        await house.supervisor.until_stopped()

    asyncio.run(live(plan, steps, stay))

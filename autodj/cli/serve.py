"""``autodj serve``: the web process alone, as it runs in production."""

from __future__ import annotations

from typing import Annotated

import typer


def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port to listen on.")
    ] = 8000,
    notice: Annotated[
        int,
        typer.Option(
            "--notice",
            metavar="SECONDS",
            min=0,
            max=600,
            help="How long /readyz answers 503 after SIGTERM before nothing new is accepted.",
        ),
    ] = 5,
    grace: Annotated[
        int,
        typer.Option(
            "--grace",
            metavar="SECONDS",
            min=0,
            max=3600,
            help="How long answers under way may then take to end.",
        ),
    ] = 30,
) -> None:
    """Run the web process, told by the environment, until SIGTERM.

    Clients that are slow, greedy or malformed are cut off. Database, broker and workers are
    yours to run; `autodj up` runs them all.

    For example:

        autodj serve --host 0.0.0.0 --port 8000
    """
    from autodj.api.serve import serve as serve_here
    from autodj.laptop.listening import require_address

    require_address(host, port, option="--port")
    serve_here(host, port, notice_s=notice, grace_s=grace)

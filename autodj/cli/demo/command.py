"""The command, and where its data lives meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from autodj.cli.options import DataDir, named_path

USUAL_PORT = 8000
INTERRUPTED = 130


def demo(
    audio: Annotated[
        Path | None,
        typer.Option(
            "--audio", parser=named_path, metavar="DIR", help="Take the audio files of this folder."
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", metavar="", help="Stop after the checks.")
    ] = False,
    data: DataDir = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="Where to answer.  [dim]default: 8000, or a free one[/]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """See the whole path once: tracks come in, are analysed, published to S3, and play.

    Makes a few pieces of music, or takes the files of a folder, and sends them through
    everything that a real installation has: the HTTP API, the worker, an S3 server and an edge
    that signs as CloudFront does. Checks every byte that comes back, then goes on serving. Its
    data is thrown away at the end, unless --data names a folder.

    For example:

        autodj demo
        autodj demo --audio ~/Music/sets
        autodj demo --once
    """
    import asyncio

    from autodj.cli.console import console
    from autodj.cli.demo.journey import Journey, travel
    from autodj.cli.house import Plan
    from autodj.cli.steps import Steps
    from autodj.laptop.faults import prepare_directory
    from autodj.laptop.listening import require_address
    from autodj.laptop.ports import LOOPBACK, is_free
    from autodj.settings import environment

    if port:
        require_address(LOOPBACK, port, option="--port")
    if port is None:
        port = USUAL_PORT if is_free(USUAL_PORT) else 0
    steps = Steps(console())
    with _data_folder(data) as folder:
        plan = Plan(prepare_directory(folder), port, with_s3=True, inherited=environment())
        journey = Journey(plan=plan, audio=audio, once=once)
        report = asyncio.run(travel(journey, steps))
        if report.faults:
            steps.out.print(f"The logs are in {folder / 'logs'}", style="dim", soft_wrap=True)
            raise typer.Exit(1)
    if not report.finished:
        raise typer.Exit(INTERRUPTED)


@contextmanager
def _data_folder(given: Path | None) -> Iterator[Path]:
    """The folder that was named, or one that goes away at the end unless something failed."""
    import shutil
    import tempfile

    from autodj.settings.parsers import expanded

    if given is not None:
        yield expanded(given).absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="autodj-demo-"))
    try:
        yield folder
    except BaseException:
        if not (folder / "logs").exists():
            folder.rmdir()
        raise
    shutil.rmtree(folder, ignore_errors=True)

"""The command's groups. Read this first."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import typer
from rich.markup import escape

from autodj.cli import (
    access,
    add,
    analyze,
    care,
    cdn,
    edge,
    export,
    jobs,
    library,
    reanalyze,
    serve,
    storage,
    up,
)
from autodj.cli.console import from_os_error, print_line, tell
from autodj.cli.demo.command import INTERRUPTED, demo
from autodj.errors import AutodjError

PANELS: Mapping[str, Sequence[Callable[..., None]]] = {
    "On this machine": (up.up, demo, edge.edge, serve.serve),
    "Tracks": (
        add.add,
        analyze.analyze,
        reanalyze.reanalyze,
        library.ls,
        library.show,
        library.url,
        export.export,
        library.rm,
        jobs.jobs,
        jobs.cancel,
    ),
    "Access": (access.login, access.token, access.secret),
    "Care": (care.doctor, care.settings),
}
GROUPS: Mapping[str, tuple[str, Sequence[Callable[..., None]]]] = {
    "cdn": (cdn.ABOUT, cdn.COMMANDS),
    "storage": (storage.ABOUT, storage.COMMANDS),
}


def run(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line; its exit code. A fault we know is told without a traceback."""
    try:
        build()(args=arguments, prog_name="autodj")
    except SystemExit as end:  # Typer ends every command so
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:  # outside of Typer, which has the same code for it
        return INTERRUPTED
    except AutodjError as error:
        tell(error)
    except OSError as error:
        tell(from_os_error(error))
    return 1


def build() -> typer.Typer:
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(help=help_of(_autodj))(_autodj)
    for panel, commands in PANELS.items():
        for command in commands:
            app.command(rich_help_panel=panel, help=help_of(command))(command)
    for name, (about, commands) in GROUPS.items():
        group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help=about)
        for command in commands:
            group.command(help=help_of(command))(command)
        app.add_typer(group, name=name, rich_help_panel="Care")
    return app


def help_of(command: Callable[..., None]) -> str:
    """The command's docstring for the terminal: each paragraph as one line, to be wrapped there,
    and indented lines as they are, coloured.
    """
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(_paragraph(each) for each in paragraphs)


def _paragraph(text: str) -> str:
    if text.startswith("    "):
        return "\n".join(f"  [cyan]{escape(line.strip())}[/]" for line in text.splitlines())
    return escape(" ".join(text.splitlines()))


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print_line(f"autodj {version('autodj')}")
        raise typer.Exit


def _autodj(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Fetch, analyse and publish audio tracks, and play them from a CDN.

    For example:

        autodj demo         see the whole path once, with tracks made for it
        autodj up           run autodj on this machine and print a login link
        autodj add ~/Music  send it a folder, a file or a URL
        autodj ls           tempo, key, loudness, and where the bytes are

    The exit code is 0 when all is done, 1 when something is not, 2 for a command line that makes
    no sense, and 130 after Ctrl-C, with which `up`, `edge` and `serve` end as they should: with 0.
    """

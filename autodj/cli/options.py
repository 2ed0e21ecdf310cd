"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

OWNER = "dj"


class Group(StrEnum):
    """Parts of an installation that can be examined by themselves."""

    STORAGE = "storage"


def _user_name(given: str) -> str:
    if not given.strip() or not given.isprintable():
        raise typer.BadParameter("must not be empty or hold control characters")
    return given


def named_path(given: str) -> Path:
    """As it is named. An empty name would be the folder that the command happens to run in."""
    if not given:
        raise typer.BadParameter("must not be empty; is a variable of the shell?")
    return Path(given)


DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data",
        parser=named_path,
        metavar="DIR",
        help="The data folder.  [dim]default: AUTODJ_DATA_DIR, or ~/.local/share/autodj[/]",
        show_default=False,
    ),
]
ServerUrl = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        envvar="AUTODJ_SERVER",
        help="A running autodj.  [dim]default: the one that `autodj up` runs here[/]",
        show_default=False,
    ),
]
BearerToken = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar="AUTODJ_TOKEN",
        help="Who you are to --server; `autodj token` prints one there.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON, for programs.")]
UserName = Annotated[
    str,
    typer.Option(
        "--user",
        metavar="NAME",
        help="Whose; made when there is no such user.",
        callback=_user_name,
    ),
]

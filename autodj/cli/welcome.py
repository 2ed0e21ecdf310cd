"""What a person is told once everything runs."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.text import Text

from autodj.cli.where import usual_folder
from autodj.settings import Settings


def welcome(out: Console, data_dir: Path, settings: Settings, login_link: str) -> None:
    """The login link, alone on its line, and where things are."""
    out.print()
    out.print("Open this link; it logs you in once, within 15 minutes:")
    out.print(Text(login_link, style="bold cyan"), soft_wrap=True)
    out.print()
    which = "" if data_dir == usual_folder() else f" --data {quote(str(data_dir))}"
    facts = [
        ("data", str(data_dir)),
        ("logs", str(data_dir / "logs")),
        ("API", f"{settings.public_url}/docs"),
        ("add tracks", f"autodj add FILE|FOLDER|URL{which}"),
        ("another link", f"autodj login{which}"),
    ]
    for name, value in facts:
        out.print(Text.assemble((f"{name:<14}", "dim"), value), soft_wrap=True)
    out.print(Text("Ctrl-C stops everything.", style="dim"))

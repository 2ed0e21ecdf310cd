"""What an examination found, and what is set, as people and programs read it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from autodj.cli.console import console, hint_of, sentence_of
from autodj.cli.words import printable
from autodj.errors import AutodjError
from autodj.settings.catalogue import CATALOGUE, Setting

NAME_WIDTH = 14
_PASSWORD = re.compile(r"(://[^:@/]*):.*@")


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: well or not, what was seen, and what to do about a fault."""

    name: str
    ok: bool
    detail: str
    hint: str = ""

    def document(self) -> dict[str, Any]:
        return asdict(self)


def fault(name: str, error: AutodjError) -> Finding:
    return Finding(name, ok=False, detail=sentence_of(error), hint=hint_of(error))


def print_findings(findings: Sequence[Finding]) -> None:
    out = console()
    for each in findings:
        sign, style = ("✓", "green") if each.ok else ("✗", "bold red")
        out.print(
            Text.assemble(
                (f"{sign} ", style), f"{each.name:<{NAME_WIDTH}}", printable(each.detail)
            ),
            soft_wrap=True,
        )
        if each.hint:
            out.print(
                Text(f"  {'':<{NAME_WIDTH}}{printable(each.hint)}", style="dim"), soft_wrap=True
            )
    faults = sum(not each.ok for each in findings)
    summary = Text("All is well.", "green") if not faults else Text(f"Faults: {faults}", "bold red")
    out.print(summary)


def settings_table(environ: Mapping[str, str]) -> Table:
    """Name, value and meaning of every setting; what is not the default stands out."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("setting", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("meaning", style="dim")
    for section in CATALOGUE:
        table.add_row(Text(section.title, style="bold cyan"))
        for setting in section.settings:
            table.add_row(setting.name, _value(setting, environ), setting.about)
    return table


def _value(setting: Setting, environ: Mapping[str, str]) -> Text:
    given = next((environ[name] for name in setting.names if environ.get(name, "").strip()), None)
    if given is None:
        return Text(setting.default, style="dim")
    return Text("set, not shown" if setting.secret else _shown(given.strip()), style="green")


def _shown(value: str) -> str:
    """A URL without its password and what follows the question mark, which may be one as well."""
    return _PASSWORD.sub(r"\1:…@", value).partition("?")[0] if "://" in value else value

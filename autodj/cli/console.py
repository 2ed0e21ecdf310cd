"""What people read: tables and progress on stdout, one line and a hint for a fault on stderr."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from autodj.cli.words import printable
from autodj.errors import (
    AutodjError,
    CommandError,
    DatabaseUnavailable,
    DiskFull,
    SettingsError,
    StoreError,
)

WIDTH_WITHOUT_TERMINAL = 120
_OWN_HINTS: Mapping[type[AutodjError], str] = {
    DatabaseUnavailable: (
        "Check DATABASE_URL, and that its server runs and can be reached from here."
    ),
    DiskFull: "Free space there, and try again.",
}
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def console(*, stderr: bool = False) -> Console:
    """A console that keeps lines whole when its output goes to a file or another program."""
    made = Console(stderr=stderr, highlight=False)
    return (
        made
        if made.is_terminal
        else Console(stderr=stderr, highlight=False, width=WIDTH_WITHOUT_TERMINAL, soft_wrap=False)
    )


def print_json(document: object) -> None:
    """One JSON document on stdout, for programs; what that cannot carry as it is, is escaped."""
    text = json.dumps(document, ensure_ascii=False, indent=2, default=str)
    try:
        text.encode(console().encoding)
    except UnicodeEncodeError:
        text = json.dumps(document, indent=2, default=str)
    print_line(text)


def print_line(text: str) -> None:
    """Exactly this line on stdout, unwrapped and unstyled, so that it can be piped."""
    console().out(text, highlight=False)


def tell(error: AutodjError) -> None:
    """The fault in a line, every fault of the settings in one of its own, then what to do."""
    err = console(stderr=True)
    for line in _faults(error):
        err.print(Text.assemble(("error: ", "bold red"), printable(line)), soft_wrap=True)
    if hint := hint_of(error):
        err.print(Text.assemble(("hint:  ", "bold"), printable(hint)), soft_wrap=True)


def tell_of(name: object, error: AutodjError) -> None:
    """The fault of one among many, in a line with its hint."""
    sentence = sentence_of(error).removeprefix(f"{name}: ").rstrip(".")
    line = Text.assemble((f"{printable(name)}: ", "red"), f"{printable(sentence)}.")
    if hint := hint_of(error):
        line.append(f" {printable(hint)}", "dim")
    console(stderr=True).print(line, soft_wrap=True)


def sentence_of(error: AutodjError) -> str:
    """What is wrong; a store's own words alone would say little."""
    if isinstance(error, StoreError) and error.detail != error.title:
        return f"{error.title} ({error.detail})"
    return error.detail


def document_of(error: AutodjError) -> dict[str, str]:
    """The same for programs."""
    return {"code": error.code, "detail": sentence_of(error), "hint": hint_of(error)}


def hint_of(error: AutodjError) -> str:
    """What a person can do; empty where the class knows nothing that suits a command."""
    if isinstance(error, SettingsError):
        return "`autodj settings` lists every setting with its meaning."
    if error.hint == type(error).hint:
        return _OWN_HINTS.get(type(error), "" if error.hint == AutodjError.hint else error.hint)
    return error.hint


def from_os_error(error: OSError) -> AutodjError:
    """A refusal of the operating system, as an error that says what to do."""
    where = f"{error.filename}: " if error.filename else ""
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno in NO_ROOM:
        return DiskFull(f"{where}there is no room left on the disk ({reason})")
    if isinstance(error, socket.gaierror):
        hint = "Check the network, and the hosts in the settings: `autodj settings` lists them."
        return CommandError(f"A host of the settings is not known ({reason})", hint=hint)
    return CommandError(f"{where}{reason}")


def _faults(error: AutodjError) -> Sequence[str]:
    return error.faults if isinstance(error, SettingsError) else [sentence_of(error)]

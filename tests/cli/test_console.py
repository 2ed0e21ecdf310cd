from __future__ import annotations

import errno
import socket

import pytest

from autodj.cli.console import from_os_error, tell
from autodj.errors import (
    AutodjError,
    BrokerUnavailable,
    CommandError,
    DatabaseUnavailable,
    DiskFull,
    SettingsError,
)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            CommandError("Port 8000 is taken", hint="Use --port"),
            "error: Port 8000 is taken\nhint:  Use --port\n",
        ),
        (CommandError("It [bold]cannot[/] be"), "error: It [bold]cannot[/] be\n"),
        (
            SettingsError(["A is missing", "B is weak"]),
            (
                "error: A is missing\nerror: B is weak\n"
                "hint:  `autodj settings` lists every setting with its meaning.\n"
            ),
        ),
        (
            BrokerUnavailable(),
            f"error: {BrokerUnavailable.title}\nhint:  {BrokerUnavailable.hint}\n",
        ),
        (
            DatabaseUnavailable(),
            (
                f"error: {DatabaseUnavailable.title}\n"
                "hint:  Check DATABASE_URL, and that its server runs and can be reached "
                "from here.\n"
            ),
        ),
        (
            from_os_error(socket.gaierror(socket.EAI_NONAME, "Name or service not known")),
            (
                "error: A host of the settings is not known (Name or service not known)\n"
                "hint:  Check the network, and the hosts in the settings: `autodj settings` "
                "lists them.\n"
            ),
        ),
    ],
)
def test_a_fault_is_one_line_and_a_hint_on_stderr(
    error: AutodjError, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(error)
    said = capsys.readouterr()
    assert said.err == told
    assert said.out == ""


def test_a_long_fault_is_not_broken_into_lines(capsys: pytest.CaptureFixture[str]) -> None:
    tell(CommandError("/very/long/" * 40))
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EFBIG, DiskFull),
        (errno.EACCES, CommandError),
    ],
)
def test_what_the_system_refuses_is_told_with_the_file(
    number: int, kind: type[AutodjError]
) -> None:
    told = from_os_error(OSError(number, "No way", "/data/autodj.db"))
    assert type(told) is kind
    assert told.detail.startswith("/data/autodj.db: ")
    assert "No way" in told.detail

from __future__ import annotations

import errno
import io
import json
import socket
from pathlib import Path

import pytest

from autodj.cli.console import from_os_error, print_json, tell, tell_of
from autodj.cli.findings import Finding, print_findings
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
            from_os_error(OSError(errno.ENOSPC, "No space left on device")),
            (
                "error: there is no room left on the disk (No space left on device)\n"
                "hint:  Free space there, and try again.\n"
            ),
        ),
        (CommandError("There is no \x1b[31m\n\x9b."), "error: There is no �[31m��.\n"),
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


def test_a_fault_of_one_among_many_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    tell_of("two\nlines [red]", CommandError("It is\x07 gone.", hint="Look\x1b[2J."))
    tell_of(Path("song.mp3"), CommandError("It is gone"))
    said = capsys.readouterr()
    assert said.err == "two�lines [red]: It is� gone. Look�[2J.\nsong.mp3: It is gone.\n"
    assert said.out == ""


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_json_holds_every_name_whatever_the_terminal_takes(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"file": "caf\udce9 ☃", "title": "Ünï"}
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")
    monkeypatch.setattr("sys.stdout", out)
    print_json(document)
    out.flush()
    monkeypatch.undo()
    assert json.loads(out.buffer.getvalue().decode(encoding)) == document


def test_json_is_readable_where_it_can_be(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"title": "Ünï"})
    assert '"Ünï"' in capsys.readouterr().out


def test_what_the_doctor_found_is_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    print_findings([Finding("CDN", ok=False, detail="a\nb\x1b[2J", hint="c\nd")])
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        "✗ CDN           a�b�[2J",
        "c�d",
        "Faults: 1",
    ]

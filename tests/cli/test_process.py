"""The command as a process: how it begins, is interrupted, and ends."""

from __future__ import annotations

import errno
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from autodj import __main__
from autodj.cli.app import run
from tests.cli.conftest import Here
from tests.cli.starting import AUTODJ, empty_environment

# As from a terminal, also where the tests were started to ignore Ctrl-C, as what runs behind is.
WAITS_AT_AN_IMPORT = """
import signal, sys, time
from importlib.abc import MetaPathFinder
from autodj.__main__ import main

signal.signal(signal.SIGINT, signal.default_int_handler)

class Waiting(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "autodj.cli.app":
            print("importing", flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Waiting())
main()
"""


def test_ctrl_c_amid_the_imports_says_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITS_AT_AN_IMPORT],
        env=empty_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate() == ("", "")
    assert process.returncode == -signal.SIGINT


@pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN])
def test_what_started_the_command_decides_about_ctrl_c(handler: signal.Handlers) -> None:
    before = signal.signal(signal.SIGINT, handler)
    try:
        __main__._loaded()
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_before_a_command_begins_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("autodj.cli.app.build", interrupted)
    assert run(["secret"]) == 130


def test_an_output_that_takes_nothing_is_told_once(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [*AUTODJ, "secret"],
            env=empty_environment(tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert told.returncode == 1
    [line, hint] = told.stderr.splitlines()
    assert line == "error: there is no room left on the disk (No space left on device)"
    assert hint.startswith("hint:  ")


@pytest.mark.parametrize("host", ["nonsense.invalid", "a..b", "192.0.2.1"])
def test_a_server_listens_on_addresses_of_this_machine(here: Here, host: str) -> None:
    told = here("serve", "--host", host, "--port", "0")
    assert told.code == 1
    assert told.err == (
        f"error: {host} is not an address of this machine\n"
        "hint:  Give --host 127.0.0.1, or 0.0.0.0 for every address of this machine.\n"
    )


def test_a_server_on_a_taken_port_is_told(here: Here) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = here("serve", "--port", port)
    assert told.code == 1
    assert told.err == f"error: Port {port} on 127.0.0.1 is taken; choose another with --port.\n"


@pytest.mark.parametrize("command", ["serve", "up", "edge"])
def test_a_port_that_is_not_ours_is_told(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    more: dict[str, list[object]] = {
        "up": ["--data", tmp_path / "data"],
        "edge": ["--bucket", "music", "--no-keys"],
    }
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    def refused(*_address: object, **_options: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("socket.create_server", refused)
    monkeypatch.setattr("socket.socket.bind", refused)
    told = here(command, "--port", "80", *more.get(command, []))
    assert told.code == 1
    assert told.err == (
        "error: Port 80 on 127.0.0.1 may not be used\n"
        "hint:  Ports below 1024 are root's; choose another with --port.\n"
    )


def test_a_host_that_is_empty_opens_no_address(here: Here) -> None:
    told = here("serve", "--host", "", "--port", "0")
    assert told.code == 1
    assert told.err.startswith("error: '' is not an address of this machine\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--data"],
        ["export", "--format", "jams", "--to"],
        ["analyze", "song.mp3", "--plot"],
        ["edge", "--cache"],
        ["cdn", "template", "--bucket", "music", "--public-key"],
        ["storage", "put"],
        ["demo", "--audio"],
    ],
)
def test_an_empty_name_is_not_the_folder_one_happens_to_be_in(
    here: Here, tmp_path: Path, arguments: list[str]
) -> None:
    told = here(*arguments, "")
    assert told.code == 2
    assert "must not be empty" in told.err
    assert [*tmp_path.iterdir()] == []

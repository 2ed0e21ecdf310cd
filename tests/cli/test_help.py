from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.conftest import Here
from tests.cli.starting import autodj

COMMANDS = [
    "up", "demo", "edge", "serve", "add", "analyze", "reanalyze", "ls", "show", "url", "export",
    "rm", "jobs", "cancel", "login", "token", "secret", "doctor", "settings",
]  # fmt: skip
HEAVY = [
    "aiohttp", "alembic", "arq", "asyncio", "av", "cryptography", "numpy", "pydantic", "sqlalchemy",
    "starlette", "structlog",
]  # fmt: skip

S3_ONLY = ["aiobotocore", "aiohttp", "autodj.runtime", "autodj.storage", "botocore"]


def test_the_help_names_every_command_and_first_steps(here: Here) -> None:
    told = here("--help")
    assert told.code == 0
    for command in COMMANDS:
        assert f" {command} " in told.out
    assert "autodj demo   " in told.out
    assert "see the whole path once" in told.out
    assert "The exit code is 0 when all is done" in told.out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_shows_how_it_is_used(here: Here, command: str) -> None:
    told = here(command, "--help")
    assert told.code == 0
    examples = told.out.partition("For example:")[2]
    assert f"autodj {command}" in examples
    assert "[cyan]" not in told.out


def test_no_command_at_all_shows_the_help(here: Here) -> None:
    assert "autodj demo" in here().out


def test_the_version_is_that_of_the_package(here: Here) -> None:
    assert here("--version").out == f"autodj {version('autodj')}\n"


def test_the_help_waits_for_no_library_that_only_a_command_needs() -> None:
    code = (
        "import sys; from autodj.cli.app import build; build(); "
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_up_on_the_disk_waits_for_no_library_that_only_s3_needs() -> None:
    code = (
        "import sys, autodj.cli.house, autodj.cli.welcome; "
        f"print(*[name for name in {S3_ONLY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_an_unknown_command_is_told_apart_from_a_fault(here: Here) -> None:
    told = here("dance")
    assert told.code == 2
    assert "No such command" in told.err


def test_it_runs_as_a_program_with_an_empty_environment(home: Path) -> None:
    told = autodj("secret", home=home, PYTHONIOENCODING="ascii")
    assert told.returncode == 0
    assert len(told.stdout.strip()) == 64
    assert told.stderr == ""

"""The documents about AWS say what the code does, and their commands are accepted."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from autodj.cdn.template.features import FEATURES, Feature
from autodj.cli.app import run
from tests.cdn.templates import RETIRING_KEY, SIGNING_KEY

DOCS = Path(__file__).parents[2] / "docs"
AWS = (DOCS / "aws.md").read_text()
IAM = (DOCS / "iam.md").read_text()
COST = (DOCS / "cost.md").read_text()
COMMANDS = sorted(set(re.findall(r"^ *(autodj cdn template .+)$", AWS, re.MULTILINE)))


def row(feature: Feature) -> str:
    def cell(names: tuple[str, ...]) -> str:
        return ", ".join(f"`{name}`" for name in names)

    return (
        f"| {feature.name} | {feature.about} | {cell(feature.objects)} | {cell(feature.bucket)} "
        f"| {cell(feature.kms)} | {cell(feature.distribution)} | {', '.join(feature.who)} "
        f"| {f'`--with {feature.extra}`' if feature.extra else ''} |"
    )


def test_the_table_of_rights_is_the_table_in_the_code() -> None:
    header = IAM.index("| feature | what autodj does |")
    table = IAM[header:].split("\n\n")[0].splitlines()[2:]
    assert table == [row(feature) for feature in FEATURES]


def test_there_are_commands_to_try() -> None:
    assert len(COMMANDS) >= 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_documents_is_accepted(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "public.pem").write_text(SIGNING_KEY)
    (tmp_path / "new.pem").write_text(RETIRING_KEY)
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(command.partition(" >")[0])[1:]
    assert run(arguments) == 0
    assert capsys.readouterr().out.startswith("{")


def test_every_option_that_the_documents_name_exists(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cdn", "template", "--help"]) == 0
    known = set(re.findall(r"--[a-z][a-z0-9-]+", capsys.readouterr().out))
    foreign = {"--server", "--token"}
    named = {
        option for text in (AWS, IAM, COST) for option in re.findall(r"`(--[a-z][a-z0-9-]+)", text)
    }
    assert named - foreign <= known
    assert len(named) > 12

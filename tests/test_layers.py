"""Each rule about who may import whom holds, and turns red when it is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OFFENCES = {
    "layers": ("autodj/storage/keys.py", "import autodj.tracks.ingest"),
    "workers-above": ("autodj/jobs.py", "import workers.tasks"),
    "workers-no-http": ("workers/tasks.py", "import autodj.api.app"),
    "web-light": ("autodj/api/ranges.py", "import numpy"),
    "s3-client": ("autodj/tracks/publish.py", "import aiobotocore.session"),
    "sql": ("autodj/api/tracks.py", "import sqlalchemy"),
    "queue": ("autodj/tracks/work.py", "import arq"),
    "http": ("autodj/tracks/work.py", "import starlette.requests"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code that a test may spoil."""
    copy = tmp_path_factory.mktemp("tree")
    for package in ("autodj", "workers"):
        shutil.copytree(
            ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "web")
        )
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def lint(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", *arguments]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_the_code_as_it_is_keeps_every_contract(tree: Path) -> None:
    done = lint(tree)
    assert done.returncode == 0, done.stdout


def test_there_is_an_offence_for_every_contract() -> None:
    declared = (ROOT / "pyproject.toml").read_text().count("[[tool.importlinter.contracts]]")
    assert len(OFFENCES) == declared


@pytest.mark.parametrize("contract", OFFENCES)
def test_a_broken_contract_is_red(tree: Path, contract: str) -> None:
    module, offence = OFFENCES[contract]
    file = tree / module
    original = file.read_text()
    file.write_text(f"{original}\n{offence}\n")
    try:
        done = lint(tree, "--contract", contract)
    finally:
        file.write_text(original)
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout


def test_a_module_without_a_layer_is_red(tree: Path) -> None:
    stray = tree / "autodj" / "stray.py"
    stray.write_text("")
    try:
        done = lint(tree, "--contract", "layers")
    finally:
        stray.unlink()
    assert done.returncode == 1
    assert "stray" in done.stdout

"""The documents and declarations of the repository say what the code does."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from autodj import jobs
from autodj.api.app import OPERATIONS
from workers import tasks

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if ".venv" not in path.parts
)
TRACKED = subprocess.run(
    ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split("\0")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_the_architecture_names_modules_that_exist() -> None:
    named = re.findall(r"`((?:api|tracks|db|storage|cdn|audio)/\w+\.py)`", _read("ARCHITECTURE.md"))
    assert len(named) > 10
    for module in named:
        assert (ROOT / "autodj" / module).is_file(), module


def test_every_job_that_is_sent_is_a_task_and_the_reverse() -> None:
    sent = set(re.findall(r'_send\(\s*"(\w+)"', inspect.getsource(jobs)))
    cron = {"forget_finished_jobs", "reconcile_rows", "sweep_stores"}
    functions = {
        name
        for name, value in vars(tasks).items()
        if inspect.iscoroutinefunction(value) and value.__module__ == tasks.__name__
    }
    assert functions == sent | cron


def test_the_procfile_names_what_can_be_imported() -> None:
    procfile = _read("Procfile")
    assert "autodj serve " in procfile
    assert "workers.settings.WorkerSettings" in procfile
    assert "alembic upgrade head" in procfile


def test_the_locked_requirements_name_no_host_and_hash_everything() -> None:
    for file in ROOT.glob("requirements*.lock"):
        text = file.read_text()
        assert "://" not in text, file.name
        pins = re.findall(r"^[a-z0-9].*==", text, re.MULTILINE | re.IGNORECASE)
        assert len(pins) > 3
        for block in re.split(r"\n(?=[a-z0-9])", text):
            assert "--hash=sha256:" in block, block[:60]


@pytest.mark.parametrize(
    ("package", "mended_in"), [("starlette", "1.5.1"), ("python-multipart", "0.0.32")]
)
def test_versions_with_known_holes_cannot_be_resolved(package: str, mended_in: str) -> None:
    wanted = tomllib.loads(_read("pyproject.toml"))["project"]["dependencies"]
    (floor,) = [line.partition(">=")[2] for line in wanted if line.startswith(f"{package}>=")]
    assert _numbers(floor) >= _numbers(mended_in)
    assert _numbers(version(package)) >= _numbers(floor)


def test_no_secret_and_no_environment_file_is_tracked() -> None:
    assert not [name for name in TRACKED if Path(name).name == ".env" or name.endswith(".pem")]


def test_the_packages_at_the_top_are_those_of_the_plan() -> None:
    folders = {name.split("/")[0] for name in TRACKED if "/" in name}
    assert folders == {
        ".ci",
        "autodj",
        "bench",
        "docs",
        "migrations",
        "tests",
        "tools",
        "workers",
    }


def test_the_api_guide_names_exactly_the_operations() -> None:
    named = set(re.findall(r"`((?:GET|HEAD|POST|PATCH|DELETE) /\S*)`", _read("docs/api.md")))
    assert named == {f"{each.method} {each.plain_path}" for each in OPERATIONS}


def test_importing_the_web_application_loads_no_audio_library() -> None:
    heavy = ["av", "librosa", "numpy", "scipy", "soundfile", "PIL", "numba"]
    code = (
        f"import sys, autodj.api.app; print(*[name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == []


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _read(name: str) -> str:
    return (ROOT / name).read_text()

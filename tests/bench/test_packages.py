"""The packages that the truth set is made from, and whether they are the known ones."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bench.truth import packages
from bench.truth.packages import KNOWN, differing, installed

INSTALL = Path(packages.__file__).with_name("install")


def test_the_known_packages_are_those_that_are_installed() -> None:
    _, _, rest = INSTALL.read_text().partition("\npackages=(\n")
    named, _, _ = rest.partition("\n)\n")
    assert named.split() == list(KNOWN)


def test_a_package_of_another_version_is_told() -> None:
    found = dict.fromkeys(KNOWN, "0.1")
    found["lmms"] = KNOWN["lmms"]
    told = differing(found)
    assert len(told) == len(KNOWN) - 1
    assert f"bb is 0.1 here and {KNOWN['bb']} in the figures of docs/performance.md" in told
    assert differing(KNOWN) == differing({}) == []


def test_only_installed_packages_count(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = "bb 1.3rc1-13 installed\nlmms 1.2 config-files\nfreedoom  not-installed\n"
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, stdout=answer)

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    assert installed(["bb", "lmms", "freedoom", "unheard"]) == {"bb": "1.3rc1-13"}
    assert asked[0][0] == "/usr/bin/dpkg-query"
    assert asked[0][-4:] == ["bb", "lmms", "freedoom", "unheard"]


def test_without_dpkg_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert installed() == {}

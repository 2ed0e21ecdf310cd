"""Tests of integrity and security name a backend on which they can fail.

moto takes wrong checksums, tampered links and forms of any length, so it proves none of this.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

# What a test must show that runs on that backend.
BACKENDS: Mapping[str, str] = {
    "local": r"\blocal\b|\bstore: |LocalStorage\(",
    "real_s3": r"\breal_s3\b|\breal_config\b|\bstore: |\bcustomer: ",
    "proxied_s3": r"\bproxied_s3\b|\bstore: ",
    "scripted": r"\bstore_on\(|\bserved\(",  # a server that answers what the test wants
    "wrong_store": r"\bkind\b|[A-Z]\w+\(tmp_path",  # a store that does it wrong on purpose
    "credential_servers": r"\baws: |\bkey_server\(",  # STS, containers and machines on loopback
    "requests": r"before-send",  # what is sent is looked at, since no server at hand minds
    "ourselves": r"raises|assert",  # we refuse, and ask no backend
}
ABOUT = re.compile(
    r"\b(IntegrityFault|StoreDenied|StoreCredentials|presign\w*|expected_bucket_owner"
    r"|customer|CUSTOMER_KEY)\b"
)
HERE = Path(__file__).parent


def named_in(folder: Path) -> Iterator[tuple[str, str, list[str] | None]]:
    """Name, source with decorators, and the backends named (None: no marker) of each test."""
    for path in sorted(folder.glob("test_*.py")):
        text = path.read_text()
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
                "test_"
            ):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                source = "\n".join(lines[first - 1 : node.end_lineno])
                yield f"{path.name}::{node.name}", source, _named(node)


def _named(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str] | None:
    for each in node.decorator_list:
        if isinstance(each, ast.Call) and ast.unparse(each.func) == "pytest.mark.can_fail_on":
            return [str(ast.literal_eval(argument)) for argument in each.args]
    return None


def faults_of(source: str, named: list[str] | None) -> list[str]:
    """What is wrong with how the test names its backends."""
    if named is None:
        return ["names no backend"] if ABOUT.search(source) else []
    unknown = [each for each in named if each not in BACKENDS]
    absent = [
        each for each in named if each not in unknown and not re.search(BACKENDS[each], source)
    ]
    found = [f"{each} proves nothing" for each in unknown]
    found += [f"does not run on {each}" for each in absent]
    return found or ([] if named else ["names no backend"])


def test_every_test_of_integrity_and_security_names_what_it_can_fail_on() -> None:
    found = [*named_in(HERE)]

    assert sum(named is not None for _, _, named in found) > 40
    assert {
        name: faults for name, source, named in found if (faults := faults_of(source, named))
    } == {}


@pytest.mark.can_fail_on("ourselves")
@pytest.mark.parametrize(
    ("decorator", "expected"),
    [
        ("", ["names no backend"]),
        ("@pytest.mark.can_fail_on()", ["names no backend"]),
        ('@pytest.mark.can_fail_on("moto")', ["moto proves nothing"]),
        ('@pytest.mark.can_fail_on("scripted")', ["does not run on scripted"]),
        ('@pytest.mark.can_fail_on("real_s3")', []),
    ],
)
def test_a_test_that_does_not_is_found(tmp_path: Path, decorator: str, expected: list[str]) -> None:
    text = f"{decorator}\nasync def test_it(real_s3: S3Storage) -> None:\n"
    (tmp_path / "test_x.py").write_text(f"{text}    raise IntegrityFault\n")

    [(_, source, named)] = named_in(tmp_path)

    assert faults_of(source, named) == expected

"""Have every test as pytest reads it, with its asserts rewritten: ``python -m tests.rewritten``.

Each process that runs tests reads all of them, in half the time if that is done. To let pytest
collect them would do it too, but import all they import, which takes ten times as long where
little has changed.
"""

from __future__ import annotations

import compileall
import re
from pathlib import Path

# Nothing public rewrites without importing.
from _pytest.assertion import AssertionState
from _pytest.assertion.rewrite import (
    PYC_TAIL,
    _read_pyc,
    _rewrite_test,
    _write_pyc,
    get_cache_dir,
    try_makedirs,
)
from _pytest.config import Config, _prepareconfig

TESTS = Path(__file__).parent
BENCH = TESTS.with_name("bench")
REWRITTEN = re.compile(r"/(test_\w+|conftest)\.py$")


def main() -> None:
    config = _prepareconfig(["--noconftest"])
    for file in TESTS.rglob("*.py"):
        if REWRITTEN.search(str(file)):
            rewrite(file, config)
    for folder in (TESTS, BENCH):
        compileall.compile_dir(folder, quiet=1, rx=REWRITTEN)


def rewrite(file: Path, config: Config) -> None:
    """Keep the file's code where pytest looks for it, unless it is there."""
    pyc = get_cache_dir(file) / f"{file.stem}{PYC_TAIL}"
    if _read_pyc(file, pyc) is None:
        try_makedirs(pyc.parent)
        digest, code = _rewrite_test(file, config)
        _write_pyc(AssertionState(config, "rewrite"), code, digest, pyc)


if __name__ == "__main__":
    main()

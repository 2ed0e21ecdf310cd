"""What of the product the tests reach, by line and branch: ``pytest -n 2 -p tests.reached``.

Every process that runs tests leaves ``.coverage.<its name>.json``, the one that deals them out a
list of all there is; ``slipcover --merge`` adds them up. The product's modules get probes when
they are imported, and nothing else is slowed down: a tracer costs every call of every library
eight times its time. Programs that tests start are not looked into, so the figure is a lower
bound.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import slipcover
from slipcover.config import read_config

ROOT = Path(__file__).parents[1]
SETTINGS = read_config(ROOT / "pyproject.toml")
SOURCE = [str(ROOT / package) for package in SETTINGS["source"]]
# xdist tells it nowhere else before the first import of what is to be measured.
PROCESS = os.environ.get("PYTEST_XDIST_WORKER")  # noqa: TID251


def measuring() -> slipcover.Slipcover:
    """From now on, what is imported tells what of it is reached."""
    # A probe that has told stays where it is: to take it out means to change functions that other
    # threads may be running.
    reached = slipcover.Slipcover(
        branch=True, exclude_also=SETTINGS["exclude-also"], d_miss_threshold=-1
    )
    ours = slipcover.FileMatcher(sources=SOURCE)
    slipcover.wrap_spec_from_file_location(reached, ours)  # how alembic loads the migrations
    slipcover.ImportManager(reached, ours).__enter__()
    return reached


def everything() -> slipcover.Slipcover:
    """All lines there are, none of them reached."""
    return slipcover.Slipcover(branch=True, source=SOURCE, exclude_also=SETTINGS["exclude-also"])


_reached = measuring() if PROCESS else None


@pytest.hookimpl(trylast=True)
def pytest_sessionstart() -> None:
    if _reached is None:
        _leave("all", everything())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    if _reached is not None:
        _leave(str(PROCESS), _reached)


def _leave(name: str, what: slipcover.Slipcover) -> None:
    (ROOT / f".coverage.{name}.json").write_text(json.dumps(what.get_coverage()))

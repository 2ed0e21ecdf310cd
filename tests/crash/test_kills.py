"""The loop itself, in the length that every push can afford. `make crash` runs the long one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.crash.mutants import MUTANTS
from bench.crash.powerloss import CARELESS

TOLD = re.compile(
    r"(\d+) kills, (\d+) acked, (\d+) lost, (\d+) probes, (\d+) unreadable, (\d+) orphans"
)
ROOT = Path(__file__).parents[2]
BROKEN_RULES = [mutant.name for mutant in MUTANTS]


def crash(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.crash", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_thirty_kills_lose_nothing_hide_nothing_and_leave_nothing() -> None:
    done = crash("--kills", "30", "--seed", "7")
    told = TOLD.match(done.stdout)
    assert told, done.stderr
    kills, acked, lost, probes, unreadable, orphans = map(int, told.groups())
    assert (lost, unreadable, orphans) == (0, 0, 0), done.stdout
    assert done.returncode == 0, done.stdout
    # Without these the run had nothing to lose.
    assert kills >= 30
    assert acked >= 8
    assert probes >= 250


@pytest.fixture(scope="module")
def mutants() -> dict[str, str]:
    """What the loop says of each mutant."""
    done = crash("--kills", "0", "--mutants")
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize("rule", BROKEN_RULES)
def test_the_loop_turns_red_when_this_rule_is_broken(mutants: dict[str, str], rule: str) -> None:
    assert re.match(r"caught after \d+ kills: (unreadable|wrong bytes|\d+ lost)", mutants[rule])


@pytest.mark.parametrize("rule", [*CARELESS, "commit before fsync of directories"])
def test_the_model_turns_red_when_this_sync_is_left_out(mutants: dict[str, str], rule: str) -> None:
    assert mutants[rule].startswith("caught")

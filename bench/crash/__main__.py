"""``python -m bench.crash``: the loop, and the mutants that must turn it red."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import structlog

from bench.crash.arena import Arena
from bench.crash.databases import postgres_databases, sqlite_databases
from bench.crash.fates import any_fate
from bench.crash.mutants import MUTANTS, Mutant
from bench.crash.powerloss import (
    CARELESS,
    Trace,
    count_states,
    record,
    settled_too_early,
)
from bench.crash.run import Outcome, attack, prepare
from bench.crash.server import s3_server

MUTANT_KILLS = 100


def main() -> int:
    """0 when autodj kept every promise, and every mutant was caught."""
    options = _options()
    # The flows warn of every fault they meet; here they meet little else.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autodj-crash-")))
        s3 = stack.enter_context(s3_server(root)) if options.s3 == "real" else None
        sqlite = sqlite_databases(root)
        postgres = options.database == "postgres"
        fresh = stack.enter_context(postgres_databases()) if postgres else sqlite
        good = True
        if options.kills:
            good = _kill(prepare(root / "loop", fresh, s3), options.kills, options.seed)
        for number, mutant in enumerate(MUTANTS if options.mutants else ()):
            good &= _mutate(prepare(root / f"m{number}", fresh, s3), mutant, options.seed)
        if options.mutants:
            good &= _cut_power(root, sqlite(root))
    return 0 if good else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=60, help="processes to kill (60)")
    parser.add_argument("--mutants", action="store_true", help="also break one rule at a time")
    parser.add_argument("--seed", type=int, default=1, help="of when processes are killed (1)")
    parser.add_argument(
        "--s3",
        choices=("directory", "real"),
        default="directory",
        help="what stands behind the S3 port: a directory, or an S3 server started for it",
    )
    parser.add_argument(
        "--database",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="where the rows are; a PostgreSQL is started for it",
    )
    return parser.parse_args()


def _kill(arena: Arena, kills: int, seed: int) -> bool:
    outcome = attack(arena, kills, seed, draw=any_fate)
    print(outcome.line(), flush=True)
    print(
        f"  {outcome.woken} of them woken late, {outcome.swept} leftovers swept, "
        f"{outcome.took_s:.0f} s",
        flush=True,
    )
    if not outcome.green:
        _explain(outcome)
    return outcome.green


def _mutate(arena: Arena, mutant: Mutant, seed: int) -> bool:
    arena = replace(arena, backlog=mutant.backlog, impatience=mutant.impatience, turns=mutant.turns)
    outcome = attack(
        arena, MUTANT_KILLS, seed, draw=mutant.draw(), change=mutant.change, until_red=True
    )
    found = ", ".join(outcome.findings[:1] or outcome.broken()) or "nothing broken"
    verdict = "caught" if outcome.misread else "SURVIVED"
    print(f"{mutant.name}: {verdict} after {outcome.kills} kills: {found}", flush=True)
    return outcome.misread


def _cut_power(root: Path, url: str) -> bool:
    """The model of a power cut: no bad disk in the order that autodj keeps, some in any other."""
    kept = asyncio.run(record(url, root / "kept"))
    good = _tell("power cut", kept, bad_wanted=False)
    good &= _tell("commit before fsync of directories", settled_too_early(kept), bad_wanted=True)
    for name, kind in CARELESS.items():
        good &= _tell(name, asyncio.run(record(url, root / kind.__name__, kind)), bad_wanted=True)
    return good


def _tell(name: str, trace: Trace, *, bad_wanted: bool) -> bool:
    states, bad = count_states(trace)
    verdict = "" if not bad_wanted else "caught, " if bad else "SURVIVED, "
    print(f"{name}: {verdict}{bad} bad of {states} states", flush=True)
    return bool(bad) is bad_wanted


def _explain(outcome: Outcome) -> None:
    print(f"BROKEN: {', '.join(outcome.broken())}")
    for name, told in outcome.details():
        print(f"  {name}: {told}")


if __name__ == "__main__":
    sys.exit(main())

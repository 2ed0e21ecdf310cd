"""``python -m bench.faults``: the fault matrix, and the careless stores that must turn it red."""

from __future__ import annotations

import argparse
import asyncio
import logging
import ssl
import sys
import tempfile
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import structlog

from autodj.laptop.s3server import open_s3_server
from autodj.storage.s3 import S3Config
from autodj.storage.s3.vouching import Vouched
from bench.faults.kinds import KINDS
from bench.faults.operations import OPERATIONS, UNDETECTABLE
from bench.faults.run import HASTY, Judged, Tally, Verdict, plan, run
from bench.storage.encrypted import papers, serving, trust

CONTROL_SEEDS = range(1, 4)
FOREVER = replace(HASTY, read_s=600, metadata_s=600, body_s=600)


def main() -> int:
    """0 when no case went wrong, and every careless store was caught."""
    options = _options()
    # The flows warn of every fault they meet; here they meet little else.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="autodj-faults-") as name:
        good = asyncio.run(_go(Path(name), options))
    return 0 if good else 1


async def _go(root: Path, options: argparse.Namespace) -> bool:
    async with open_s3_server(root) as server:
        config = S3Config(
            "faults",
            server.region,
            server.endpoint_url,
            "p",
            server.access_key,
            server.secret_key,
            path_style=True,
        )
        kinds = options.kind or [*KINDS]
        operations = options.operation or [*OPERATIONS]
        seeds = range(options.seed, options.seed + options.seeds)
        cases = plan(kinds, operations, seeds)
        tls = _over_tls(root) if options.tls else None
        tally = await run(config, cases, at_once=options.at_once, say=_say, tls=tls)
        tell(tally)
        good = not tally.bad
        if options.controls:
            good &= await _controls(config)
        return good


def _over_tls(root: Path) -> ssl.SSLContext:
    shown = papers(root)
    trust(shown)
    return serving(shown)


def _say(judged: Judged) -> None:
    if judged.verdict not in {Verdict.DONE, Verdict.REFUSED}:
        print(
            f"{judged.verdict}: {judged.operation}, {judged.kind}, seed {judged.seed} "
            f"{judged.error}",
            flush=True,
        )


def tell(tally: Tally) -> None:
    print(tally.summary)
    if tally.stalls:
        print(f"{tally.stalls} were repeated, because this machine stood still during them")
    refused = Counter(each.error for each in tally.cases if each.verdict is Verdict.REFUSED)
    print("refused as:", ", ".join(f"{code} {count}" for code, count in refused.most_common()))
    for kind, operation in sorted(UNDETECTABLE):
        print(f"not asked, since nothing but TLS can tell: {operation}, {kind}")


async def _controls(config: S3Config) -> bool:
    reads = ["read", "download", "download at once", "verify"]
    with believing():
        blind = await run(
            config, plan(["flipped byte", "shorter, length agrees"], reads, CONTROL_SEEDS)
        )
    caught_blind = blind.count(Verdict.WRONG)
    print(f"a store that checks no hash: {caught_blind} times wrong bytes")
    patient = await run(
        config, plan(["hang", "drip"], ["stat", "read", "list"], CONTROL_SEEDS), timing=FOREVER
    )
    caught_patient = patient.count(Verdict.LATE)
    print(f"a store without deadlines: {caught_patient} times past its deadline")
    return caught_blind > 0 and caught_patient > 0


@contextmanager
def believing() -> Generator[None]:
    """A store that takes what arrives for what was stored."""
    with (
        patch("autodj.storage.s3.reading.vouched", lambda _: Vouched()),
        patch("autodj.storage.download._require_whole", _never_mind),
    ):
        yield


async def _never_mind(*_: object) -> None:
    return None


def _options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="rounds of the whole matrix (3)")
    parser.add_argument("--seed", type=int, default=1, help="the first of them (1)")
    parser.add_argument("--kind", action="append", choices=[*KINDS], help="only this fault")
    parser.add_argument(
        "--operation", action="append", choices=[*OPERATIONS], help="only this operation"
    )
    parser.add_argument("--at-once", type=int, default=8, help="cases side by side (8)")
    parser.add_argument("--tls", action="store_true", help="the store is reached over TLS")
    parser.add_argument("--controls", action="store_true", help="also run the careless stores")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

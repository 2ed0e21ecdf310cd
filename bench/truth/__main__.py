"""``python -m bench.truth build --folder F``: make the truth set, or go on with it; ``spoil`` makes
bad recordings of its test part.
"""

from __future__ import annotations

import argparse
import subprocess
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.truth.packages import differing, installed
from bench.truth.piece import PARTS, Part, save, stored
from bench.truth.plan import SOURCES, USUAL_COUNTS, Planned, plan
from bench.truth.spoilt import SPOILT, spoil


@dataclass(frozen=True, slots=True)
class _Job:
    name: str
    composition: str
    source: str
    render: int
    part: Part
    folder: Path
    pop909: Path | None


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    if options.command == "build":
        for line in differing(installed()):
            print(line)
        for part in [options.part] if options.part else PARTS:
            build(options, part)
    elif options.command == "spoil":
        count = spoil(options.folder / "test", options.to / "test", options.how, options.every)
        print(f"{count} pieces, {options.how}")
    else:
        _describe(options.folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.truth", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build_parser = commands.add_parser("build", help="make what is missing")
    build_parser.add_argument("--folder", type=Path, required=True)
    build_parser.add_argument("--part", choices=PARTS, help="both by default")
    build_parser.add_argument("--count", type=int, help=f"pieces a part, by default {USUAL_COUNTS}")
    build_parser.add_argument("--pop909", type=Path, help="the folder of POP909 that holds 001")
    build_parser.add_argument("--sources", help="only these, with commas between")
    build_parser.add_argument("--workers", type=int, default=1)
    spoil_parser = commands.add_parser("spoil", help="the test part as bad recordings have it")
    spoil_parser.add_argument("--folder", type=Path, required=True)
    spoil_parser.add_argument("--to", type=Path, required=True)
    spoil_parser.add_argument("--how", choices=SPOILT, required=True)
    spoil_parser.add_argument("--every", type=int, default=1, help="every so many-th piece")
    commands.add_parser("list", help="count what there is").add_argument(
        "--folder", type=Path, required=True
    )
    return parser


def build(options: argparse.Namespace, part: Part) -> None:
    """Make the pieces that are not there yet in the part's folder; prints each."""
    target = options.folder / part
    target.mkdir(parents=True, exist_ok=True)
    wanted = options.sources.split(",") if options.sources else [each.name for each in SOURCES]
    sources = [each for each in SOURCES if each.name in wanted]
    planned = plan(part, options.count or USUAL_COUNTS[part], options.pop909, sources)
    jobs = [_job(each, target, options.pop909) for each in planned]
    missing = [job for job in jobs if not (target / f"{job.name}.json").exists()]
    print(f"{part}: {len(planned)} pieces planned, {len(missing)} to make")
    if options.workers == 1:
        for job in missing:
            print(_make(job), flush=True)
        return
    with ProcessPoolExecutor(options.workers) as pool:
        for line in pool.map(_make, missing):
            print(line, flush=True)


def _job(planned: Planned, target: Path, pop909: Path | None) -> _Job:
    return _Job(
        planned.name, planned.composition, planned.source.name, planned.render, planned.part,
        target, pop909,
    )  # fmt: skip


def _make(job: _Job) -> str:
    source = next(each for each in SOURCES if each.name == job.source)
    planned = Planned(job.name, source, job.composition, job.render, job.part)
    try:
        made = source.make(planned.order(job.pop909))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return f"{job.name}: left out, {type(error).__name__}: {error}"
    if made is None:
        return f"{job.name}: left out, {job.composition} is not fit"
    piece = save(job.folder, job.name, *made)
    truth = piece.truth
    return f"{job.name}: {job.composition}, {truth.bpm} BPM, {truth.key}"


def _describe(folder: Path) -> None:
    for part in PARTS:
        pieces = list(stored(folder / part))
        print(f"{part}: {len(pieces)} pieces")
        for name, count in sorted(Counter(piece.truth.source for piece in pieces).items()):
            print(f"  {name:<10} {count}")


if __name__ == "__main__":
    main()

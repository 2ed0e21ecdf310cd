"""Broken audio files against the sandbox: ``python -m bench.mutations --files 5000``.

Valid files of every kind are broken in one to four ways (bits, lengths that lie, parts repeated,
dropped, swapped or nested, two files in one, tags made to hurt) and taken in as an upload is:
identified, decoded to the end, its cover drawn, then analysed. Exits with 1 when a file ends the
process that decodes, does not end itself within 35 s, brings about an error that is not a verdict
on the file, or leaves a file, a child or a descriptor behind. ``--controls`` runs careless
decoders instead, each of which must be caught.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.mutations.careless import confined
from bench.mutations.controls import CONTROLS, judge
from bench.mutations.mutate import mutant
from bench.mutations.seeds import Seed, seeds
from bench.mutations.ward import Tally, run

_EVERY = 250


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="autodj-mutations-") as name:
        folder = Path(name) / "files"
        folder.mkdir()
        made = seeds(folder)
        if options.keep is not None:
            broken = mutant(made, options.seed, options.keep)
            Path(f"mutant-{options.keep}.{broken.extension}").write_bytes(broken.data)
            return 0
        return _controls(made, folder) if options.controls else _mutants(made, folder, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.mutations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0, help="the number to start at (0)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="sandboxes at once (2)")
    parser.add_argument("--controls", action="store_true", help="run the careless decoders")
    parser.add_argument("--keep", type=int, metavar="N", help="only write the N-th file here")
    return parser


def _mutants(made: Sequence[Seed], folder: Path, options: argparse.Namespace) -> int:
    def broken() -> Iterator[tuple[int, Seed]]:
        for number in range(options.first, options.first + options.files):
            if number % _EVERY == 0 and sys.stderr.isatty():
                print(f"\r{number}", end="", file=sys.stderr, flush=True)
            yield number, mutant(made, options.seed, number)

    tally = run(broken(), folder, confined(), good=made[0], workers=options.workers)
    print(f"{tally.files} files, seed {options.seed}, {options.workers} workers")
    report(tally)
    return 0 if tally.good and tally.files == options.files else 1


def report(tally: Tally) -> None:
    for verdict, count in tally.verdicts.most_common():
        print(f"  {verdict:<24} {count:>6}")
    print(
        f"  children that died {tally.child_deaths}, ran out of time {tally.late}, "
        f"unforeseen errors in a child {len(tally.unforeseen)}"
    )
    print(
        f"  longest {tally.longest_s:.2f} s, largest child {tally.child_bytes / 1e6:.0f} MB, "
        f"in all {tally.took_s:.0f} s"
    )
    for trace in sorted(set(tally.unforeseen))[:5]:
        print(trace)
    for fault, count in tally.faults.items():
        print(f"  FAULT {fault}: {count}, first file {tally.culprits.get(fault, '-')}")
    if tally.good:
        print("  the same processes to the end; no files, children or descriptors left")


def _controls(made: Sequence[Seed], folder: Path) -> int:
    wrong = 0
    for control in CONTROLS:
        right, tally = judge(control, made, folder)
        wrong += not right
        found = ", ".join(tally.faults) or "nothing found"
        print(f"{'as it must be' if right else 'NOT CAUGHT':<14} {control.name}: {found}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""``python -m bench.analysis --folder F``: how right ours, librosa and Essentia are.

Prints one table for each system, by source, and keeps every figure of every piece as JSON. With
``--left-out W`` ours also answers for the pieces of each SOURCE with the weights
``W/SOURCE.npz``, which were trained without it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from bench.analysis.figures import FIGURES, Answer, Figures, judge, means
from bench.analysis.systems import ours, ours_with, with_essentia, with_librosa
from bench.truth.piece import PARTS, Piece, stored

EVERYTHING = "all"


@dataclass(frozen=True, slots=True)
class Judged:
    """One system's figures for one piece."""

    system: str
    piece: str
    source: str
    answered_bpm: float | None
    true_bpm: float | None
    figures: Figures


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    pieces = list(stored(options.folder / options.part))[:: options.every]
    if options.sources:
        pieces = [piece for piece in pieces if piece.truth.source in options.sources.split(",")]
    if not pieces:
        raise SystemExit(f"No such pieces in {options.folder / options.part}: build them first.")
    judged: list[Judged] = []
    for row in _answers(pieces, options):
        judged.append(row)
        if options.each:
            print(_line(row), flush=True)
    print("\n".join(tables(judged)))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in judged], indent=1) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.analysis", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of `python -m bench.truth`")
    parser.add_argument("--part", choices=PARTS, default="test")
    parser.add_argument("--systems", default="ours,librosa,essentia")
    parser.add_argument("--essentia", type=Path, help="the environment that has Essentia")
    parser.add_argument("--left-out", type=Path, help="a folder of weights, SOURCE.npz")
    parser.add_argument("--sources", help="only these, with commas between")
    parser.add_argument("--every", type=int, default=1, help="every n-th piece alone")
    parser.add_argument("--each", action="store_true", help="a line for every piece")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    return parser


def _answers(pieces: Sequence[Piece], options: argparse.Namespace) -> Iterator[Judged]:
    systems = options.systems.split(",")
    with ProcessPoolExecutor(options.workers) as pool:
        if "ours" in systems:
            yield from _judged("ours", pieces, pool.map(ours, _paths(pieces)))
        if options.left_out:
            for weights in sorted(options.left_out.glob("*.npz")):
                own = [piece for piece in pieces if piece.truth.source == weights.stem]
                asked = pool.map(partial(ours_with, weights), _paths(own))
                yield from _judged("ours, source left out", own, asked)
        if "librosa" in systems:
            yield from _judged("librosa", pieces, pool.map(with_librosa, _paths(pieces)))
    if "essentia" in systems and options.essentia:
        python = options.essentia / "bin/python"
        for piece, (_, said) in zip(pieces, with_essentia(python, _paths(pieces)), strict=True):
            for name, answer in said.items():
                yield from _judged(name, [piece], [answer])


def _paths(pieces: Sequence[Piece]) -> list[Path]:
    return [piece.path for piece in pieces]


def _judged(system: str, pieces: Sequence[Piece], said: Iterable[Answer]) -> Iterator[Judged]:
    for piece, answer in zip(pieces, said, strict=True):
        truth = piece.truth
        figures = judge(truth, answer)
        yield Judged(system, piece.name, truth.source, answer.bpm, truth.bpm, figures)


def tables(judged: Sequence[Judged]) -> Iterator[str]:
    """Lines of one table a system: means in percent by source, and over all pieces."""
    for system in dict.fromkeys(row.system for row in judged):
        rows = [row for row in judged if row.system == system]
        yield ""
        yield f"{system:<29} {'pieces':>6} " + " ".join(f"{name:>10}" for name in FIGURES)
        for source in (*sorted({row.source for row in rows}), EVERYTHING):
            own = [row.figures for row in rows if source in {row.source, EVERYTHING}]
            yield f"  {source:<27} {len(own):>6} {_cells(means(own))}"


def _cells(figures: Mapping[str, float]) -> str:
    return " ".join(f"{figures[name]:>10.1f}" if name in figures else " " * 10 for name in FIGURES)


def _line(row: Judged) -> str:
    found = " ".join(f"{name}={value:.2f}" for name, value in row.figures.items())
    return f"{row.system} {row.piece} {row.true_bpm} {row.answered_bpm} {found}"


if __name__ == "__main__":
    main()

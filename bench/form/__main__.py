"""Sections and cue points against pieces whose form is known: ``python -m bench.form``.

Dance tracks and songs are invented and played by the band of the truth set (``bench/truth/install``
brings its soundfonts), coded as FLAC and analysed as a server would. Prints how many bounds of
sections and how many cue points lie on the right bar. The same numbers give the same pieces.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autodj.audio.analysis import analyze
from autodj.audio.encode import encode
from autodj.audio.facts import Analysis, DecodeLimits
from autodj.audio.identify import identify
from bench.form.figures import PLACES, Bounds, counted, judge_bounds, judge_cues
from bench.form.shapes import KINDS, Formed, make_piece
from bench.truth.piece import RATE_HZ


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found of one piece."""

    piece: Formed
    bounds: Bounds
    cues: dict[str, str]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.form",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pieces", type=int, default=20, help="of each kind (20)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first (0)")
    options = parser.parse_args(arguments)
    judged = []
    with tempfile.TemporaryDirectory(prefix="autodj-form-") as folder:
        for kind in KINDS:
            for number in range(options.first, options.first + options.pieces):
                judged.append(_judged(make_piece(kind, number), Path(folder)))
                print(_line(judged[-1]), flush=True)
    for kind in KINDS:
        _print_sums(kind, [each for each in judged if each.piece.kind == kind])


def _judged(piece: Formed, folder: Path) -> Judged:
    path = folder / "piece.flac"
    encode(piece.samples, RATE_HZ, path, codec="flac")
    found = analysed(path)
    return Judged(piece, judge_bounds(piece, found), judge_cues(piece, found))


def analysed(path: Path) -> Analysis:
    with path.open("rb") as file:
        return analyze(file, identify(path), DecodeLimits(), lambda _share: None)


def _line(judged: Judged) -> str:
    bounds = judged.bounds
    cues = ", ".join(f"{name} {found}" for name, found in judged.cues.items())
    counts = f"{bounds.on_the_bar} of {bounds.true} bounds, {bounds.found} found"
    return f"{judged.piece.title}: {counts}; {cues}"


def _print_sums(kind: str, judged: Sequence[Judged]) -> None:
    bounds = [each.bounds for each in judged]
    true, found = sum(each.true for each in bounds), sum(each.found for each in bounds)
    on_the_bar, near = sum(each.on_the_bar for each in bounds), sum(each.near for each in bounds)
    print(f"\n{kind}, {len(judged)} pieces")
    print(f"  bounds: {true} there, {found} found, {on_the_bar} on the bar, {near} within a bar")
    if bounds:
        print(f"  F-measure on the bar {sum(each.f_measure for each in bounds) / len(bounds):.2f}")
    for name, counts in counted(each.cues for each in judged).items():
        print(f"  {name}: {_told(counts)}")


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in PLACES if Counter(counts)[name])


if __name__ == "__main__":
    main()

"""Whether the same bytes always give the same analysis: ``python -m bench.determinism``.

Every file is analysed again and again: twice in one sandbox, in two sandboxes at the same time, in
processes with one thread and with four and with other hash seeds, and from a file that hands out
its bytes in small pieces. Exits with 1 when two documents of one file differ by a byte. Without
files our own pieces are taken, in every kind.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from autodj.audio.analysis import analyze
from autodj.audio.encode import TARGETS, encode
from autodj.audio.facts import Analysis, DecodeLimits
from autodj.audio.identify import identify
from autodj.audio.sandbox import open_sandbox
from autodj.audio.synth import PIECES, RATE_HZ, render

SMALL_READ_BYTES: Final = 1009
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_ALONE: Final = "import sys; from bench.determinism import alone; alone(sys.argv[1])"


class InPieces(io.FileIO):
    """A file that never reads more than a little at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = SMALL_READ_BYTES if size is None or size < 0 else min(size, SMALL_READ_BYTES)
        return super().read(wanted) or b""


def digest(analysis: Analysis) -> str:
    """What stands for the bytes of its document."""
    document = json.dumps(analysis.to_document(), sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()


def alone(name: str) -> None:
    """Print the digest of one file's analysis; the whole of a process of its own."""
    path = Path(name)
    with path.open("rb") as file:
        print(digest(analyze(file, identify(path), DecodeLimits(), lambda _share: None)))


def digests(path: Path) -> dict[str, str]:
    """The digest of each way to analyse the file."""
    with InPieces(path) as file:
        found = analyze(file, identify(path), DecodeLimits(), lambda _share: None)
    return {
        "in small pieces": digest(found),
        **asyncio.run(_sandboxed(path)),
        **{f"{threads} threads": _in_process(path, threads) for threads in (1, 4)},
    }


async def _sandboxed(path: Path) -> dict[str, str]:
    container = identify(path)
    async with open_sandbox() as one, open_sandbox() as other:
        pair = await asyncio.gather(one.analyze(path, container), other.analyze(path, container))
        again = await one.analyze(path, container)
    names = ("one of two at once", "the other of two at once", "once more")
    return {name: digest(each) for name, each in zip(names, (*pair, again), strict=True)}


def _in_process(path: Path, threads: int) -> str:
    environment = dict.fromkeys(_THREADS, str(threads)) | {"PYTHONHASHSEED": str(threads)}
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, path],
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def pieces(folder: Path) -> Iterator[Path]:
    """Our pieces, shortened, in every kind."""
    for number, codec in enumerate(TARGETS):
        piece = PIECES[number % len(PIECES)]
        sections = tuple(replace(each, bars=min(4, each.bars)) for each in piece.sections)
        path = folder / f"{piece.slug}-{codec}.{'m4a' if codec == 'alac' else codec}"
        encode(render(replace(piece, sections=sections)), RATE_HZ, path, codec=codec)
        yield path


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.determinism",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    options = parser.parse_args(arguments)
    different = files = 0
    with tempfile.TemporaryDirectory(prefix="autodj-determinism-") as name:
        for path in options.files or pieces(Path(name)):
            found = digests(path)
            files += 1
            different += len(set(found.values())) > 1
            print(f"{path.name:<32} " + " ".join(each[:12] for each in found.values()), flush=True)
    print(f"{files} files, {different} with documents that differ")
    sys.exit(different > 0)


if __name__ == "__main__":
    main()

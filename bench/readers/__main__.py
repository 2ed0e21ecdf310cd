"""``python -m bench.readers``: outlines read back by waveform-data.js, the reader of BBC's players.

Needs npm, which brings the reader by ``bench/readers/package-lock.json``. Prints how many files
were read, and ends with 1 where one does not say what was written.
"""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from autodj.tracks.exports.audiowaveform import Outline, at_most, to_dat, to_json

_READER = Path(__file__).with_name("waveform.mjs")
_RATES_HZ = (8000, 11025, 44100, 48000, 96000)
_WRITERS = {"dat": to_dat, "json": to_json}
_ROUNDS, _SEED = 40, 5


@dataclass(frozen=True, slots=True)
class Written:
    """An outline in a file, and the rate that its track has."""

    path: Path
    outline: Outline
    rate_hz: int


def main() -> None:
    install = ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(install, cwd=_READER.parent, check=True)
    with TemporaryDirectory() as folder:
        files = write(Path(folder))
        wrong = [each.path.name for each in files if not _is_kept(each, _read(each.path))]
    print(f"{len(files)} files read back, {len(wrong)} wrong {wrong}")
    sys.exit(1 if wrong else 0)


def write(folder: Path) -> Sequence[Written]:
    """Outlines of chance, whole and drawn together, in both formats."""
    dice = random.Random(_SEED)
    files = []
    for number in range(_ROUNDS):
        rate_hz = dice.choice(_RATES_HZ)
        highs = [dice.randint(-128, 127) for _ in range(dice.randint(1, 900))]
        fine = Outline([dice.randint(-128, high) for high in highs], highs)
        for kind, outline in (("fine", fine), ("coarse", at_most(fine, 40))):
            for suffix, writer in _WRITERS.items():
                path = folder / f"{number}-{kind}.{suffix}"
                path.write_bytes(writer(outline, rate_hz))
                files.append(Written(path, outline, rate_hz))
    return files


def _read(path: Path) -> dict[str, Any]:
    command = ["node", _READER.name, str(path)]
    told = subprocess.run(command, cwd=_READER.parent, check=True, capture_output=True).stdout
    found: dict[str, Any] = json.loads(told)[0]
    return found


def _is_kept(written: Written, read: dict[str, Any]) -> bool:
    outline = written.outline
    length_s = len(outline.least) * outline.interval / 50
    return (
        (read["channels"], read["bits"]) == (1, 8)
        and (read["min"], read["max"]) == (list(outline.least), list(outline.largest))
        and math.isclose(read["duration_s"], length_s, abs_tol=1e-9)
        and (written.rate_hz % 50 != 0 or read["sample_rate"] == written.rate_hz)
    )


if __name__ == "__main__":
    main()

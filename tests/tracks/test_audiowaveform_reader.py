"""Outlines read back by waveform-data.js, the reader that BBC's own players use."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from autodj.tracks.exports.audiowaveform import Outline, at_most, to_dat, to_json

READER = Path(__file__).parents[1] / "readers" / "waveform.mjs"
RATES_HZ = (8000, 11025, 44100, 48000, 96000)


def outlines() -> list[tuple[Outline, int]]:
    dice = random.Random(5)
    made = []
    for rate_hz in RATES_HZ:
        highs = [dice.randint(-128, 127) for _ in range(dice.randint(1, 900))]
        lows = [dice.randint(-128, high) for high in highs]
        fine = Outline(lows, highs)
        made += [(fine, rate_hz), (at_most(fine, 40), rate_hz)]
    return made


def read_back(paths: list[Path]) -> list[dict[str, Any]]:
    node = shutil.which("node")
    if node is None or not (READER.parent / "node_modules").exists():
        pytest.fail("The reader is missing: run tests/install-readers.", pytrace=False)
    command = [node, READER.name, *map(str, paths)]
    told = subprocess.run(command, cwd=READER.parent, check=True, capture_output=True).stdout
    read: list[dict[str, Any]] = json.loads(told)
    return read


def test_what_is_written_is_what_the_players_read(tmp_path: Path) -> None:
    made, paths = outlines(), list[Path]()
    for number, (outline, rate_hz) in enumerate(made):
        for kind, write in (("dat", to_dat), ("json", to_json)):
            paths.append(tmp_path / f"{number}.{kind}")
            paths[-1].write_bytes(write(outline, rate_hz))
    found = iter(read_back(paths))
    for outline, rate_hz in made:
        for _ in ("dat", "json"):
            read = next(found)
            assert (read["channels"], read["bits"]) == (1, 8)
            assert (read["min"], read["max"]) == (list(outline.least), list(outline.largest))
            length_s = len(outline.least) * outline.interval / 50
            assert read["duration_s"] == pytest.approx(length_s, abs=1e-9)
            if rate_hz % 50 == 0:
                assert read["sample_rate"] == rate_hz

"""The whole analysis: the same everywhere, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autodj.audio.analysis import analyze
from autodj.audio.facts import ANALYSIS_VERSION, DecodeLimits
from autodj.audio.identify import FLAC, identify
from autodj.audio.sandbox import Sandbox
from autodj.errors import AudioRejected
from tests.audio.conftest import Measure
from tests.clips import beat, make_clip

ALONE = """
import json, sys
from pathlib import Path
from autodj.audio.analysis import analyze
from autodj.audio.facts import DecodeLimits
from autodj.audio.identify import identify
path = Path(sys.argv[1])
with path.open("rb") as file:
    analysis = analyze(file, identify(path), DecodeLimits(), lambda share: None)
print(json.dumps(analysis.to_document()))
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("analysis") / "clip.mp3", 12, bpm=124)


@pytest.mark.asyncio(loop_scope="session")
async def test_every_run_gives_the_same_bytes_in_whatever_process(
    sandbox: Sandbox, clip: Path
) -> None:
    documents = [(await sandbox.analyze(clip, identify(clip))).to_document() for _ in range(2)]
    with clip.open("rb") as file:
        documents.append(
            analyze(file, identify(clip), DecodeLimits(), lambda _: None).to_document()
        )
    alone = subprocess.run(
        [sys.executable, "-c", ALONE, str(clip)], capture_output=True, text=True, check=True
    )
    documents.append(json.loads(alone.stdout))
    assert len({json.dumps(document, sort_keys=True) for document in documents}) == 1
    assert documents[0]["version"] == ANALYSIS_VERSION
    assert documents[0]["bpm"] == pytest.approx(124, abs=0.05)
    assert documents[0]["camelot"] == "8A"


@pytest.mark.parametrize("channels", [1, 2])
def test_mono_and_stereo_are_both_measured(measure: Measure, channels: int) -> None:
    analysis = measure(beat(10, bpm=120, channels=channels), 44100)
    assert analysis.bpm == pytest.approx(120, abs=0.05)
    assert analysis.key == "A minor"
    assert analysis.integrated_lufs is not None
    assert analysis.duration_s == 10.0


def test_a_side_that_is_turned_over_silences_nothing(measure: Measure) -> None:
    music = beat(12, bpm=120)
    other = music * np.array([[1.0], [-1.0]], np.float32)
    turned, straight = measure(other, 44100), measure(music, 44100)
    assert turned.bpm == pytest.approx(120, abs=0.05)
    assert turned.key == straight.key == "A minor"
    assert turned.beats_s == pytest.approx(straight.beats_s, abs=0.002)


def test_a_file_that_ends_early_is_refused_and_not_measured(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "whole.flac", 10)
    cut = tmp_path / "cut.flac"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with cut.open("rb") as file, pytest.raises(AudioRejected, match="should last"):
        analyze(file, FLAC, DecodeLimits(), lambda _: None)


def test_loud_and_soft_differ_by_their_gain_and_nothing_else(measure: Measure) -> None:
    music = beat(12, bpm=120)
    loud, soft = measure(music, 44100), measure(music * np.float32(0.1), 44100)
    assert loud.integrated_lufs is not None
    assert soft.integrated_lufs is not None
    assert loud.integrated_lufs - soft.integrated_lufs == pytest.approx(20, abs=0.05)
    assert loud.bpm == pytest.approx(soft.bpm, abs=0.05)
    assert loud.key == soft.key

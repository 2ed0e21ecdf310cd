"""The systems that are compared: ours, librosa's usual calls, and Essentia in its own world."""

from __future__ import annotations

import json
import subprocess
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from autodj.audio import analysis
from autodj.audio.facts import DecodeLimits
from autodj.audio.identify import identify
from autodj.audio.keynames import MODES, key_name
from autodj.audio.rhythm.activation import stored_net
from bench.analysis.figures import Answer

ESSENTIA_SCRIPT = Path(__file__).with_name("essentia_run.py")
ESSENTIA_SYSTEMS = {
    "essentia multifeature, bgate": ("multifeature", "bgate"),
    "essentia degara, edma": ("degara", "edma"),
}
# Krumhansl and Kessler's ratings (1982), as nearly every script that estimates a key has them.
_PROFILES = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)


def ours(path: Path) -> Answer:
    """The same call that a worker's child makes."""
    with path.open("rb") as file:
        found = analysis.analyze(file, identify(path), DecodeLimits(), lambda _: None)
    return Answer(found.bpm, found.beats_s, found.downbeats_s, found.key)


def ours_with(weights: Path, path: Path) -> Answer:
    """The same with other weights of the network."""
    # The product reads its weights once, at import, and offers no way to change them.
    with patch.object(analysis, "_NET", stored_net(weights)):
        return ours(path)


def with_librosa(path: Path) -> Answer:
    """``load``, ``beat_track`` and the mean of ``chroma_cqt`` against Krumhansl's ratings."""
    import librosa  # noqa: PLC0415  # seconds to import, and not every run asks for it

    with warnings.catch_warnings():
        # Silence and clicks have it complain of empty frames.
        warnings.simplefilter("ignore")
        samples, rate_hz = librosa.load(path)
        tempo, beats_s = librosa.beat.beat_track(y=samples, sr=rate_hz, units="time")
        chroma = librosa.feature.chroma_cqt(y=samples, sr=rate_hz).mean(axis=1)
    bpm = float(np.atleast_1d(tempo)[0])
    return Answer(bpm or None, tuple(np.asarray(beats_s).tolist()), None, _likeliest(chroma))


def _likeliest(chroma: NDArray[np.float64]) -> str | None:
    if np.ptp(chroma) == 0:
        return None
    matches = {
        (tonic, mode): float(np.corrcoef(chroma, np.roll(profile, tonic))[0, 1])
        for mode, profile in zip(MODES, _PROFILES, strict=True)
        for tonic in range(12)
    }
    return key_name(*max(matches, key=lambda each: matches[each]))


def with_essentia(python: Path, paths: Sequence[Path]) -> Iterator[tuple[Path, dict[str, Answer]]]:
    """What Essentia says of each file, by system; one process of the other environment."""
    command = [python, ESSENTIA_SCRIPT, *paths]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        for path, line in zip(paths, process.stdout, strict=True):
            said = json.loads(line)
            yield (
                path,
                {name: _answer(said, *methods) for name, methods in ESSENTIA_SYSTEMS.items()},
            )


def _answer(said: dict[str, Any], rhythm: str, profile: str) -> Answer:
    found = said[rhythm]
    return Answer(found["bpm"] or None, tuple(found["beats_s"]), None, said[profile])

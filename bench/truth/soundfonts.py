"""Voices played by FluidSynth."""

from __future__ import annotations

import random
import subprocess
import tempfile
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from autodj.audio.frames import Floats
from bench.truth.piece import RATE_HZ, Part
from bench.truth.smf import Voice, write

_FOLDER = Path("/usr/share/sounds")
_FLUID = _FOLDER / "sf2/FluidR3_GM.sf2"
_TIM = _FOLDER / "sf2/TimGM6mb.sf2"
# The test part has instruments that tuning has never heard.
SOUNDFONTS: Mapping[Part, tuple[Path, ...]] = {
    "tuning": (_FLUID, _TIM),
    "test": (
        _FLUID,
        _TIM,
        _FOLDER / "sf3/MuseScore_General_Lite.sf3",
        _FOLDER / "sf2/OPL-3_FM_128M.sf2",
    ),
}
_LONGEST_S = 300


def play(dice: random.Random, voices: Sequence[Voice], samples: int, part: Part) -> Floats:
    """``[2, samples]`` of the voices on a soundfont, in a room or a chorus by chance.

    CalledProcessError or FileNotFoundError where FluidSynth or the soundfont is missing.
    """
    font = dice.choice(SOUNDFONTS[part])
    gain = dice.uniform(0.3, 0.6)
    reverb, chorus = dice.randrange(2), dice.randrange(2)
    if not font.exists():
        raise FileNotFoundError(font)
    with tempfile.TemporaryDirectory(prefix="autodj-truth-") as name:
        score, sound = Path(name) / "score.mid", Path(name) / "sound.wav"
        write(score, voices)
        command: list[str | Path] = ["fluidsynth", "-niq", "-F", sound, "-r", str(RATE_HZ)]
        command += ["-g", f"{gain:.3f}", "-R", str(reverb), "-C", str(chorus), font, score]
        subprocess.run(command, check=True, capture_output=True, timeout=_LONGEST_S)
        return fitted(_read_wave(sound), samples)


def fitted(sound: Floats, samples: int) -> Floats:
    """``sound`` cut or followed by silence to be ``samples`` long."""
    kept = sound[:, :samples]
    return np.pad(kept, ((0, 0), (0, samples - kept.shape[1])))


def _read_wave(path: Path) -> Floats:
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        channels = file.getnchannels()
    return np.ascontiguousarray(raw.reshape(-1, channels).T / np.float32(32768), np.float32)

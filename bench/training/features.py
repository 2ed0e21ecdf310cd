"""Band magnitudes of every piece of a truth set that may be trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autodj.audio.analysis import FEATURE_RATE_HZ
from autodj.audio.frames import Floats, SpectrumStream
from autodj.audio.rhythm.bands import band_filters
from bench.training.examples import BANDS_PER_S, SHIPPABLE, Example
from bench.truth.piece import Piece, stored
from bench.truth.sound_files import read_sound

_WINDOW = 1024
_BLOCK = 240_000


def extract(truth: Path, output: Path) -> None:
    """Write one file a piece of the tuning part to ``output``; those that are there stay."""
    output.mkdir(parents=True, exist_ok=True)
    for piece in stored(truth / "tuning"):
        known = piece.truth.beats_s is not None and piece.truth.downbeats_s is not None
        if (
            known
            and piece.truth.source in SHIPPABLE
            and not (output / f"{piece.name}.npz").exists()
        ):
            example(piece).save(output)
            print(piece.name, flush=True)


def example(piece: Piece) -> Example:
    samples = read_sound(piece.path, rate_hz=FEATURE_RATE_HZ, channels=1)[0]
    return Example(
        piece.name,
        piece.truth.source,
        magnitudes(samples),
        np.asarray(piece.truth.beats_s, np.float32),
        np.asarray(piece.truth.downbeats_s, np.float32),
    )


def magnitudes(samples: Floats) -> Floats:
    """``[frames, 48]`` linear, by the product's own spectra and filters, from mono at 24 kHz."""
    spectra = SpectrumStream(_WINDOW, FEATURE_RATE_HZ // BANDS_PER_S)
    filters = band_filters(FEATURE_RATE_HZ, _WINDOW)
    blocks = [
        spectra.push(samples[start : start + _BLOCK]) @ filters
        for start in range(0, samples.size, _BLOCK)
    ]
    return np.concatenate([*blocks, spectra.finish() @ filters]).astype(np.float32)

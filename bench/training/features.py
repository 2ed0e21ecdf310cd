"""Band magnitudes of every piece of a truth set that may be trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autodj.audio.blocks import BLOCK_SAMPLES
from autodj.audio.frames import Floats
from autodj.audio.rhythm.bands import band_filters
from autodj.audio.spectra import Spectra
from bench.training.examples import SHIPPABLE, Example
from bench.truth.piece import RATE_HZ, Piece, stored
from bench.truth.sound_files import read_sound


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
    return Example(
        piece.name,
        piece.truth.source,
        magnitudes(read_sound(piece.path), RATE_HZ),
        np.asarray(piece.truth.beats_s, np.float32),
        np.asarray(piece.truth.downbeats_s, np.float32),
    )


def magnitudes(samples: Floats, rate_hz: int) -> Floats:
    """``[frames, 48]`` linear, a hundred a second, from ``[channels, n]``, by the product's own
    spectra and filters.
    """
    spectra = Spectra(rate_hz, samples.shape[0])
    filters = band_filters(spectra.rate_hz, spectra.window_samples)
    blocks = [
        spectra.push(samples[:, start : start + BLOCK_SAMPLES])[0] @ filters
        for start in range(0, samples.shape[1], BLOCK_SAMPLES)
    ]
    return np.concatenate([*blocks, spectra.finish()[0] @ filters]).astype(np.float32)

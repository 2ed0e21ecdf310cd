"""What the key is trained on: pieces of the truth set, and sketches of many more."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.key import evidence
from autodj.audio.keynames import MODES, PITCHES, key_name
from autodj.audio.pitches import Pitches, PitchStream
from autodj.audio.spectra import Spectra
from bench.training.sketched import ends_in_the_relative, sketched
from bench.truth.piece import PARTS, RATE_HZ, Part, Piece, Truth, stored
from bench.truth.sound_files import read_sound
from bench.truth.sources.pop909 import SOURCE as POP909

# Bach's scores may be trained on too: the works are free, and nothing of a file is kept.
SHIPPABLE: Final = frozenset({"grooves", "sessions", "pop909", "scores"})
NAMES: Final = [key_name(tonic, mode) for mode in MODES for tonic in range(len(PITCHES))]
_BLOCK = 10 * RATE_HZ
_PITCHES = 12


@dataclass(frozen=True, slots=True)
class KeyExample:
    """One piece: ``evidence`` is ``[tonics, features]``, ``key`` the place of the true key among
    ``modes * tonics``. A sketch was never sound.
    """

    source: str
    composition: str
    part: Part
    evidence: NDArray[np.float32]
    key: int
    is_sketch: bool = False

    def fold(self, folds: int) -> int:
        """One of so many, the same for all that is made of one composition."""
        return zlib.crc32(f"{self.source}/{self.composition}".encode()) % folds


def examples(truth: Path, folder: Path, pop909: Path | None) -> Iterator[KeyExample]:
    """The pieces of both parts that have a key, and sketches for the tuning part; what was read
    of a piece is kept in ``folder``.
    """
    for part in PARTS:
        (folder / part).mkdir(parents=True, exist_ok=True)
        for piece in stored(truth / part):
            about = piece.truth
            if about.key is None or (part == "tuning" and not _is_taught(about, pop909)):
                continue
            pitches = _kept(piece, folder / part / f"{piece.name}.npy")
            if pitches is not None:
                seen = evidence(pitches).astype(np.float32)
                place = NAMES.index(about.key)
                yield KeyExample(about.source, about.composition, part, seen, place)
    for each in sketched(pop909):
        seen = evidence(each.pitches).astype(np.float32)
        place = NAMES.index(each.key)
        yield KeyExample(each.source, each.composition, "tuning", seen, place, is_sketch=True)


def _is_taught(about: Truth, pop909: Path | None) -> bool:
    if about.source == POP909.name and pop909 is not None:
        return not ends_in_the_relative(pop909 / about.composition)
    return about.source in SHIPPABLE


def _kept(piece: Piece, path: Path) -> Pitches | None:
    if not path.exists():
        pitches = read_pitches(piece)
        if pitches is None:
            return None
        np.save(path, np.hstack([pitches.whole, pitches.bass]).astype(np.float32))
        print(f"{piece.truth.source}/{piece.name}", flush=True)
    rows = np.load(path).astype(np.float64)
    return Pitches(rows[:, :_PITCHES], rows[:, _PITCHES:], 0.0)


def read_pitches(piece: Piece) -> Pitches | None:
    """By the product's own spectra."""
    samples: Floats = read_sound(piece.path, rate_hz=RATE_HZ, channels=1)
    spectra = Spectra(RATE_HZ, 1)
    pitches = PitchStream(spectra.pitch_rate_hz, spectra.pitch_window_samples)
    for start in range(0, samples.shape[1], _BLOCK):
        pitches.push(spectra.push(samples[:, start : start + _BLOCK])[1])
    pitches.push(spectra.finish()[1])
    return pitches.finish()

"""Recorded rock and metal with a beat map: the songs that Debian packages for Frets on Fire."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from bench.truth.effects import normal
from bench.truth.piece import RATE_HZ, Part, Truth, moments, tempo_of
from bench.truth.smf import read
from bench.truth.sound_files import read_sound
from bench.truth.soundfonts import fitted
from bench.truth.sources import Made, Order, Source

SONGS: Final = Path("/usr/share/games/fretsonfire/data/songs")
_STEMS = ("song.ogg", "guitar.ogg")


def compositions(part: Part, _: Path | None) -> Sequence[str]:
    found = sorted(SONGS.glob("*/*/notes.mid"))
    return [str(path.parent.relative_to(SONGS)) for path in found] if part == "test" else []


def make(order: Order) -> Made:
    """The stems together; the bars of these maps are not kept with care and count as unknown."""
    folder = SONGS / order.composition
    stems = [read_sound(folder / name) for name in _STEMS if (folder / name).exists()]
    size = max(stem.shape[1] for stem in stems)
    mixed = normal(np.sum([fitted(stem, size) for stem in stems], axis=0, dtype=np.float32))
    song = read((folder / "notes.mid").read_bytes())
    beats_s = song.beats_s[song.beats_s < size / RATE_HZ]
    bpm, steady = tempo_of(beats_s)
    return mixed, Truth(
        source=SOURCE.name,
        licence="CC-BY-SA-3.0",
        composition=order.composition,
        bpm=bpm,
        steady=steady and song.steady,
        beats_s=moments(beats_s),
    )


SOURCE = Source("frets", compositions, make, weights={"test": 8}, renders={"test": 1})

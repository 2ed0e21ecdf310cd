"""What the network is trained on: band levels of pieces, and where their beats are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autodj.audio.frames import Floats

BANDS_PER_S = 100
FRAMES_PER_S = 50
# Of these the results may be given away under our own licence; docs/training.md says why.
SHIPPABLE = frozenset(
    {"grooves", "sessions", "pop909", "covers", "ostinati", "freedoom", "drums", "plain"}
)
# As the product compresses them.
_COMPRESSION = 300.0
_NEAR_FRAMES, _HALF_FRAMES = 0.6, 1.6


@dataclass(frozen=True, slots=True)
class Example:
    """One piece: ``bands`` are linear magnitudes ``[frames, 48]`` at 100 frames a second."""

    name: str
    source: str
    bands: Floats
    beats_s: Floats
    downbeats_s: Floats

    def save(self, folder: Path) -> None:
        np.savez(
            folder / f"{self.name}.npz",
            source=np.array(self.source),
            bands=self.bands.astype(np.float16),
            beats_s=self.beats_s,
            downbeats_s=self.downbeats_s,
        )


def held_back(name: str) -> bool:
    """Every tenth piece of a source trains no network: what weighs a network's answers, and says
    how sure they are, is fitted to pieces that it has not heard.
    """
    return name.endswith("9")


def load(folder: Path, without: Sequence[str] = ()) -> list[Example]:
    """Every example below ``folder`` to train on: none of the sources that are left out, and
    none that is held back.

    ValueError for a source that may not be trained on.
    """
    examples = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as stored:
            source = str(stored["source"])
            if source not in SHIPPABLE:
                raise ValueError(f"{path.name} is of {source}, which may not be trained on")
            if source not in without and not held_back(path.stem):
                bands = stored["bands"].astype(np.float32)
                beats = (stored["beats_s"], stored["downbeats_s"])
                examples.append(Example(path.stem, source, bands, *beats))
    return examples


def levels_of(bands: Floats) -> Floats:
    """Levels at 50 frames a second as ``BandStream`` makes them, not rounded."""
    compressed = np.log1p(_COMPRESSION * bands)
    whole = len(compressed) // 2 * 2
    first, second = compressed[0:whole:2], compressed[1:whole:2]
    return np.asarray(0.5 * (first + np.maximum(first, second)), np.float32)


def target(frames: int, events_s: Floats) -> Floats:
    """``[frames]``: 1 at each event, one half beside it, so that a near miss costs less."""
    wanted = np.zeros(frames, np.float32)
    for event in np.asarray(events_s, np.float64) * FRAMES_PER_S:
        first, last = max(0, int(event) - 2), min(frames, int(event) + 4)
        distance = np.abs(np.arange(first, last) - event)
        value = np.where(distance <= _NEAR_FRAMES, 1.0, np.where(distance <= _HALF_FRAMES, 0.5, 0))
        wanted[first:last] = np.maximum(wanted[first:last], value)
    return wanted

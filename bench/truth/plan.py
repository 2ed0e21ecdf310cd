"""Which pieces a set has: decided before anything is rendered, and the same every time."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.truth.piece import Part
from bench.truth.sources import (
    Order,
    Source,
    arcade,
    changes,
    covers,
    drums,
    frets,
    grooves,
    midi_files,
    modules,
    ostinati,
    plain,
    pop909,
    projects,
    sessions,
)
from bench.truth.sources import scores as music21_scores

SOURCES: tuple[Source, ...] = (
    grooves.SOURCE,
    changes.SOURCE,
    sessions.SOURCE,
    ostinati.SOURCE,
    pop909.SOURCE,
    covers.SOURCE,
    drums.SOURCE,
    midi_files.FREEDOOM_SOURCE,
    midi_files.OPENMSX_SOURCE,
    music21_scores.SOURCE,
    projects.LMMS_SOURCE,
    projects.HYDROGEN_SOURCE,
    frets.SOURCE,
    modules.SOURCE,
    arcade.SOURCE,
    plain.SOURCE,
)
USUAL_COUNTS: dict[Part, int] = {"tuning": 1500, "test": 404}


@dataclass(frozen=True, slots=True)
class Planned:
    """A piece to be made: its file's name, and which render of a composition it is."""

    name: str
    source: Source
    composition: str
    render: int
    part: Part

    def order(self, folder: Path | None) -> Order:
        """Its own seed, so that no other piece changes it."""
        digest = hashlib.sha256(f"{self.part}/{self.name}/{self.composition}".encode()).digest()
        return Order(self.composition, self.part, random.Random(digest), folder)


def plan(
    part: Part, count: int, folder: Path | None, sources: Iterable[Source] = SOURCES
) -> list[Planned]:
    """The first ``count`` pieces, every source in its share from the start on.

    A source that has too little leaves its place to the others; ``folder`` is POP909's.
    """
    ranked: list[tuple[float, Planned]] = []
    for source in sources:
        weight = source.weights.get(part, 0.0)
        available = _renders(source, part, folder) if weight > 0 else []
        ranked += [((index + 0.5) / weight, each) for index, each in enumerate(available)]
    ranked.sort(key=lambda entry: (entry[0], entry[1].name))
    return [planned for _, planned in ranked[:count]]


def _renders(source: Source, part: Part, folder: Path | None) -> Sequence[Planned]:
    compositions = source.compositions(part, folder)
    pairs = [
        (render, composition)
        for render in range(source.renders[part])
        for composition in compositions
    ]
    return [
        Planned(f"{source.name}-{index:04d}", source, composition, render, part)
        for index, (render, composition) in enumerate(pairs)
    ]

"""What is known of a piece, and where it is kept: ``NAME.flac`` beside ``NAME.json``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from autodj.audio.encode import encode
from autodj.audio.frames import Floats

RATE_HZ = 44100
Part = Literal["tuning", "test"]
PARTS: tuple[Part, ...] = ("tuning", "test")
_PEAK = 0.98
_OFF_GRID_S = 0.015

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth about one piece.

    ``beats_s`` and ``downbeats_s`` are None where they are unknown and empty where there are
    none to be found; ``bpm`` is None where no tempo is to be scored. ``steady``: one tempo from
    start to end. ``key`` reads like "A minor". ``composition`` is what never appears in both
    parts.
    """

    source: str
    licence: str
    composition: str
    bpm: float | None = None
    steady: bool = False
    metre: int | None = None
    beats_s: tuple[float, ...] | None = None
    downbeats_s: tuple[float, ...] | None = None
    key: str | None = None

    def to_document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Truth:
        known = {each.name for each in fields(cls)}
        values = {name: value for name, value in document.items() if name in known}
        for name in ("beats_s", "downbeats_s"):
            if values.get(name) is not None:
                values[name] = tuple(values[name])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece that lies in a folder."""

    path: Path
    truth: Truth

    @property
    def name(self) -> str:
        return self.path.stem


def save(folder: Path, name: str, samples: Floats, truth: Truth) -> Piece:
    """Write ``samples`` (float32 ``[2, n]`` at ``RATE_HZ``) and what is true of them.

    The truth comes last: a piece without it was cut short and is made again.
    """
    path = folder / f"{name}.flac"
    loudest = float(np.abs(samples).max(initial=0.0))
    safe = samples if loudest <= _PEAK else samples * (_PEAK / loudest)
    encode(np.ascontiguousarray(safe, np.float32), RATE_HZ, path, codec="flac")
    path.with_suffix(".json").write_text(json.dumps(truth.to_document()) + "\n")
    return Piece(path, truth)


def stored(folder: Path) -> Iterator[Piece]:
    """Every piece below ``folder``, by name."""
    for path in sorted(folder.rglob("*.json")):
        audio = path.with_suffix(".flac")
        if audio.exists():
            yield Piece(audio, Truth.from_document(json.loads(path.read_text())))


def tempo_of(beats_s: Sequence[float] | Doubles) -> tuple[float, bool]:
    """Beats a minute, and whether one tempo holds: no beat far from the best even grid."""
    times_s = np.asarray(beats_s)
    places = np.arange(times_s.size)
    period_s, start_s = np.polyfit(places, times_s, 1)
    steady = float(np.abs(start_s + period_s * places - times_s).max()) < _OFF_GRID_S
    gap_s = float(period_s) if steady else float(np.median(np.diff(times_s)))
    return round(60 / gap_s, 4), steady


def moments(times_s: Doubles) -> tuple[float, ...]:
    """Times as they are kept, to 10 microseconds."""
    return tuple(np.round(times_s, 5).tolist())

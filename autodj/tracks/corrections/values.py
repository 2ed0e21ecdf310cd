"""The corrections of one track as a value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Protocol

BPM_RANGE = (20.0, 400.0)
METRES = (2, 12)
MOST_SHIFT_MS = 2000.0


@dataclass(frozen=True, slots=True)
class Corrections:
    """Each is None where nobody corrected anything.

    ``bpm`` beats a minute. With ``anchor_s`` they lie evenly through that time; without, twice or
    half of what was measured keeps to the measured beats. ``metre`` beats are a bar, and the
    beat nearest to ``downbeat_s`` begins one. ``shift_ms`` moves all beats (later when above 0);
    the times are those before it, so that they move along. ``key`` reads like "A minor".
    """

    bpm: float | None = None
    anchor_s: float | None = None
    shift_ms: float | None = None
    downbeat_s: float | None = None
    metre: int | None = None
    key: str | None = None

    @property
    def shift_s(self) -> float:
        return (self.shift_ms or 0.0) / 1000

    @property
    def touch_the_grid(self) -> bool:
        return any(
            value is not None for value in (self.bpm, self.shift_ms, self.downbeat_s, self.metre)
        )

    def given(self) -> Mapping[str, float | int | str]:
        """Those that are corrected, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def tag(self) -> str:
        """A word that changes with every correction, empty for none: a part of an ETag."""
        given = self.given()
        if not given:
            return ""
        return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:16]


class Corrected(Protocol):
    """The columns of a track that hold its corrections."""

    corrected_bpm: float | None
    corrected_anchor_s: float | None
    corrected_shift_ms: float | None
    corrected_downbeat_s: float | None
    corrected_metre: int | None
    corrected_key: str | None


def corrections_of(row: Corrected) -> Corrections:
    """From a track's row."""
    return Corrections(
        bpm=row.corrected_bpm,
        anchor_s=row.corrected_anchor_s,
        shift_ms=row.corrected_shift_ms,
        downbeat_s=row.corrected_downbeat_s,
        metre=row.corrected_metre,
        key=row.corrected_key,
    )

"""The form of a track as plain values: sections, cue points, silences. Times are in seconds on
the decoder's timeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """``bars`` bars from number ``bar`` (the first is 1) on; ``label`` is intro, main, drop,
    break, outro or hidden, ``energy`` the mean of its bars, 0 to 1.
    """

    label: str
    start_s: float
    bar: int
    bars: int
    energy: float


@dataclass(frozen=True, slots=True)
class Cues:
    """Downbeats where a DJ would act; None where the track has no such place.

    ``cue_in`` the first bar that sounds, ``intro_end`` where the intro fills up or breaks down,
    ``drop`` the first full section that sets in suddenly, ``outro_start`` where the last full one
    has ended, ``cue_out`` the last bar that sounds, before any hidden track.
    """

    cue_in: float | None = None
    intro_end: float | None = None
    drop: float | None = None
    outro_start: float | None = None
    cue_out: float | None = None


@dataclass(frozen=True, slots=True)
class Silences:
    """Silence before and after the sound, pauses of two seconds and more as (from, to), and
    where a hidden track begins.
    """

    leading_s: float = 0.0
    trailing_s: float = 0.0
    pauses_s: tuple[tuple[float, float], ...] = ()
    hidden_track_s: float | None = None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Silences:
        pauses = tuple((start, stop) for start, stop in document["pauses_s"])
        return cls(**{**document, "pauses_s": pauses})


NO_CUES = Cues()
NO_SILENCES = Silences()

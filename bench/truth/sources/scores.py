"""Scores of music21's corpus, for their keys.

A key counts where the signature and the bass of the last chord agree on it. Bach's chorales are
for tuning; whatever anybody else wrote is for the test.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from autodj.audio.keynames import PITCHES, key_name
from bench.truth.performance import perform
from bench.truth.piece import Part, Truth
from bench.truth.smf import Played, Voice
from bench.truth.sources import Made, Order, Source

COMPOSERS: dict[Part, tuple[str, ...]] = {
    "tuning": ("bach",),
    "test": (
        "beethoven", "corelli", "handel", "haydn", "monteverdi", "mozart", "schubert",
        "schumann_clara", "schumann_robert", "weber", "cpebach", "beach", "joplin",
    ),
}  # fmt: skip
_KINDS = frozenset({".mxl", ".xml", ".musicxml", ".krn"})
_PROGRAMS: Final = (0, 48, 19, 6, 16, 24, 73, 52)
_BEAT_S: Final = 0.6
_LONGEST_S: Final = 90.0
# Larger ones take a minute to read.
_LARGEST_BYTES: Final = 50_000
_FIFTH, _MINOR_BELOW, _THIRDS = 7, 9, {"major": {4}, "minor": {3, 4}}


@dataclass(frozen=True, slots=True)
class _Score:
    tonic: int
    mode: str
    notes: tuple[tuple[float, float, int], ...]


def compositions(part: Part, _: Path | None) -> Sequence[str]:
    """Paths inside the corpus, in an order of their own."""
    names = [name for name in _corpus() if Path(name).parts[0] in COMPOSERS[part]]
    random.Random(part).shuffle(names)
    return names


def make(order: Order) -> Made | None:
    dice = order.dice
    score = _read(order.composition)
    if score is None:
        return None
    shift, program = dice.randrange(-3, 4), dice.choice(_PROGRAMS)
    played = tuple(
        Played(start * _BEAT_S, end * _BEAT_S, min(127, max(0, pitch + shift)), 84)
        for start, end, pitch in score.notes
        if start * _BEAT_S < _LONGEST_S
    )
    duration_s = min(_LONGEST_S, max(note.end_s for note in played))
    voices = [Voice(program, is_drums=False, notes=played)]
    samples = perform(
        dice, voices, (), float, duration_s, order.part, electronic=False, beat_s=_BEAT_S
    )
    return samples, Truth(
        source=SOURCE.name,
        licence="public domain; encodings of the music21 corpus",
        composition=order.composition,
        key=key_name((score.tonic + shift) % len(PITCHES), score.mode),
    )


@cache
def _corpus() -> tuple[str, ...]:
    """Every score of the corpus, by its path below it; nothing without music21."""
    if find_spec("music21") is None:
        return ()
    from music21 import common, corpus  # noqa: PLC0415  # seconds to import, and optional

    root = Path(common.getCorpusFilePath())
    return tuple(
        str(Path(path).relative_to(root))
        for path in sorted(corpus.getPaths())
        if Path(path).suffix in _KINDS and Path(path).stat().st_size <= _LARGEST_BYTES
    )


def _read(name: str) -> _Score | None:
    from music21 import corpus  # noqa: PLC0415  # seconds to import, and optional

    score = corpus.parse(name)
    found = _key(score)
    if found is None:
        return None
    notes = tuple(
        (float(note.offset), float(note.offset + note.quarterLength), int(pitch.midi))
        for note in score.flatten().notes
        for pitch in note.pitches
        if note.quarterLength > 0
    )
    return _Score(*found, notes) if notes else None


def _key(score: Any) -> tuple[int, str] | None:  # noqa: ANN401  # music21 has no annotations
    """Tonic and mode, or None where signature and last chord disagree."""
    signatures = {each.sharps for each in score.recurse().getElementsByClass("KeySignature")}
    chords = list(score.chordify().recurse().getElementsByClass("Chord"))
    if len(signatures) != 1 or not chords:
        return None
    bass = chords[-1].bass().pitchClass
    return agreed_key(signatures.pop(), bass, {each.pitchClass for each in chords[-1].pitches})


def agreed_key(sharps: int, bass: int, classes: set[int]) -> tuple[int, str] | None:
    """What a signature of ``sharps`` (negative: flats) and a last chord over ``bass`` say."""
    major = _FIFTH * sharps % 12
    for tonic, mode in ((major, "major"), ((major + _MINOR_BELOW) % 12, "minor")):
        thirds = {(each - tonic) % 12 for each in classes} & {3, 4}
        if bass == tonic and thirds <= _THIRDS[mode]:
            return tonic, mode
    return None


SOURCE = Source(
    "scores",
    compositions,
    make,
    weights={"tuning": 0.1, "test": 45},
    renders={"tuning": 1, "test": 1},
)

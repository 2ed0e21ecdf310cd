"""Valid files of every kind that is taken, small, with tags and where possible a cover."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from autodj.audio.artwork import draw_cover
from autodj.audio.encode import TARGETS, encode
from autodj.audio.pieces import Section
from autodj.audio.synth import PIECES, RATE_HZ, render

SECONDS: Final = (1.2, 3.0, 5.0)
TAGS: Final = {
    "title": "Lantern & Fähre",
    "artist": "autodj",
    "album": "Four Demonstrations",
    "comment": "x" * 300,
    "TBPM": "122",
}


@dataclass(frozen=True, slots=True)
class Seed:
    """A whole file, by the extension of its kind."""

    extension: str
    data: bytes


def seeds(folder: Path) -> list[Seed]:
    """Each kind in every length, in one channel or in two."""
    piece = replace(PIECES[0], sections=(Section(3, PIECES[0].sections[2].parts),))
    samples = render(piece)
    cover = draw_cover(piece.seed)
    found = []
    for number, seconds in enumerate(SECONDS):
        excerpt = samples[:, : round(seconds * RATE_HZ)]
        for codec, target in TARGETS.items():
            # The Vorbis coder at hand knows stereo only.
            channels = 2 if number % 2 or codec == "ogg" else 1
            path = folder / f"seed.{codec}"
            picture = cover if target.takes_cover and number else None
            encode(excerpt[:channels], RATE_HZ, path, codec=codec, tags=TAGS, cover=picture)
            found.append(Seed("m4a" if codec == "alac" else codec, path.read_bytes()))
            path.unlink()
    return found

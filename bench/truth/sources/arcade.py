"""Techno, trance and hardcore written to loop, for the shooting games of one author in Debian.

Every file says in its comment that it is a product of ACID, a sequencer of drum loops, which
keeps one grid from the first sample to the last. `bench.truth.loops` reads tempo and beats from
the length, which is whole phrases to the sample; the first beat is the first sample and begins a
bar, as the project does. Nothing here listens for beats as an analysis does, and what is left in
doubt is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.truth.loops import looped
from bench.truth.piece import Part, Truth
from bench.truth.rows import BEATS_A_BAR, InDoubt
from bench.truth.sound_files import read_sound
from bench.truth.sources import Made, Order, Source

GAMES: Final = Path("/usr/share/games")
# The copyright files of these packages speak for everything in them.
LICENCE: Final = "BSD-2-Clause"
_MUSIC: Final = (
    "a7xpg/sounds/bgm*.ogg",
    "gunroar/sounds/musics/*.ogg",
    "mu-cade/sounds/musics/*.ogg",
    "noiz2sa/sounds/stg*.ogg",
    "parsec47/sounds/ptn*.ogg",
    "rrootage/sounds/stg_*.ogg",
    "titanion/sounds/musics/*.ogg",
    "torus-trooper/sounds/musics/*.ogg",
    "tumiki-fighters/sounds/*.ogg",
    "val-and-rick/sounds/musics/*.ogg",
)
_SIGNED: Final = b"Sonic Foundry ACID"
_HEAD_BYTES: Final = 4096


def compositions(part: Part, _: Path | None) -> Sequence[str]:
    found = {path for pattern in _MUSIC for path in GAMES.glob(pattern)}
    return sorted(str(path.relative_to(GAMES)) for path in found) if part == "test" else []


def make(order: Order) -> Made:
    """Once through; ``InDoubt`` where the file does not tell its beats."""
    path = GAMES / order.composition
    with path.open("rb") as file:
        if _SIGNED not in file.read(_HEAD_BYTES):
            raise InDoubt("no sequencer has signed it")
    samples = read_sound(path)
    loop = looped(samples)
    return samples, Truth(
        source=SOURCE.name,
        licence=LICENCE,
        composition=order.composition,
        bpm=float(loop.bpm),
        steady=True,
        metre=BEATS_A_BAR,
        beats_s=loop.beats_s,
        downbeats_s=loop.beats_s[::BEATS_A_BAR],
    )


SOURCE = Source("arcade", compositions, make, weights={"test": 52}, renders={"test": 1})

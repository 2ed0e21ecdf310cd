"""Tracker modules that Debian packages for games and demos: composers with samples of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.truth.piece import RATE_HZ, Part, Truth, tempo_of
from bench.truth.rows import BEATS_A_BAR, grid
from bench.truth.sources import Made, Order, Source
from bench.truth.tracker import render

SHARE: Final = Path("/usr/share")
# Left out are packages of which the copyright file does not speak for the composer: pieces from
# the scene that a game took, and conversions of other games' music.
LICENCES: Final = {
    "bb/*.s3m": "GPL-2+",
    "games/biniax2/music/*.it": "Zlib",
    "games/bomberclone/music/cerror-*.xm": "GPL-2",
    "games/bomberclone/music/mario_*.xm": "GPL-2",
    "games/criticalmass/*.xm": "GPL-2+",
    "games/dodgindiamond2/*.xm": "GPL-2+",
    "games/frozen-bubble/snd/*.xm": "GPL-2+",
    "games/gl-117/music/*.s3m": "GPL-2",
    "games/heroes/mod/*.xm": "GPL-2+",
    "games/ironseed/sound/*.MOD": "GPL-3+",
    "pachi/music/*.s3m": "GPL-2+",
    "pachi/music/*.stm": "GPL-2+",
    "games/pekka-kana-2/data/music/*.xm": "BSD-2-Clause",
    "games/pingus/data/music/*.it": "GPL-2+",
    "games/pingus/data/music/*.s3m": "GPL-2+",
    "games/ri-li/Ri-li/Sounds/jeu*.xm": "GPL-2 or GPL-3",
    "games/tecnoballz/musics/*.mod": "GPL-3+",
    "tomatoes/music/*.it": "Zlib",
}
# The same piece a second time, under another name.
_AGAIN: Final = frozenset({"area1-game2.mod", "GAME.MOD"})
_LONGEST_S: Final = 120.0


def compositions(part: Part, _: Path | None) -> Sequence[str]:
    found = {path for pattern in LICENCES for path in SHARE.glob(pattern)}
    names = sorted(str(path.relative_to(SHARE)) for path in found if path.name not in _AGAIN)
    return names if part == "test" else []


def make(order: Order) -> Made:
    """The longest stretch of one tempo; ``InDoubt`` where the drums do not tell the beats."""
    path = SHARE / order.composition
    rendering = render(path.read_bytes(), _LONGEST_S)
    told = grid(rendering.course)
    bpm, steady = tempo_of(told.beats_s)
    start, end = (round(at_s * RATE_HZ) for at_s in (told.start_s, told.end_s))
    return rendering.samples[:, start:end], Truth(
        source=SOURCE.name,
        licence=licence(order.composition),
        composition=order.composition,
        bpm=bpm,
        steady=steady,
        metre=None if told.downbeats_s is None else BEATS_A_BAR,
        beats_s=told.beats_s,
        downbeats_s=told.downbeats_s,
    )


def licence(composition: str) -> str:
    return next(said for like, said in LICENCES.items() if Path(composition).match(like))


# Most are left in doubt, so many are asked for.
SOURCE = Source("modules", compositions, make, weights={"test": 160}, renders={"test": 1})

"""Drum patterns of many styles, as data.

A row is one bar of a drum, one sign a step: ``x`` is a hit. Where a drum has several rows, each
piece picks among them. These are the common property of their styles, written down for this.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

KICK, RIM, SNARE, CLAP, CLOSED_HAT, OPEN_HAT = 36, 37, 38, 39, 42, 46
LOW_TOM, MID_TOM, HIGH_TOM, CRASH, RIDE = 43, 47, 50, 49, 51
COWBELL, CONGA, SHAKER = 56, 63, 70

VELOCITIES = {
    KICK: 112, SNARE: 108, CLAP: 104, CLOSED_HAT: 70, OPEN_HAT: 78, RIDE: 76, CRASH: 96,
    RIM: 84, SHAKER: 60, COWBELL: 78, CONGA: 80, HIGH_TOM: 96, MID_TOM: 96, LOW_TOM: 96,
}  # fmt: skip

_NONE = "." * 16
_FOUR = "x...x...x...x..."
_BACK = "....x.......x..."
_OFF = "..x...x...x...x."
_EIGHTHS = "x.x.x.x.x.x.x.x."
_ALL = "x" * 16
_DRIVEN = "x.xxx.xxx.xxx.xx"
_HALF = "x.......x......."
_CLAVE = "x..x..x...x.x..."
_SPLIT = "...x..x....x..x."
_BUSY = "....x..x.x..x..x"


@dataclass(frozen=True, slots=True)
class Style:
    """One style: its tempi, ``beats`` a bar of ``steps`` each, the most it swings (1 is a
    triplet), its rows by drum, how often its drums are electronic, and whether only the test
    part has it.
    """

    name: str
    slowest_bpm: float
    fastest_bpm: float
    rows: Mapping[int, tuple[str, ...]]
    swing: tuple[float, float] = (0.0, 0.0)
    electronic: float = 0.0
    beats: int = 4
    steps: int = 4
    held_out: bool = False

    def draw_bpm(self, dice: random.Random) -> float:
        """A tempo between its bounds, every ratio alike."""
        return math.exp(dice.uniform(math.log(self.slowest_bpm), math.log(self.fastest_bpm)))


_ALL_STYLES = (
    Style("house", 116, 130, {KICK: (_FOUR,), CLAP: (_BACK,), OPEN_HAT: (_OFF,),
          CLOSED_HAT: (_EIGHTHS, _ALL, _NONE)}, (0, 0.15), 1),
    Style("techno", 124, 150, {KICK: (_FOUR,), CLOSED_HAT: (_OFF, _ALL, _DRIVEN),
          CLAP: (_NONE, _BACK), RIM: ("...x..x....x..x.", _NONE)}, electronic=1),
    Style("trance", 128, 146, {KICK: (_FOUR,), CLAP: (_BACK,), OPEN_HAT: (_OFF,),
          CLOSED_HAT: (_ALL, _NONE)}, electronic=1),
    Style("disco", 100, 128, {KICK: (_FOUR,), SNARE: (_BACK,), OPEN_HAT: (_OFF,),
          CLOSED_HAT: (_FOUR, "xx.xxx.xxx.xxx.x")}, (0, 0.05)),
    Style("slow house", 66, 104, {KICK: (_FOUR,), CLAP: (_BACK,),
          CLOSED_HAT: (_OFF, _ALL, _EIGHTHS), SHAKER: (_NONE, _DRIVEN)}, (0, 0.2), 1),
    Style("synthwave", 78, 120, {KICK: (_FOUR, _HALF), SNARE: (_BACK,),
          CLOSED_HAT: (_EIGHTHS, _ALL)}, electronic=1, held_out=True),
    Style("rock", 84, 176, {KICK: (_HALF, "x.......x.x.....", "x.....x.x.......",
          "x..x..x.x......."), SNARE: (_BACK,), CLOSED_HAT: (_EIGHTHS, _FOUR)}),
    Style("ride rock", 90, 180, {KICK: ("x.......x.x.....", "x.x.....x......."),
          SNARE: (_BACK,), RIDE: (_EIGHTHS, _FOUR)}, held_out=True),
    Style("punk", 150, 200, {KICK: (_FOUR, "x...x.x.x...x.x.", _HALF), SNARE: (_OFF, _BACK),
          CLOSED_HAT: (_EIGHTHS,)}),
    Style("metal", 100, 190, {KICK: (_ALL, _DRIVEN, _EIGHTHS),
          SNARE: (_BACK, "........x......."), CRASH: (_FOUR,)}),
    Style("half-time", 128, 160, {KICK: ("x...............", "x.....x.........",
          "x..x......x.....", "x.........x..x.."), SNARE: ("........x.......",),
          CLOSED_HAT: (_EIGHTHS, _ALL, "x.x.x.xxx.x.xxxx")}, (0, 0.1), 1),
    Style("boom bap", 78, 104, {KICK: ("x......x..x.....", "x.x.......x.....",
          "x.....x..x......"), SNARE: (_BACK, "....x..x....x..."), CLOSED_HAT: (_EIGHTHS,)},
          (0.1, 0.6)),
    Style("soul", 60, 98, {KICK: ("x.....x...x.....", "x..x......x.....", _HALF),
          SNARE: (_BACK,), CLOSED_HAT: (_EIGHTHS, _ALL, _DRIVEN)}, (0, 0.5), 0.5),
    Style("drum and bass", 162, 182, {KICK: ("x.........x.....", "x.......x.x....."),
          SNARE: (_BACK, "....x..x.x..x..."), CLOSED_HAT: (_EIGHTHS, _ALL),
          RIDE: (_NONE, _EIGHTHS)}, (0, 0.05), 1),
    Style("breaks", 120, 142, {KICK: ("x..x......x.....", "x.x.......x.....",
          "x.....x...x....."), SNARE: (_BACK, "....x..x.x..x..x"), CLOSED_HAT: (_EIGHTHS,)},
          (0, 0.2), 0.6),
    Style("reggaeton", 84, 108, {KICK: (_FOUR,), SNARE: (_SPLIT,),
          CLOSED_HAT: (_EIGHTHS, _NONE)}, electronic=0.6),
    Style("funk", 92, 122, {KICK: ("x..x......x..x..", "x.x....x..x....."),
          SNARE: (_BUSY, _BACK), CLOSED_HAT: (_ALL, _DRIVEN)}, (0, 0.25)),
    Style("ballad", 54, 84, {KICK: (_HALF, "x.......x.x....."), SNARE: (_BACK,),
          CLOSED_HAT: (_EIGHTHS, _ALL, _FOUR)}, (0, 0.1)),
    Style("pop", 84, 132, {KICK: (_HALF, "x.....x.x.......", "x..x....x.x.....", _FOUR),
          SNARE: (_BACK,), CLOSED_HAT: (_EIGHTHS, _ALL), SHAKER: (_NONE, _EIGHTHS)},
          (0, 0.15), 0.4),
    Style("reggae", 66, 96, {KICK: ("........x.......", _HALF, _FOUR),
          RIM: ("........x.......", _BACK), CLOSED_HAT: (_OFF, _EIGHTHS)}, (0, 0.5)),
    Style("samba", 90, 128, {KICK: ("x..xx..xx..xx..x",), SHAKER: (_ALL,),
          RIM: ("x..x..x...x..x..", "..x.x..x.x.x..x."), LOW_TOM: (_BACK,)}, (0, 0.1),
          held_out=True),
    Style("bossa nova", 60, 84, {KICK: ("x..xx..xx..xx..x",), CLOSED_HAT: (_ALL,),
          RIM: ("x..x..x...x..x..",)}),
    Style("salsa", 86, 116, {COWBELL: ("x.x.xx..x.x.xx..", _FOUR),
          CONGA: (_DRIVEN, "..xx..xx..xx..xx"), RIM: (_CLAVE,)}),
    Style("afro", 98, 122, {KICK: (_FOUR, "x..x..x...x...x."), RIM: (_CLAVE, _SPLIT),
          SHAKER: (_ALL,)}, (0, 0.2), 0.6),
    Style("tresillo", 118, 132, {KICK: ("x..x..x.x..x..x.", "x...x...x...x..x"),
          CLAP: (_BACK,), CLOSED_HAT: (_EIGHTHS,)}, electronic=1, held_out=True),
    Style("march", 96, 130, {KICK: (_HALF,), SNARE: ("x...x.x.x...x.xx",
          "....x.x.....x.x.", "x.x.xxx.x.x.xxx.")}, held_out=True),
    Style("shuffle", 84, 150, {KICK: ("x.....x.....", "x....xx.....", "x..x..x..x.."),
          SNARE: ("...x.....x..",), CLOSED_HAT: ("x.xx.xx.xx.x", "x..x..x..x..")}, steps=3),
    Style("swing", 100, 200, {RIDE: ("x..x.xx..x.x",), CLOSED_HAT: ("...x.....x..",),
          KICK: ("x..x..x..x..", "............", "x..........."),
          SNARE: ("............", "..x.....x...", "........x..x")}, steps=3),
    Style("twelve-eight", 48, 84, {KICK: ("x.....x.....", "x....xx....."),
          SNARE: ("...x.....x..",), CLOSED_HAT: ("x" * 12,)}, steps=3, held_out=True),
    Style("six-eight", 44, 84, {KICK: ("x.....", "x....x"), SNARE: ("...x..",),
          CLOSED_HAT: ("xxxxxx", "x.xx.x")}, beats=2, steps=3),
    Style("waltz", 84, 190, {KICK: ("x...........",), SNARE: ("....x...x...",
          "........x...", "............"), CLOSED_HAT: ("x...x...x...", "x.x.x.x.x.x.")},
          beats=3),
    Style("slow three", 60, 100, {KICK: ("x...........", "x.....x....."),
          SNARE: ("....x...x...", "........x..."), CLOSED_HAT: ("x.x.x.x.x.x.",)}, beats=3,
          held_out=True),
)  # fmt: skip

STYLES: Mapping[str, Style] = {style.name: style for style in _ALL_STYLES}

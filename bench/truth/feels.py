"""More feels of drums, as data, for the training alone: ``X`` is an accent, ``o`` a ghost note.

A row is one bar of a drum, one sign a step. These are the common property of their styles,
written down for this; the tempi are those that their dancers and players count.
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.truth.styles import (
    CLAP,
    CLOSED_HAT,
    CONGA,
    COWBELL,
    CRASH,
    KICK,
    LOW_TOM,
    MID_TOM,
    OPEN_HAT,
    RIDE,
    RIM,
    SHAKER,
    SNARE,
    STYLES,
    Style,
)

TAMBOURINE = 54

_FOUR = "x...x...x...x..."
_BACK = "....X.......X..."
_GHOSTED = "....X..o.o..X..o"
_OFF = "..x...x...x...x."
_EIGHTHS = "X.x.X.x.X.x.X.x."
_ALL = "XxxxXxxxXxxxXxxx"
_SHAKEN = "x.oxx.oxx.oxx.ox"
_HALF = "x.......x......."
_SON = "x..x..x...x.x..."
_SPLIT = "...x..x....x..x."
_SHUFFLED = "x.xx.xx.xx.x"
_NONE = "." * 16

FEELS = (
    Style("motown", 96, 140, {KICK: ("x.....x.x.....x.", "x..x..x.x..x..x."), SNARE: (_FOUR,),
          TAMBOURINE: (_FOUR, _BACK), CLOSED_HAT: (_EIGHTHS,)}),
    Style("surf", 136, 184, {KICK: (_HALF, "x.......x.x....."), RIDE: (_EIGHTHS,),
          SNARE: ("....X.x.....X...", "....X.x.....X.x.")}),
    Style("train", 88, 130, {KICK: (_FOUR, _HALF), SNARE: ("ooXoooXoooXoooXo",)}, (0, 0.3)),
    Style("two-beat", 140, 208, {KICK: (_HALF,), RIM: (_BACK,), SNARE: (_BACK, _NONE),
          CLOSED_HAT: (_EIGHTHS, _FOUR, _OFF)}),
    Style("polka", 96, 132, {KICK: (_FOUR,), SNARE: (_OFF,), CLOSED_HAT: (_OFF, _NONE)}),
    Style("ska", 116, 172, {KICK: (_HALF, _FOUR, "........x......."), SNARE: (_BACK,),
          CLOSED_HAT: (_OFF, _EIGHTHS)}),
    Style("tango", 108, 132, {KICK: ("x...x...x...x.x.", "x..x..x.x..x..x."),
          SNARE: ("......o.......X.", _NONE)}),
    Style("cha-cha", 108, 128, {COWBELL: (_FOUR,), CONGA: ("..x.....X...x.x.",),
          KICK: ("x.....x.x.....x.", _HALF), SHAKER: (_EIGHTHS,)}),
    Style("bolero", 76, 112, {CONGA: ("x.xxx.x.x.x.x.x.",), KICK: ("x.....x.x.....x.",),
          RIM: (_BACK, _SON), SHAKER: (_EIGHTHS, _SHAKEN)}),
    Style("cumbia", 84, 106, {KICK: (_FOUR, _HALF), SHAKER: ("X.xxX.xxX.xxX.xx",),
          CONGA: (_OFF, "..x..xX...x..xX.")}),
    Style("dancehall", 86, 112, {KICK: ("x..x..x.x..x..x.", _FOUR), SNARE: (_SPLIT,),
          CLOSED_HAT: (_EIGHTHS, _NONE)}, electronic=0.8),
    Style("afrobeats", 94, 118, {KICK: (_FOUR, "x.....x.x.....x."), SHAKER: (_ALL, _SHAKEN),
          RIM: ("...x..x...x.....", "...x..x...x...x.")}, (0, 0.2), 0.7),
    Style("log drum", 106, 118, {KICK: (_FOUR,), SHAKER: (_ALL,), RIM: (_SON,),
          LOW_TOM: ("..x..x....x..x..", "...x..x.x..x..x.")}, (0, 0.3), 1),
    Style("two-step", 126, 140, {KICK: ("x.........x.....", "x.....x...x....."),
          CLAP: (_BACK,), CLOSED_HAT: ("..x...xx..x..x.x", _OFF)}, (0.1, 0.6), 1),
    Style("jungle", 152, 176, {KICK: ("x.x.......xx....", "x.x.......x....."),
          SNARE: (_GHOSTED, "....X..o.oo.X..o"), RIDE: (_EIGHTHS,)}, electronic=0.3),
    Style("wobble", 134, 146, {KICK: ("x.....x..x......", "x..x............"),
          SNARE: ("........X.......",), CLOSED_HAT: (_EIGHTHS, _OFF)}, (0, 0.2), 1),
    Style("hard", 142, 200, {KICK: (_FOUR,), OPEN_HAT: (_OFF,), CLAP: (_NONE, _BACK)},
          electronic=1),
    Style("psychedelic", 136, 150, {KICK: (_FOUR,), CLOSED_HAT: (_ALL, _OFF),
          CLAP: (_NONE, _BACK)}, electronic=1),
    Style("electro", 108, 136, {KICK: ("x.....x...x.....", "x..x......x..x.."),
          CLAP: (_BACK,), CLOSED_HAT: (_ALL, _EIGHTHS), COWBELL: (_NONE, _SON)}, electronic=1),
    Style("minimal", 118, 130, {KICK: (_FOUR,), RIM: ("......x....x....", "...x......x....."),
          CLOSED_HAT: ("..x...x...x..xx.", _OFF)}, (0, 0.3), 1),
    Style("trip", 70, 98, {KICK: ("x.....x...x..x..", "x..x......x....."), SNARE: (_BACK,),
          CLOSED_HAT: (_EIGHTHS, "X.xoX.x.X.xoX.xo")}, (0.1, 0.6), 0.4),
    Style("late soul", 72, 98, {KICK: ("x..x...x..x.....", "x......x..x..x.."),
          SNARE: (_GHOSTED,), CLOSED_HAT: (_EIGHTHS, _ALL)}, (0.1, 0.6), 0.3),
    Style("rock and roll", 132, 192, {KICK: (_HALF, "x.......x.x....."), SNARE: (_BACK,),
          RIDE: (_EIGHTHS, _NONE), CLOSED_HAT: (_EIGHTHS,)}),
    Style("rockabilly", 150, 208, {RIDE: (_SHUFFLED,), SNARE: ("...X.....X..",),
          KICK: ("x.....x.....", "x..x..x..x..")}, steps=3),
    Style("d-beat", 144, 196, {KICK: ("x.....x.x.....x.", "x.x...x.x.x...x."), SNARE: (_BACK,),
          CRASH: (_FOUR, _NONE), CLOSED_HAT: (_EIGHTHS,)}),
    Style("thrash", 156, 216, {KICK: (_FOUR, "x.x.x.x.x.x.x.x."), SNARE: (_OFF, _BACK),
          RIDE: (_EIGHTHS, _FOUR)}),
    Style("double bass", 120, 200, {KICK: ("x" * 16, "x.xxx.xxx.xxx.xx",
          "xxx.xxx.xxx.xxx."), SNARE: (_BACK,), RIDE: (_EIGHTHS, _FOUR), CRASH: (_NONE, _HALF)}),
    Style("indie", 108, 152, {KICK: (_FOUR, "x.....x.x......."), SNARE: (_BACK, _GHOSTED),
          CLOSED_HAT: ("x.xxx.xxx.xxx.xx", _EIGHTHS), OPEN_HAT: (_OFF, _NONE)}),
    Style("grunge", 92, 148, {KICK: ("x.....x.x.x.....", "x.x...x...x....."), SNARE: (_BACK,),
          CRASH: (_FOUR, _EIGHTHS), CLOSED_HAT: (_NONE, _EIGHTHS)}),
    Style("stomp", 70, 124, {KICK: ("x.x.....x.x.....", _FOUR, _HALF), CLAP: (_BACK,),
          TAMBOURINE: (_NONE, _EIGHTHS)}),
    Style("hand jive", 94, 132, {LOW_TOM: (_SON,), MID_TOM: (_NONE, "..x...x...x...x."),
          KICK: (_FOUR, _SON), SHAKER: (_EIGHTHS,)}, (0, 0.3)),
    Style("second line", 86, 116, {SNARE: ("X..o.Xo.o.X..o.X", "X..X..Xo..XoX..."),
          KICK: (_HALF, "x..x....x..x....")}, (0.1, 0.6)),
    Style("new wave", 118, 168, {KICK: (_FOUR, "x...x.x.x...x.x."), SNARE: (_BACK,),
          CLOSED_HAT: (_ALL, _EIGHTHS), CLAP: (_NONE, _BACK)}, electronic=0.6),
    Style("slow jam", 56, 80, {KICK: ("x..x......x.....", "x.....xx..x....."),
          CLAP: (_BACK,), CLOSED_HAT: (_ALL, "x.xxx.x.x.xxx.xx"), RIM: (_NONE, _SPLIT)},
          (0, 0.3), 0.8),
    Style("slow blues", 46, 74, {RIDE: ("xxxxxxxxxxxx", _SHUFFLED), SNARE: ("...X.....X..",),
          KICK: ("x.....x.....", "x....xx....x")}, steps=3),
    Style("jig", 96, 132, {KICK: ("x..x..x..x..",), SHAKER: ("XxxXxxXxxXxx", "X.xX.xX.xX.x")},
          steps=3),
    Style("rocking six", 40, 72, {KICK: ("x.....", "x...xx"), SNARE: ("...X..",),
          RIDE: ("xxxxxx",), TAMBOURINE: ("......", "...x..")}, beats=2, steps=3),
    Style("jazz waltz", 116, 190, {RIDE: ("x..x.xx..", "x..x..x.x"), CLOSED_HAT: ("...x..x..",),
          KICK: ("x........", ".........")}, beats=3, steps=3),
    Style("fast waltz", 150, 200, {KICK: ("x...........",), SNARE: ("....o...o...",),
          TAMBOURINE: ("............", "....x...x...")}, beats=3),
    Style("three and four", 84, 140, {KICK: ("x.....x.....", "x.....x...x."),
          SNARE: ("....X...X...", "........X..."), CLOSED_HAT: ("X.x.X.x.X.x.",)}, beats=3),
)  # fmt: skip

HEARD_IN_TRAINING: Mapping[str, Style] = {
    style.name: style for style in (*FEELS, *STYLES.values()) if not style.held_out
}

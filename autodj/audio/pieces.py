"""The demo pieces as scores: what is played when, in beats and semitones above the tonic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Chord = tuple[int, ...]
Phrase = tuple[tuple[float, float, int], ...]
"""Notes as (beat, length in beats, semitones above the tonic of the third octave up)."""

ARTIST = "autodj"


@dataclass(frozen=True, slots=True)
class Section:
    """So many bars in which these parts play."""

    bars: int
    parts: str


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece. ``tonic_midi`` is the bass's tonic; drums are steps of a sixteenth, ``x``
    loud and ``o`` soft; the bass plays steps of ``r`` root, ``5`` fifth and ``8`` octave.
    """

    title: str
    album: str
    bpm: float
    key: str
    codec: str
    seed: int
    tonic_midi: int
    chords: tuple[Chord, ...]
    melody: Phrase
    arpeggio: str
    bass: str
    drums: Mapping[str, str]
    swing: float
    sections: tuple[Section, ...]

    @property
    def slug(self) -> str:
        return self.title.lower().replace(" ", "-")

    @property
    def bars(self) -> int:
        return sum(section.bars for section in self.sections)

    @property
    def duration_s(self) -> float:
        """Until the last bar line; the tail rings on for another two seconds."""
        return self.bars * 4 * 60 / self.bpm


HARBOUR_LIGHTS = Piece(
    title="Harbour Lights",
    album="Four Demonstrations",
    bpm=122.0,
    key="A minor",
    codec="mp3",
    seed=7,
    tonic_midi=33,
    chords=((0, 3, 7, 10), (5, 8, 12, 15), (8, 12, 15, 19), (7, 10, 14, 17)),
    melody=(
        (0.0, 0.75, 12),
        (1.5, 0.5, 15),
        (2.5, 1.0, 19),
        (4.0, 0.75, 17),
        (5.5, 0.5, 15),
        (6.5, 1.0, 12),
        (8.0, 0.75, 15),
        (9.5, 0.5, 12),
        (10.5, 1.5, 8),
        (12.5, 0.5, 10),
        (13.5, 0.5, 14),
        (14.5, 1.0, 7),
    ),
    arpeggio="0.2.1.3.0.2.1.3.",
    bass="..r..r.r..r..r.5",
    drums={
        "kick": "x...x...x...x...",
        "clap": "....x.......x...",
        "hat": "o.o.o.o.o.o.o.oo",
        "open": "..x...x...x...x.",
    },
    swing=0.0,
    sections=(
        Section(8, "kick hat open chords"),
        Section(8, "kick clap hat open bass chords"),
        Section(16, "kick clap hat open bass chords melody"),
        Section(4, "pad melody"),
        Section(8, "kick clap hat open bass chords melody arpeggio"),
        Section(4, "kick hat open bass"),
    ),
)

PAPER_LANTERNS = Piece(
    title="Paper Lanterns",
    album="Four Demonstrations",
    bpm=128.0,
    key="F minor",
    codec="flac",
    seed=21,
    tonic_midi=29,
    chords=((0, 7, 12, 15), (-4, 8, 12, 15), (5, 8, 12, 17), (7, 10, 14, 19)),
    melody=(
        (0.0, 1.5, 19),
        (1.5, 1.5, 15),
        (3.0, 1.0, 12),
        (4.0, 1.5, 20),
        (5.5, 1.5, 15),
        (7.0, 1.0, 12),
        (8.0, 1.5, 20),
        (9.5, 1.5, 17),
        (11.0, 1.0, 12),
        (12.0, 2.0, 19),
        (14.0, 1.0, 14),
        (15.0, 1.0, 10),
    ),
    arpeggio="0123210301232103",
    bass=".rrr.rrr.rrr.rr8",
    drums={
        "kick": "x...x...x...x...",
        "clap": "....x.......x...",
        "hat": "oooooooooooooooo",
        "open": "..x...x...x...x.",
    },
    swing=0.0,
    sections=(
        Section(8, "kick hat arpeggio"),
        Section(8, "kick clap hat open bass arpeggio pad"),
        Section(8, "pad melody arpeggio"),
        Section(16, "kick clap hat open bass pad melody arpeggio"),
        Section(8, "kick clap hat bass"),
    ),
)

SLOW_FERRY = Piece(
    title="Slow Ferry",
    album="Four Demonstrations",
    bpm=92.0,
    key="D major",
    codec="wav",
    seed=46,
    tonic_midi=38,
    chords=((0, 4, 7, 11), (9, 12, 16, 19), (5, 9, 12, 16), (7, 11, 14, 17)),
    melody=(
        (0.5, 0.5, 16),
        (1.0, 1.0, 19),
        (2.5, 1.0, 14),
        (4.5, 0.5, 12),
        (5.0, 1.5, 16),
        (8.5, 0.5, 17),
        (9.0, 1.0, 16),
        (10.0, 1.5, 12),
        (12.5, 0.5, 14),
        (13.0, 1.0, 11),
        (14.0, 1.5, 12),
    ),
    arpeggio="0...2...1...3...",
    bass="r.....r...5.r...",
    drums={
        "kick": "x.....o.x.x.....",
        "snare": "....x.......x...",
        "hat": "x.o.x.o.x.o.x.oo",
    },
    swing=0.12,
    sections=(
        Section(4, "chords hat"),
        Section(8, "kick snare hat bass chords"),
        Section(8, "kick snare hat bass chords melody"),
        Section(4, "chords bass arpeggio"),
        Section(4, "kick snare hat bass chords melody"),
    ),
)

GLASS_STATION = Piece(
    title="Glass Station",
    album="Four Demonstrations",
    bpm=140.0,
    key="E minor",
    codec="mp3",
    seed=99,
    tonic_midi=28,
    chords=((0, 7, 12, 15), (0, 7, 10, 15), (8, 12, 15, 19), (5, 8, 12, 17)),
    melody=(
        (0.0, 0.5, 12),
        (0.75, 0.5, 15),
        (1.5, 1.0, 19),
        (3.0, 0.75, 17),
        (4.0, 0.5, 15),
        (4.75, 0.5, 14),
        (5.5, 1.5, 12),
        (8.0, 0.5, 20),
        (8.75, 0.5, 19),
        (9.5, 1.0, 15),
        (12.0, 1.0, 17),
        (13.5, 0.5, 15),
        (14.0, 1.5, 12),
    ),
    arpeggio="0213021302130213",
    bass="r.rrr.rrr.rrr.r8",
    drums={
        "kick": "x...x...x...x..o",
        "snare": "....x.......x...",
        "hat": "..x...x...x...x.",
        "open": "..............o.",
    },
    swing=0.0,
    sections=(
        Section(8, "kick hat bass"),
        Section(8, "kick snare hat bass arpeggio"),
        Section(16, "kick snare hat open bass arpeggio melody pad"),
        Section(8, "pad melody"),
        Section(8, "kick snare hat open bass arpeggio melody"),
        Section(8, "kick snare hat bass"),
    ),
)

PIECES = (HARBOUR_LIGHTS, PAPER_LANTERNS, SLOW_FERRY, GLASS_STATION)

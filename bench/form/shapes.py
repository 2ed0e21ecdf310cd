"""Pieces whose form is known: the shapes of dance tracks and of songs, played by a band."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

from autodj.audio.frames import Floats
from autodj.audio.keynames import MODES
from bench.truth.arrangement import Note
from bench.truth.band import Section, Song, play_drums, play_notes
from bench.truth.performance import perform
from bench.truth.smf import Played, Voice
from bench.truth.styles import STYLES, Style
from bench.truth.tempo import Clock, make_clock

Kind = Literal["dance", "song"]
KINDS: Final[tuple[Kind, ...]] = ("dance", "song")
_TAIL_BEATS: Final = 4
_STYLES: Final[Mapping[Kind, Sequence[Style]]] = {
    kind: [
        style
        for style in STYLES.values()
        if style.beats == 4 and (style.electronic == 1) == (kind == "dance")
    ]
    for kind in KINDS
}
_ALL: Final = "drums bass comp lead pad"
# What each part of a form may be played by, and how many bars long it may be.
_PLAYED_BY: Final[Mapping[str, Sequence[str]]] = {
    "intro": ("drums", "drums bass", "pad", "comp", "drums comp"),
    "build": ("drums bass", "drums bass comp", "drums comp"),
    "drop": (_ALL, "drums bass comp lead"),
    "break": ("pad lead", "comp", "pad comp", "lead comp"),
    "outro": ("drums", "drums bass", "drums comp", "pad"),
    "verse": ("drums bass comp", "drums bass comp lead"),
    "chorus": (_ALL,),
    "bridge": ("pad lead", "comp lead", "comp pad"),
}
_BARS: Final[Mapping[str, Sequence[int]]] = {
    "intro": (8, 16),
    "build": (8, 16),
    "drop": (16, 16, 24, 32),
    "break": (8, 16),
    "outro": (8, 16),
    "verse": (8, 16),
    "chorus": (8, 8, 12),
    "bridge": (4, 8),
}
_FORMS: Final[Mapping[Kind, Sequence[str]]] = {
    "dance": (
        "intro build drop break drop outro",
        "intro build break drop break drop outro",
        "intro drop break build drop outro",
        "intro break drop break drop",
        "drop break drop outro",
    ),
    "song": (
        "intro verse chorus verse chorus bridge chorus outro",
        "intro verse chorus verse chorus outro",
        "verse chorus verse chorus bridge chorus",
    ),
}
_IDEAS: Final[Mapping[str, int]] = {"verse": 0, "intro": 0, "chorus": 1, "drop": 1, "bridge": 2}


@dataclass(frozen=True, slots=True)
class Named:
    """A part of the form: its name and its first bar, counted from 0."""

    name: str
    first: int


@dataclass(frozen=True, slots=True)
class Formed:
    """A piece and its form: samples ``[2, n]`` at 44.1 kHz, its downbeats, the parts in order."""

    title: str
    kind: Kind
    samples: Floats
    downbeats_s: tuple[float, ...]
    parts: tuple[Named, ...]

    @property
    def bounds_s(self) -> tuple[float, ...]:
        """Where parts begin, but for the first."""
        return tuple(self.downbeats_s[part.first] for part in self.parts[1:])

    def starts_s(self, *names: str) -> tuple[float, ...]:
        """Where the parts of these names begin."""
        return tuple(self.downbeats_s[part.first] for part in self.parts if part.name in names)


def make_piece(kind: Kind, number: int) -> Formed:
    """The piece of that number, the same every time."""
    dice = random.Random(f"form/{kind}/{number}")
    names, song = write_form(dice, kind)
    samples, clock = _played(dice, song)
    beats = range(0, song.bars * song.style.beats, song.style.beats)
    parts = zip(names, song.sections, strict=True)
    return Formed(
        title=f"{kind} {number}, {song.style.name}: {' '.join(names)}",
        kind=kind,
        samples=samples,
        downbeats_s=tuple(float(clock.beats_s[beat]) for beat in beats),
        parts=tuple(Named(name, section.first) for name, section in parts),
    )


def write_form(dice: random.Random, kind: Kind) -> tuple[Sequence[str], Song]:
    """The names of its parts, and the song that has a section for each. Parts of one name are
    equally long and played by the same.
    """
    style = dice.choice(_STYLES[kind])
    names = dice.choice(_FORMS[kind]).split()
    lengths = {name: dice.choice(_BARS[name]) for name in dict.fromkeys(names)}
    players = {name: dice.choice(_PLAYED_BY[name]) for name in lengths}
    firsts = accumulate((lengths[name] for name in names), initial=0)
    sections = tuple(
        Section(first, lengths[name], frozenset(players[name].split()), _IDEAS.get(name, 0))
        for name, first in zip(names, firsts, strict=False)
    )
    return names, Song(dice.randrange(12), dice.choice(MODES), style, sections)


def _played(dice: random.Random, song: Song) -> tuple[Floats, Clock]:
    style = song.style
    bpm = style.draw_bpm(dice)
    beats = song.bars * style.beats
    swing = dice.uniform(*style.swing)
    clock = make_clock(dice, bpm, beats + _TAIL_BEATS, "steady", dice.choice((0, 0.1, 0.6)), swing)
    samples = perform(
        dice, _voices(play_notes(dice, song), clock), play_drums(dice, song), clock.seconds,
        float(clock.beats_s[beats]), "test", electronic=style.electronic == 1, beat_s=60 / bpm,
    )  # fmt: skip
    return samples, clock


def _voices(notes: Sequence[Note], clock: Clock) -> list[Voice]:
    played: dict[tuple[str, int], list[Played]] = {}
    for note in notes:
        start_s = clock.seconds(note.start)
        end_s = max(start_s + 0.04, clock.seconds(note.end))
        pitch = min(108, max(24, note.pitch))
        played.setdefault((note.part, note.program), []).append(
            Played(start_s, end_s, pitch, note.velocity)
        )
    return [Voice(program, False, tuple(each)) for (_, program), each in played.items()]

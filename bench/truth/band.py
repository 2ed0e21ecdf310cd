"""A band that plays together with more freedom than ``arrangement``: sections that differ,
figures made up for each piece, chords that come early, drums that vary from bar to bar.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from autodj.audio.keynames import MODES
from bench.truth.arrangement import Note
from bench.truth.drumming import Hit
from bench.truth.harmony import near
from bench.truth.styles import (
    CLOSED_HAT,
    CRASH,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MID_TOM,
    RIDE,
    SHAKER,
    SNARE,
    VELOCITIES,
    Style,
)

_SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
_MODES = (*MODES, *MODES, *MODES, "dorian", "mixolydian")
# Degrees of a round of chords, a bar each or half a bar each.
_ROUNDS = (
    (0, 3, 4, 0), (0, 4, 5, 3), (0, 5, 3, 4), (0, 0, 3, 4), (0, 0, 3, 0, 4, 3, 0, 4),
    (0, 3, 0, 4), (0, 6, 3, 0), (0, 6, 5, 4), (0, 0, 0, 0), (0, 0, 0, 3), (1, 4, 0, 0),
    (0, 5, 1, 4), (3, 4, 0, 0), (0, 2, 3, 4), (0, 3), (0, 6), (0, 4), (5, 3, 0, 4),
    (0, 4, 5, 2, 3, 0, 3, 4), (0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4),
)  # fmt: skip
_DOMINANT = 4
_BASS = (32, 33, 33, 34, 35, 36, 38, 39, 43, 58)
_COMPS = (0, 1, 2, 4, 5, 7, 16, 17, 18, 21, 24, 25, 26, 27, 28, 29, 30, 46, 48, 61, 81, 88, 90)
_LEADS = (
    0, 11, 12, 21, 22, 24, 26, 29, 30, 40, 41, 52, 53, 54, 56, 57, 60, 64, 65, 66, 68, 71, 73, 75,
    79, 80, 81, 84, 87,
)  # fmt: skip
_PADS = (48, 49, 50, 51, 52, 88, 89, 91, 92, 94, 95, 19)
HANDS = {"X": 16, "x": 0, "o": -45}
_FINE = (CLOSED_HAT, RIDE, SHAKER)
_FILLED = (SNARE, SNARE, HIGH_TOM, MID_TOM, LOW_TOM, KICK)
_PARTS = ("drums", "bass", "comp", "lead", "pad")
_LENGTHS = (4, 8, 8, 8, 8, 16, 12, 6, 2)


@dataclass(frozen=True, slots=True)
class Section:
    """Bars from ``first`` on, who plays in them, and which of the piece's ideas they play."""

    first: int
    bars: int
    parts: frozenset[str]
    idea: int


@dataclass(frozen=True, slots=True)
class Song:
    """What a session decided before anybody plays; ``mode`` may be a church mode."""

    tonic: int
    mode: str
    style: Style
    sections: tuple[Section, ...]

    @property
    def bars(self) -> int:
        return sum(section.bars for section in self.sections)


def write_song(dice: random.Random, style: Style, bars: int, *, has_drums: bool) -> Song:
    """At least ``bars`` bars of sections of which two or three ideas come back."""
    ideas, sections = dice.choice((1, 2, 2, 3)), list[Section]()
    while (first := sum(section.bars for section in sections)) < bars:
        parts = {part for part in _PARTS if dice.random() < (0.85 if part != "pad" else 0.35)}
        if not parts & {"drums", "comp", "bass"} or dice.random() < 0.3:
            parts |= {"drums", "bass", "comp"}
        if not has_drums:
            parts = parts - {"drums"} | {"comp"}
        length = dice.choice(_LENGTHS)
        sections.append(Section(first, length, frozenset(parts), dice.randrange(ideas)))
    return Song(dice.randrange(12), dice.choice(_MODES), style, tuple(sections))


def figure(
    dice: random.Random, beats: int, steps: int, density: float, syncopation: float
) -> list[float]:
    """Places in a stretch of ``beats``, likelier on strong ones; syncopation evens that out."""
    places = []
    for step in range(beats * steps):
        weight = 1.0 if step == 0 else 0.8 if step % steps == 0 else 0.55
        if step % steps and steps == 4:
            weight = 0.6 if step % 2 == 0 else 0.25
        if dice.random() < density * (weight + (0.6 - weight) * syncopation):
            places.append(step / steps)
    return places or [0.0]


def play_notes(dice: random.Random, song: Song) -> list[Note]:
    """Bass, chords, a lead and a pad of every section."""
    ideas = [_Idea.of(dice, song) for _ in range(3)]
    parts = _Instruments.of(dice)
    notes: list[Note] = []
    for section in song.sections:
        idea = ideas[section.idea]
        for part in ("bass", "comp", "lead", "pad"):
            if part in section.parts:
                notes += list(_PLAYERS[part](dice, song, section, idea, parts))
    return notes


@dataclass(frozen=True, slots=True)
class _Instruments:
    bass: int
    comp: int
    lead: int
    pad: int
    short: float

    @classmethod
    def of(cls, dice: random.Random) -> _Instruments:
        return cls(
            bass=dice.choice(_BASS),
            comp=dice.choice(_COMPS),
            lead=dice.choice(_LEADS),
            pad=dice.choice(_PADS),
            short=dice.choice((0.3, 0.6, 0.95, 0.95)),
        )


@dataclass(frozen=True, slots=True)
class _Idea:
    """A round of chords and the figures that are played over it."""

    degrees: tuple[int, ...]
    chord_beats: float
    early: float
    seventh: float
    bass: tuple[float, ...]
    bass_manner: str
    comp: tuple[float, ...]
    is_arpeggio: bool
    lead: tuple[tuple[float, int], ...]
    lead_bars: int

    @classmethod
    def of(cls, dice: random.Random, song: Song) -> _Idea:
        beats, steps = song.style.beats, song.style.steps
        halves = beats == 4 and dice.random() < 0.3
        lead_bars = dice.choice((1, 2, 2, 4))
        lead = figure(dice, beats * lead_bars, steps, dice.uniform(0.25, 0.7), dice.random())
        pickup = dice.choice((0.0, 0.0, 0.5, 1.0, 1.5)) if steps != 3 else 0.0
        degree, told = dice.randint(0, 7), []
        for place in lead:
            degree = max(-3, min(10, degree + dice.choice((-2, -1, -1, 0, 0, 1, 1, 2, 3, -4))))
            told.append((place - pickup, degree))
        comp_density = dice.choice((0.2, 0.5, 0.7, 1.0))
        return cls(
            degrees=dice.choice(_ROUNDS),
            chord_beats=beats / 2 if halves else beats * dice.choice((1, 1, 1, 1, 2)),
            early=dice.choice((0.0, 0.0, 0.0, 0.5)) if steps == 4 else 0.0,
            seventh=dice.choice((0.0, 0.0, 0.3, 0.8)),
            bass=tuple(figure(dice, beats, steps, dice.uniform(0.3, 1.2), dice.random() * 0.8)),
            bass_manner=dice.choice(("root", "root", "root", "fifth", "octave", "walk")),
            comp=tuple(figure(dice, beats, steps, comp_density, dice.random())),
            is_arpeggio=dice.random() < 0.25,
            lead=tuple(told),
            lead_bars=lead_bars,
        )

    def chord(self, dice: random.Random, song: Song, beat: float) -> list[int]:
        """Pitch classes at a place counted from the section's start, the root first."""
        scale = _SCALES[song.mode]
        index = int((beat + self.early + 1e-6) // self.chord_beats)
        degree = self.degrees[index % len(self.degrees)]
        classes = [(song.tonic + scale[(degree + third) % 7]) % 12 for third in (0, 2, 4)]
        if song.mode == "minor" and degree == _DOMINANT:
            classes[1] = (classes[0] + 4) % 12
        if dice.random() < self.seventh:
            classes.append((song.tonic + scale[(degree + 6) % 7]) % 12)
        return classes


def _bars(section: Section, beats: int) -> Iterator[tuple[int, int]]:
    """The beat at which each bar of a section begins, counted from its start and the piece's."""
    for bar in range(section.bars):
        yield bar * beats, (section.first + bar) * beats


def _lasting(places: Sequence[float], end: float) -> Iterator[tuple[float, float]]:
    for place, after in zip(places, (*places[1:], end), strict=True):
        yield place, after - place


def _bass(
    dice: random.Random, song: Song, section: Section, idea: _Idea, parts: _Instruments
) -> Iterator[Note]:
    for inside, at in _bars(section, song.style.beats):
        for index, (place, beats) in enumerate(_lasting(idea.bass, song.style.beats)):
            if dice.random() < 0.07:
                continue
            root = near(idea.chord(dice, song, inside + place)[0], 36)
            step = 0
            if index and idea.bass_manner != "root":
                choices = {"fifth": (0, 7, -5), "octave": (0, 12), "walk": (0, 2, 4, 7, 5, -1)}
                step = dice.choice(choices[idea.bass_manner])
            velocity = dice.randint(88, 108)
            start = at + place
            yield Note("bass", parts.bass, start, start + 0.9 * beats, root + step, velocity)


def _comp(
    dice: random.Random, song: Song, section: Section, idea: _Idea, parts: _Instruments
) -> Iterator[Note]:
    for inside, at in _bars(section, song.style.beats):
        for index, (place, beats) in enumerate(_lasting(idea.comp, song.style.beats)):
            if dice.random() < 0.05:
                continue
            pitches = [near(each, 58) for each in idea.chord(dice, song, inside + place)]
            if idea.is_arpeggio:
                pitches = [pitches[index % len(pitches)]]
            velocity, start = dice.randint(62, 92), at + place
            for pitch in pitches:
                end = start + parts.short * beats
                yield Note("chords", parts.comp, start, end, pitch, velocity)


def _lead(
    dice: random.Random, song: Song, section: Section, idea: _Idea, parts: _Instruments
) -> Iterator[Note]:
    scale, length = _SCALES[song.mode], idea.lead_bars * song.style.beats
    first, last = section.first * song.style.beats, section.bars * song.style.beats
    for phrase in range(0, last, length):
        if dice.random() < 0.15:
            continue
        places = [place for place, _ in idea.lead]
        for (place, beats), (_, degree) in zip(_lasting(places, length), idea.lead, strict=True):
            start = first + phrase + place
            if start < 0 or phrase + place >= last or dice.random() < 0.08:
                continue
            moved = degree if dice.random() < 0.85 else degree + dice.choice((-1, 1))
            pitch = 60 + song.tonic + scale[moved % 7] + 12 * (moved // 7)
            end = start + 0.92 * min(beats, 3.0)
            yield Note("tune", parts.lead, start, end, pitch, dice.randint(70, 105))


def _pad(
    dice: random.Random, song: Song, section: Section, idea: _Idea, parts: _Instruments
) -> Iterator[Note]:
    first, last = section.first * song.style.beats, section.bars * song.style.beats
    place = 0.0
    while place < last:
        for each in idea.chord(dice, song, place):
            end = first + min(last, place + idea.chord_beats)
            start = first + max(0.0, place - idea.early)
            yield Note("chords", parts.pad, start, end - idea.early, near(each, 62), 70)
        place += idea.chord_beats


_PLAYERS = {"bass": _bass, "comp": _comp, "lead": _lead, "pad": _pad}


def play_drums(dice: random.Random, song: Song) -> list[Hit]:
    """Every stroke: the rows of the style, bent a little for the piece and in every bar."""
    style = song.style
    grooves = [
        {drum: _bent(dice, drum, dice.choice(rows)) for drum, rows in style.rows.items()}
        for _ in range(3)
    ]
    busy, hits = dice.choice((0.0, 0.03, 0.08)), list[Hit]()
    for section in song.sections:
        if "drums" not in section.parts:
            continue
        rows = grooves[section.idea]
        heard = set(rows) if dice.random() < 0.85 else set(dice.sample(list(rows), len(rows) // 2))
        for bar, (_, at) in enumerate(_bars(section, style.beats)):
            filled = _fill_beats(dice, style) if bar == section.bars - 1 else 0.0
            hits += _bar(dice, style, rows, heard, at, busy, style.beats - filled)
            hits += _fill(dice, style, at + style.beats - filled, filled)
            if bar == 0 and dice.random() < 0.6:
                hits.append(Hit(at, CRASH, dice.randint(84, 112)))
    return hits


def _bent(dice: random.Random, drum: int, row: str) -> str:
    """The row with now and then a stroke more or less, for the whole piece."""
    signs = list(row)
    for step in range(1, len(signs)):
        if drum == KICK and signs[step] == "." and step % 2 == 0 and dice.random() < 0.04:
            signs[step] = "x"
        elif drum == SNARE and signs[step] == "." and dice.random() < 0.03:
            signs[step] = "o"
        elif signs[step] != "." and dice.random() < 0.03:
            signs[step] = "."
    return "".join(signs)


def _bar(
    dice: random.Random,
    style: Style,
    rows: dict[int, str],
    heard: set[int],
    at: float,
    busy: float,
    until: float,
) -> Iterator[Hit]:
    for drum in sorted(heard):
        for step, sign in enumerate(rows[drum]):
            beat = step / style.steps
            ghost = sign == "." and drum in (SNARE, KICK) and dice.random() < busy * 0.4
            if beat >= until or (sign == "." and not ghost) or dice.random() < busy * 0.5:
                continue
            weak = 12 if drum in _FINE and step % 2 else 0
            hand = -30 if ghost else HANDS[sign]
            velocity = VELOCITIES.get(drum, 76) + hand - weak + dice.randint(-6, 6)
            yield Hit(at + beat, drum, max(18, min(127, velocity)))


def _fill_beats(dice: random.Random, style: Style) -> float:
    return dice.choice((0.0, 0.0, 1.0, 1.0, 2.0, float(style.beats)))


def _fill(dice: random.Random, style: Style, at: float, beats: float) -> Iterator[Hit]:
    for step in range(round(beats * style.steps)):
        if dice.random() < 0.8:
            yield Hit(at + step / style.steps, dice.choice(_FILLED), dice.randint(80, 112))


def moved(notes: Sequence[Note], late: dict[str, float]) -> list[Note]:
    """The notes with each part early or late by its own share of a beat."""
    return [
        replace(note, start=max(0.0, note.start + late[note.part]), end=note.end + late[note.part])
        for note in notes
    ]

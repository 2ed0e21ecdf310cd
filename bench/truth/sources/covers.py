"""Songs of POP909 played by a band: their tunes and chords, with a bass, an accompaniment and
drums made up for each piece. For the training alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.truth.band import Section, Song, figure, play_drums
from bench.truth.drumming import Hit
from bench.truth.feels import HEARD_IN_TRAINING
from bench.truth.harmony import near
from bench.truth.performance import perform
from bench.truth.piece import Part, Truth, tempo_of
from bench.truth.smf import Doubles, Played, Voice, read
from bench.truth.sources import Made, Order, Source
from bench.truth.sources.midi_files import Excerpt, excerpt
from bench.truth.sources.pop909 import compositions as songs
from bench.truth.sources.pop909 import key_of, pitch_class, read_chords, read_marks
from bench.truth.styles import STYLES, Style

_BEATS, _FEWEST_BEATS = 4, 32
_TUNES = (0, 4, 11, 22, 26, 30, 40, 52, 53, 54, 56, 65, 66, 71, 73, 80, 81)
_SECOND = (0, 4, 11, 48, 50, 88, 26, 61)
_COMPS = (0, 1, 4, 5, 7, 16, 24, 25, 26, 27, 29, 30, 48, 81, 90)
_BASSES = (32, 33, 33, 34, 35, 36, 38, 39)
_THIRDS = {"maj": (4, 7), "min": (3, 7), "dim": (3, 6), "aug": (4, 8), "sus": (5, 7), "hdi": (3, 6)}
_SPAN_BARS = 8
_STRETCH = 1.15
_STYLES = tuple(
    style for style in HEARD_IN_TRAINING.values() if style.beats == _BEATS and style.steps == _BEATS
)


@dataclass(frozen=True, slots=True)
class _Chords:
    """Pitch classes, the root first, from each of ``starts_s`` on; none where nothing sounds."""

    starts_s: Doubles
    classes: tuple[tuple[int, ...], ...]

    def at(self, time_s: float) -> tuple[int, ...]:
        index = int(np.searchsorted(self.starts_s, time_s + 0.05)) - 1
        return self.classes[index] if index >= 0 else ()


def compositions(part: Part, folder: Path | None) -> Sequence[str]:
    """The songs of the tuning part."""
    return songs(part, folder) if part == "tuning" else []


@dataclass(frozen=True, slots=True)
class Cover:
    """An arrangement: the excerpt that is played, the drums in beats of it, and its tempo."""

    part: Excerpt
    hits: Sequence[Hit]
    electronic: bool
    bpm: float
    steady: bool


def make(order: Order) -> Made | None:
    """One of the songs, None where its bars are not of four beats throughout."""
    assert order.pop909 is not None
    dice, folder = order.dice, order.pop909 / order.composition
    cover = arrange(dice, folder)
    if cover is None:
        return None
    part = cover.part
    samples = perform(
        dice, part.voices, cover.hits, part.seconds, part.duration_s, order.part,
        electronic=cover.electronic, beat_s=60 / cover.bpm,
    )  # fmt: skip
    return samples, Truth(
        source=SOURCE.name,
        licence="MIT",
        composition=order.composition,
        bpm=cover.bpm,
        steady=cover.steady,
        metre=_BEATS,
        beats_s=part.beats_s,
        downbeats_s=part.downbeats_s,
        key=key_of(folder, part.shift),
    )


def arrange(dice: random.Random, folder: Path) -> Cover | None:
    """What is played of the song in ``folder``."""
    marks = read_marks(folder)
    song = read((folder / f"{folder.name}.mid").read_bytes())
    firsts = np.searchsorted(marks.beats_s, marks.downbeats_s - 0.01)
    voices = (*_given(dice, song.voices), *_band(dice, _chords(folder), marks.beats_s, firsts))
    marked = replace(song, voices=voices, beats_s=marks.beats_s, downbeats_s=marks.downbeats_s)
    part = excerpt(dice, marked, dice.uniform(60, 80))
    if len(part.beats_s) < _FEWEST_BEATS or not _is_square(part):
        return None
    bpm, steady = tempo_of(part.beats_s)
    style = _style(dice, bpm)
    electronic = dice.random() < style.electronic
    hits = _drums(dice, style, part) if dice.random() < 0.9 else []
    return Cover(part, hits, electronic, bpm, steady)


def _given(dice: random.Random, voices: Sequence[Voice]) -> Iterator[Voice]:
    """The tune, most often the second tune, and now and then the piano, on other instruments."""
    programs, likely = (_TUNES, _SECOND, _COMPS), (0.9, 0.7, 0.35)
    for voice, choices, chance in zip(voices, programs, likely, strict=False):
        if dice.random() < chance:
            yield replace(voice, program=dice.choice(choices))


def _chords(folder: Path) -> _Chords:
    starts_s, names = zip(*read_chords(folder), strict=True)
    return _Chords(np.array(starts_s), tuple(map(_classes, names)))


def _classes(name: str) -> tuple[int, ...]:
    """Of ``C#:min7/b3`` and the like; empty for ``N``."""
    if name == "N":
        return ()
    root, _, quality = name.partition("/")[0].partition(":")
    tonic = pitch_class(root)
    return tonic, *((tonic + third) % 12 for third in _THIRDS.get(quality[:3], (4, 7)))


def _band(
    dice: random.Random, chords: _Chords, beats_s: Doubles, firsts: NDArray[np.intp]
) -> Iterator[Voice]:
    """A bass and an accompaniment that rest for a while here and there."""
    spread_s = dice.choice((0.0, 0.004, 0.01))
    if dice.random() < 0.9:
        bass = _played(dice, chords, beats_s, firsts, spread_s, is_bass=True)
        yield Voice(dice.choice(_BASSES), is_drums=False, notes=tuple(bass))
    if dice.random() < 0.75:
        comp = _played(dice, chords, beats_s, firsts, spread_s, is_bass=False)
        yield Voice(dice.choice(_COMPS), is_drums=False, notes=tuple(comp))


def _played(
    dice: random.Random,
    chords: _Chords,
    beats_s: Doubles,
    firsts: NDArray[np.intp],
    spread_s: float,
    *,
    is_bass: bool,
) -> Iterator[Played]:
    """Two figures by turns, each note on the chord that sounds there."""
    density = dice.uniform(0.4, 1.1)
    figures = [figure(dice, _BEATS, 4, density, 0.8 * dice.random()) for _ in range(2)]
    length = dice.choice((0.3, 0.6, 0.9))
    indices = np.arange(beats_s.size)
    rests, places = False, figures[0]
    for bar, first in enumerate(firsts):
        if bar % _SPAN_BARS == 0:
            rests, places = dice.random() < 0.15, dice.choice(figures)
        for place, after in zip(places, (*places[1:], float(_BEATS)), strict=True):
            start_s, end_s = np.interp((first + place, first + after), indices, beats_s)
            classes = chords.at(float(start_s))
            if rests or not classes or end_s <= start_s:
                continue
            start_s += dice.gauss(0, spread_s)
            pitches = [near(classes[0], 36)] if is_bass else [near(each, 58) for each in classes]
            velocity = dice.randint(86, 108) if is_bass else dice.randint(60, 92)
            until_s = start_s + max(0.05, length * float(end_s - start_s))
            for pitch in pitches:
                yield Played(max(0.0, float(start_s)), float(until_s), pitch, velocity)


def _is_square(part: Excerpt) -> bool:
    """Whether every bar has its four beats."""
    places = np.searchsorted(np.asarray(part.beats_s), np.asarray(part.downbeats_s) - 0.01)
    return places.size > 4 and bool((np.diff(places) == _BEATS).all())


def _style(dice: random.Random, bpm: float) -> Style:
    """One that is played at about this tempo."""
    fitting = [
        style
        for style in _STYLES
        if style.slowest_bpm / _STRETCH <= bpm <= style.fastest_bpm * _STRETCH
    ]
    return dice.choice(fitting or [STYLES["pop"]])


def _drums(dice: random.Random, style: Style, part: Excerpt) -> list[Hit]:
    """From the first whole bar on, with sections in which they rest."""
    first = part.beats_s.index(part.downbeats_s[0])
    sections, bars = list[Section](), 0
    while bars < len(part.downbeats_s) - 1:
        length = min(dice.choice((4, 8, 8, 16)), len(part.downbeats_s) - 1 - bars)
        parts = frozenset({"drums"} if dice.random() < 0.85 else ())
        sections.append(Section(bars, length, parts, dice.randrange(2)))
        bars += length
    song = Song(0, "major", style, tuple(sections))
    return [replace(hit, beat=hit.beat + first) for hit in play_drums(dice, song)]


SOURCE = Source(
    "covers",
    compositions,
    make,
    weights={"tuning": 0.2},
    renders={"tuning": 1, "test": 1},
)

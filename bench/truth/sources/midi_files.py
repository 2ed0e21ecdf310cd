"""Game music in MIDI files: OpenMSX and Freedoom, as Debian packages them."""

from __future__ import annotations

import hashlib
import math
import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from bench.truth.performance import perform
from bench.truth.piece import Part, Truth, moments, tempo_of
from bench.truth.smf import Doubles, NotMidi, Played, Song, Voice, read
from bench.truth.sources import Made, Order, Source

OPENMSX: Final = Path("/usr/share/games/openttd/baseset/openmsx")
WADS: Final = (
    Path("/usr/share/games/doom/freedoom1.wad"),
    Path("/usr/share/games/doom/freedoom2.wad"),
)
_FEWEST_BEATS = 32
# Parts of a beat that music is written in, and how far its notes gather around one kind: all on
# it is 1, spread evenly is 0. Of the files that there are none lies between 0.2 and 0.5.
_DIVISIONS, _LEAST_GATHERED = (1, 2, 3, 4, 12), 0.3


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A stretch of a song, from 0 s on, ``shift`` semitones higher and at another speed."""

    voices: tuple[Voice, ...]
    beats_s: tuple[float, ...]
    downbeats_s: tuple[float, ...]
    duration_s: float
    shift: int

    def seconds(self, beat: float) -> float:
        """The time of a place counted in beats from the first one."""
        return float(np.interp(beat, np.arange(len(self.beats_s)), self.beats_s))


def openmsx(part: Part, _: Path | None) -> Sequence[str]:
    return [path.name for path in sorted(OPENMSX.glob("*.mid"))] if part == "test" else []


def freedoom(part: Part, _: Path | None) -> Sequence[str]:
    """Every fourth lump, by the order of their contents, is for the test."""
    names = sorted(_lumps())
    return [name for place, name in enumerate(names) if (place % 4 == 0) == (part == "test")]


def make_openmsx(order: Order) -> Made | None:
    raw = (OPENMSX / order.composition).read_bytes()
    return _made(order, raw, "openmsx", "GPL-2")


def make_freedoom(order: Order) -> Made | None:
    return _made(order, _lumps()[order.composition], "freedoom", "BSD-3-Clause")


def _made(order: Order, raw: bytes, source: str, licence: str) -> Made | None:
    dice = order.dice
    try:
        song = read(raw)
    except (NotMidi, IndexError, KeyError, ValueError):
        return None
    part = excerpt(dice, song, dice.uniform(65, 80))
    if len(part.beats_s) < _FEWEST_BEATS or not keeps_time(song):
        return None
    bpm, steady = tempo_of(part.beats_s)
    samples = perform(
        dice, part.voices, (), float, part.duration_s, order.part, electronic=False,
        beat_s=60 / bpm,
    )  # fmt: skip
    return samples, Truth(
        source=source,
        licence=licence,
        composition=order.composition,
        bpm=bpm,
        steady=steady,
        metre=song.metre,
        beats_s=part.beats_s,
        downbeats_s=part.downbeats_s,
    )


def keeps_time(song: Song) -> bool:
    """Whether the notes lie on the file's own beats and their parts: whoever plays freely into a
    sequencer leaves beats in it that the music knows nothing of.
    """
    beats_s = song.beats_s
    starts_s = np.array([note.start_s for voice in song.voices for note in voice.notes])
    inside_s = starts_s[(starts_s >= beats_s[0]) & (starts_s <= beats_s[-1])]
    if not inside_s.size:
        return False
    turns = np.interp(inside_s, beats_s, np.arange(beats_s.size)) * 2j * np.pi
    gathered = max(abs(np.exp(parts * turns).mean()) for parts in _DIVISIONS)
    return bool(gathered >= _LEAST_GATHERED)


def excerpt(dice: random.Random, song: Song, length_s: float) -> Excerpt:
    """About ``length_s`` of the song, of its own tempo times 0.85 to 1.2."""
    last_s = max((note.end_s for voice in song.voices for note in voice.notes), default=0.0)
    start_s = dice.uniform(0, max(0.0, last_s - length_s))
    end_s = min(last_s, start_s + length_s)
    speed = math.exp(dice.uniform(math.log(0.85), math.log(1.2)))
    shift = dice.randrange(-4, 5)

    def inside(times_s: Doubles) -> tuple[float, ...]:
        kept = times_s[(times_s >= start_s) & (times_s < end_s)]
        return moments((kept - start_s) / speed)

    return Excerpt(
        tuple(_moved(voice, start_s, end_s, speed, shift) for voice in song.voices),
        inside(song.beats_s),
        inside(song.downbeats_s),
        (end_s - start_s) / speed,
        shift,
    )


def _moved(voice: Voice, start_s: float, end_s: float, speed: float, shift: int) -> Voice:
    moved = 0 if voice.is_drums else shift
    notes = tuple(
        Played(
            (note.start_s - start_s) / speed,
            (min(note.end_s, end_s) - start_s) / speed,
            min(127, max(0, note.pitch + moved)),
            note.velocity,
        )
        for note in voice.notes
        if start_s <= note.start_s < end_s
    )
    return replace(voice, notes=notes)


@cache
def _lumps() -> dict[str, bytes]:
    """The MIDI lumps of both games, each once, by the start of their hash."""
    raws = [raw for path in WADS if path.exists() for raw in _midi_lumps(path.read_bytes())]
    return {hashlib.sha256(raw).hexdigest()[:12]: raw for raw in raws}


def _midi_lumps(wad: bytes) -> Iterator[bytes]:
    count, directory = struct.unpack("<ii", wad[4:12])
    for index in range(count):
        at, size = struct.unpack("<ii", wad[directory + 16 * index :][:8])
        if wad[at : at + 4] == b"MThd":
            yield wad[at : at + size]


OPENMSX_SOURCE = Source("openmsx", openmsx, make_openmsx, weights={"test": 30}, renders={"test": 1})
FREEDOOM_SOURCE = Source(
    "freedoom",
    freedoom,
    make_freedoom,
    weights={"tuning": 0.15, "test": 16},
    renders={"tuning": 6, "test": 1},
)

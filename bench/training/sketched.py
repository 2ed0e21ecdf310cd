"""The pieces that the key's training sketches: of the truth set's own kinds, none of its pieces."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from autodj.audio.keynames import PITCHES, key_name
from autodj.audio.pitches import Pitches
from bench.training.loops import make_loop, play_loop
from bench.training.sketches import sketch
from bench.truth.arrangement import Note, arrange, tells_the_key
from bench.truth.band import play_drums, play_notes, write_song
from bench.truth.drumming import Hit, drum_part
from bench.truth.feels import FEELS
from bench.truth.harmony import make_harmony
from bench.truth.smf import Played, read
from bench.truth.sources import pop909
from bench.truth.styles import STYLES, Style

# How many of each kind, and how long.
COUNTS: Final = {"grooves": 350, "sessions": 500, "loops": 650}
_SHORTEST_S, _LONGEST_S = 45.0, 85.0
_DRUMLESS: Final = 0.15
_RELATIVE_ABOVE: Final = {"major": 9, "minor": 3}
_MODES: Final = {"dorian": "minor", "mixolydian": "major"}
_HEARD: Final = tuple(style for style in STYLES.values() if not style.held_out)
_IN_FOUR: Final = tuple(style for style in _HEARD if style.beats == 4)


@dataclass(frozen=True, slots=True)
class Sketch:
    """A piece without sound. ``source`` is the truth set's source of the same kind."""

    source: str
    composition: str
    key: str
    pitches: Pitches


def sketched(pop909_folder: Path | None, counts: Mapping[str, int] = COUNTS) -> Iterator[Sketch]:
    """All of them, the same every time."""
    for kind, count in counts.items():
        for number in range(count):
            name = f"{kind}/sketch-{number}"
            piece = _invented(kind, name, random.Random(name))
            if piece is not None:
                yield piece
    for song in pop909.compositions("tuning", pop909_folder):
        assert pop909_folder is not None
        piece = _song(pop909_folder / song, random.Random(f"pop909/sketch-{song}"))
        if piece is not None:
            yield piece


def ends_in_the_relative(folder: Path) -> bool:
    """Whether the last chord of a POP909 song stands on the tonic of the relative key.

    A program found these keys in the recordings; such a song teaches one of two as likely ones.
    """
    key = pop909.key_of(folder)
    names = [name for _, name in pop909.read_chords(folder)]
    roots = [name.partition("/")[0].partition(":")[0] for name in names]
    named = [root for root in roots if root != "N"]
    if key is None or not named:
        return False
    pitch, _, mode = key.partition(" ")
    return (pop909.pitch_class(named[-1]) - PITCHES.index(pitch)) % 12 == _RELATIVE_ABOVE[mode]


@dataclass(frozen=True, slots=True)
class _Written:
    """What is played: notes and strokes, and the key that they are in."""

    notes: Sequence[Note]
    hits: Sequence[Hit]
    beats: int
    key: str | None


def _invented(kind: str, name: str, dice: random.Random) -> Sketch | None:
    """None where no key is told."""
    write, styles = _WRITERS[kind]
    style = dice.choice(styles)
    bpm = style.draw_bpm(dice)
    duration_s = dice.uniform(_SHORTEST_S, _LONGEST_S)
    bars = max(8, round(duration_s * bpm / 60 / style.beats / 2) * 2)
    written = write(dice, style, bars, has_drums=dice.random() >= _DRUMLESS)
    if written.key is None:
        return None
    pitches = _sketch(dice, written, 60 / bpm)
    return None if pitches is None else Sketch(kind, name, written.key, pitches)


def _groove(dice: random.Random, style: Style, bars: int, *, has_drums: bool) -> _Written:
    harmony = make_harmony(dice, bars, style.beats)
    notes = arrange(dice, harmony, style, bars, electronic=dice.random() < style.electronic)
    hits = drum_part(dice, style, bars) if has_drums else []
    key = harmony.key if tells_the_key(notes) and not harmony.has_two_keys else None
    return _Written(notes, hits, bars * style.beats, key)


def _session(dice: random.Random, style: Style, bars: int, *, has_drums: bool) -> _Written:
    song = write_song(dice, style, bars, has_drums=has_drums)
    notes, hits = play_notes(dice, song), play_drums(dice, song) if has_drums else []
    key = key_name(song.tonic, _MODES.get(song.mode, song.mode))
    return _Written(notes, hits, song.bars * style.beats, key if tells_the_key(notes) else None)


def _loop(dice: random.Random, style: Style, bars: int, *, has_drums: bool) -> _Written:
    loop = make_loop(dice, bars)
    hits = drum_part(dice, style, bars) if has_drums else []
    key = key_name(loop.tonic, loop.mode)
    return _Written(play_loop(dice, loop), hits, bars * style.beats, key)


class _Writer(Protocol):
    def __call__(
        self, dice: random.Random, style: Style, bars: int, *, has_drums: bool
    ) -> _Written: ...


_WRITERS: Final[dict[str, tuple[_Writer, Sequence[Style]]]] = {
    "grooves": (_groove, _HEARD),
    "sessions": (_session, (*FEELS, *_HEARD)),
    "loops": (_loop, _IN_FOUR),
}


def _sketch(dice: random.Random, written: _Written, beat_s: float) -> Pitches | None:
    voices: dict[str, list[Played]] = {}
    for note in written.notes:
        played = Played(note.start * beat_s, note.end * beat_s, note.pitch, note.velocity)
        voices.setdefault(note.part, []).append(played)
    strokes = [(hit.beat * beat_s, hit.drum) for hit in written.hits]
    return sketch(dice, voices, strokes, written.beats * beat_s)


def _song(folder: Path, dice: random.Random) -> Sketch | None:
    """Of a POP909 song in one key: its beginning, or a stretch of it."""
    key = pop909.key_of(folder)
    if key is None or ends_in_the_relative(folder):
        return None
    song = read((folder / f"{folder.name}.mid").read_bytes())
    end_s = max(note.end_s for voice in song.voices for note in voice.notes)
    length_s = dice.uniform(_SHORTEST_S, _LONGEST_S)
    start_s = 0.0 if dice.random() < 0.5 else dice.uniform(0, max(0.0, end_s - length_s))
    is_one_piano = dice.random() < 0.5
    voices: dict[str, list[Played]] = {}
    for part, voice in enumerate(song.voices):
        voices.setdefault("0" if is_one_piano else str(part), []).extend(
            Played(note.start_s - start_s, note.end_s - start_s, note.pitch, note.velocity)
            for note in voice.notes
            if start_s <= note.start_s < start_s + length_s
        )
    pitches = sketch(dice, voices, (), min(length_s, end_s - start_s))
    return None if pitches is None else Sketch(pop909.SOURCE.name, folder.name, key, pitches)

"""What each part of the band plays in one bar of a piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from autodj.audio import instruments
from autodj.audio.frames import Floats
from autodj.audio.pieces import Piece

Note = tuple[float, Floats, float]
"""When it starts, in beats from the bar line; how it sounds; how hard it is played."""

_SOFT = 0.55
_OCTAVE = 12


def notes(piece: Piece, part: str) -> Iterator[Note]:
    """Everything a part plays, with beats counted from the start of the piece."""
    bar = 0
    for section in piece.sections:
        for _ in range(section.bars):
            if part in section.parts.split():
                for beat, sound, strength in _BARS[part](piece, bar):
                    yield 4 * bar + beat, sound, strength
            bar += 1


def _struck(part: str, sound: Callable[[], Floats]) -> Callable[[Piece, int], Iterator[Note]]:
    def bar_of_hits(piece: Piece, _bar: int) -> Iterator[Note]:
        for step, mark in enumerate(piece.drums.get(part, "")):
            if mark != ".":
                yield _beat(piece, step), sound(), 1.0 if mark == "x" else _SOFT

    return bar_of_hits


def _bass_bar(piece: Piece, bar: int) -> Iterator[Note]:
    root = piece.tonic_midi + (_chord(piece, bar)[0] + 5) % _OCTAVE - 5
    for step, mark in enumerate(piece.bass):
        if mark != ".":
            midi = root + {"r": 0, "5": 7, "8": _OCTAVE}[mark]
            rests = len(piece.bass[step + 1 :]) - len(piece.bass[step + 1 :].lstrip("."))
            length_s = min(rests + 1, 3) / 4 * 0.92 * 60 / piece.bpm
            yield _beat(piece, step), instruments.bass(_hz(midi), length_s), 1.0


def _chord_bar(piece: Piece, bar: int) -> Iterator[Note]:
    length_s = 1.5 * 60 / piece.bpm
    for beat, strength in ((0.0, 1.0), (1.5, 0.7), (2.75, 0.8)):
        for semitones in _chord(piece, bar):
            yield beat, instruments.keys(_hz(piece.tonic_midi + 24 + semitones), length_s), strength


def _pad_bar(piece: Piece, bar: int) -> Iterator[Note]:
    length_s = 4 * 60 / piece.bpm
    for semitones in _chord(piece, bar):
        yield 0.0, instruments.pad(_hz(piece.tonic_midi + 24 + semitones), length_s), 1.0


def _melody_bar(piece: Piece, bar: int) -> Iterator[Note]:
    first = 4.0 * (bar % 4)
    for beat, length, semitones in piece.melody:
        if first <= beat < first + 4:
            sound = instruments.keys(
                _hz(piece.tonic_midi + 36 + semitones - _OCTAVE), length * 60 / piece.bpm
            )
            yield beat - first, sound, 1.0


def _arpeggio_bar(piece: Piece, bar: int) -> Iterator[Note]:
    chord = _chord(piece, bar)
    for step, mark in enumerate(piece.arpeggio):
        if mark != ".":
            midi = piece.tonic_midi + 36 + chord[int(mark) % len(chord)]
            strength = 1.0 if step % 4 == 0 else 0.75
            yield _beat(piece, step), instruments.pluck(_hz(midi), 30 / piece.bpm), strength


_BARS: Mapping[str, Callable[[Piece, int], Iterator[Note]]] = {
    "kick": _struck("kick", instruments.kick),
    "snare": _struck("snare", instruments.snare),
    "clap": _struck("clap", instruments.clap),
    "hat": _struck("hat", instruments.closed_hat),
    "open": _struck("open", instruments.open_hat),
    "bass": _bass_bar,
    "chords": _chord_bar,
    "pad": _pad_bar,
    "melody": _melody_bar,
    "arpeggio": _arpeggio_bar,
}


def _chord(piece: Piece, bar: int) -> tuple[int, ...]:
    return piece.chords[bar % len(piece.chords)]


def _beat(piece: Piece, step: int) -> float:
    """Sixteenths; the second of each pair comes late by the piece's swing."""
    return step / 4 + (piece.swing / 4 if step % 2 else 0.0)


def _hz(midi: int) -> float:
    return float(440.0 * 2 ** ((midi - 69) / 12))

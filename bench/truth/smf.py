"""Standard MIDI files: what is played when, and where the beats are.

Reads and writes what the truth set needs: notes, programs, tempo and time signatures.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

DRUM_CHANNEL: Final = 9
_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
_TICKS = 10000
_SECOND_US = 1_000_000
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_USUAL_US = 500_000

Doubles = NDArray[np.float64]


class NotMidi(ValueError):
    """Bytes that are no MIDI file of the kind that is read here."""


@dataclass(frozen=True, slots=True)
class Played:
    """One note, in seconds."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Voice:
    """The notes of one instrument."""

    program: int
    is_drums: bool
    notes: tuple[Played, ...]


@dataclass(frozen=True, slots=True)
class Song:
    """A MIDI file: its voices, the time of each beat and of each first beat of a bar, and
    whether one tempo and one metre hold throughout.
    """

    voices: tuple[Voice, ...]
    beats_s: Doubles
    downbeats_s: Doubles
    metre: int
    steady: bool


@dataclass(frozen=True, slots=True)
class _Event:
    track: int
    tick: int
    status: int
    data: bytes


def write(path: Path, voices: Sequence[Voice]) -> None:
    """A file in which a tick is 0.1 ms. At most 15 voices besides the drums are kept, those
    with the most notes.
    """
    pitched = sorted((each for each in voices if not each.is_drums), key=lambda v: -len(v.notes))
    chosen = list(zip(_CHANNELS, pitched, strict=False))
    chosen += [(DRUM_CHANNEL, each) for each in voices if each.is_drums]
    tempo = b"\x00\xff\x51\x03" + _SECOND_US.to_bytes(3, "big")
    tracks = [tempo, *(_encoded(channel, voice) for channel, voice in chosen)]
    head = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), _TICKS)
    body = [track + b"\x00\xff\x2f\x00" for track in tracks]
    path.write_bytes(head + b"".join(b"MTrk" + struct.pack(">I", len(t)) + t for t in body))


def _encoded(channel: int, voice: Voice) -> bytes:
    events = [(0, 1, bytes([0xC0 | channel, voice.program]))]
    for note in voice.notes:
        start, end = round(max(0.0, note.start_s) * _TICKS), round(note.end_s * _TICKS)
        if end > start:
            events.append((start, 2, bytes([0x90 | channel, note.pitch, note.velocity])))
            events.append((end, 0, bytes([0x80 | channel, note.pitch, 0])))
    track, before = bytearray(), 0
    for tick, _, message in sorted(events):
        track += _variable(tick - before) + message
        before = tick
    return bytes(track)


def _variable(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def read(raw: bytes) -> Song:
    """The song in the bytes of a file; NotMidi where they are none."""
    if raw[:4] != b"MThd" or len(raw) < 14:
        raise NotMidi("no MThd chunk")
    tracks, division = struct.unpack(">HH", raw[10:14])
    if division & 0x8000:
        raise NotMidi("times in film frames")
    events = sorted(_events(raw, tracks), key=lambda event: event.tick)
    clock = _Clock(events, division)
    last = max((event.tick for event in events), default=0)
    beats, downbeats, metres = _beat_ticks(events, division, last)
    return Song(
        voices=tuple(_voices(events, clock)),
        beats_s=clock.seconds(beats),
        downbeats_s=clock.seconds(downbeats),
        metre=metres[0],
        steady=clock.steady and len(set(metres)) == 1,
    )


def _events(raw: bytes, tracks: int) -> Iterator[_Event]:
    at = 14
    for track in range(tracks):
        kind, size = raw[at : at + 4], int.from_bytes(raw[at + 4 : at + 8], "big")
        if kind == b"MTrk":
            yield from _track(track, raw[at + 8 : at + 8 + size])
        at += 8 + size


def _track(track: int, raw: bytes) -> Iterator[_Event]:
    at, tick, status = 0, 0, 0
    while at < len(raw):
        delta, at = _number(raw, at)
        tick += delta
        if raw[at] & 0x80:
            status, at = raw[at], at + 1
        if status == 0xFF:
            kind, (size, start) = raw[at], _number(raw, at + 1)
            yield _Event(track, tick, 0xFF00 | kind, raw[start : start + size])
            at = start + size
        elif status in {0xF0, 0xF7}:
            size, start = _number(raw, at)
            at = start + size
        else:
            size = _DATA_BYTES[status & 0xF0]
            yield _Event(track, tick, status, raw[at : at + size])
            at += size


def _number(raw: bytes, at: int) -> tuple[int, int]:
    """A number of variable length and the place behind it."""
    value = 0
    while True:
        byte = raw[at]
        value, at = value << 7 | byte & 0x7F, at + 1
        if byte < 0x80:
            return value, at


class _Clock:
    """Ticks to seconds."""

    def __init__(self, events: Sequence[_Event], division: int) -> None:
        changes = {0: _USUAL_US}
        for event in events:
            if event.status == 0xFF51:
                changes[event.tick] = int.from_bytes(event.data, "big")
        self._ticks = np.array(list(changes), np.float64)
        self._tick_s = np.array(list(changes.values())) / division / _SECOND_US
        spans_s = np.diff(self._ticks) * self._tick_s[:-1]
        self._starts_s = np.concatenate([[0.0], np.cumsum(spans_s)])
        self.steady = len(set(changes.values())) == 1

    def seconds(self, ticks: Doubles) -> Doubles:
        at = np.searchsorted(self._ticks, ticks, side="right") - 1
        return np.asarray(self._starts_s[at] + (ticks - self._ticks[at]) * self._tick_s[at])


def _beat_ticks(
    events: Sequence[_Event], division: int, last: int
) -> tuple[Doubles, Doubles, list[int]]:
    """Ticks of beats and downbeats, and the metre of every stretch. In 6/8, 9/8 and 12/8 a
    beat is three eighths.
    """
    changes = {0: (4, 4)}
    for event in events:
        if event.status == 0xFF58:
            changes[event.tick] = (event.data[0], 2 ** event.data[1])
    beats: list[float] = []
    downbeats: list[float] = []
    metres = []
    ends = [*list(changes)[1:], last + 1]
    for (start, (upper, lower)), end in zip(changes.items(), ends, strict=True):
        compound = lower == 8 and upper in {6, 9, 12}
        metre = upper // 3 if compound else upper
        step = division * 4 / lower * (3 if compound else 1)
        inside = np.arange(start, end, step)
        beats += inside.tolist()
        downbeats += inside[::metre].tolist()
        if len(inside) >= metre:
            metres.append(metre)
    return np.array(beats), np.array(downbeats), metres or [4]


def _voices(events: Sequence[_Event], clock: _Clock) -> Iterator[Voice]:
    """One voice for each program on each channel of each track."""
    program: dict[tuple[int, int], int] = {}
    sounding: dict[tuple[int, int, int], tuple[int, int, int]] = {}
    notes: dict[tuple[int, int, int], list[tuple[int, int, int, int]]] = defaultdict(list)
    for event in events:
        kind, channel = event.status & 0xF0, event.status & 0x0F
        place = (event.track, channel)
        if event.status >= 0xFF00:
            continue
        if kind == 0xC0:
            program[place] = program[-1, channel] = event.data[0]
        elif kind in {0x80, 0x90}:
            pitch, velocity = event.data
            if begun := sounding.pop((*place, pitch), None):
                start, loudness, played = begun
                notes[*place, played].append((start, event.tick, pitch, loudness))
            if kind == 0x90 and velocity:
                # Some files choose every channel's program in their first track.
                chosen = program.get(place, program.get((-1, channel), 0))
                sounding[*place, pitch] = (event.tick, velocity, chosen)
    for (_, channel, played), found in sorted(notes.items()):
        yield Voice(played, channel == DRUM_CHANNEL, tuple(_timed(found, clock)))


def _timed(found: Sequence[tuple[int, int, int, int]], clock: _Clock) -> Iterator[Played]:
    times_s = clock.seconds(np.array([row[:2] for row in found], np.float64))
    for (start_s, end_s), (_, _, pitch, velocity) in zip(times_s, found, strict=True):
        yield Played(float(start_s), float(end_s), pitch, velocity)

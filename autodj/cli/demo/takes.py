"""The audio of the demonstration, and what is known of it beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autodj.audio.keynames import camelot
from autodj.audio.pieces import Piece
from autodj.cli.sources import find_sources
from autodj.errors import CommandError
from autodj.settings.parsers import expanded

MOST_FILES = 12
TEMPO_TOLERANCE_BPM = 0.5


@dataclass(frozen=True, slots=True)
class Expected:
    """What an analysis must find: tempo in BPM, and the key by its name."""

    bpm: float
    key: str

    @property
    def camelot(self) -> str:
        return camelot(self.key)

    def fits_tempo(self, bpm: float | None) -> bool:
        return bpm is not None and abs(bpm - self.bpm) <= TEMPO_TOLERANCE_BPM

    def fits_key(self, hour: str | None) -> bool:
        """By the Camelot hour: B flat and A sharp are the same key."""
        return hour == self.camelot


@dataclass(frozen=True, slots=True)
class Take:
    """One file that is sent; ``expected`` is None for other people's music."""

    path: Path
    expected: Expected | None = None


def take_of(piece: Piece, folder: Path) -> Take:
    """The piece, played into a file of its kind."""
    from autodj.audio.synth import write

    return Take(write(piece, folder), Expected(piece.bpm, piece.key))


def takes_in(folder: Path) -> Sequence[Take]:
    """The first audio files of a folder; CommandError when there is none."""
    folder = expanded(folder)
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}")
    files = find_sources([str(folder)]).files[:MOST_FILES]
    if not files:
        raise CommandError(f"There are no audio files in {folder}")
    return [Take(path) for path, _ in files]

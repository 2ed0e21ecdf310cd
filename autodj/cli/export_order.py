"""What an export is told to write, and what it tells at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from autodj.cli.targets import make_folder
from autodj.errors import AutodjError, CommandError


class Format(StrEnum):
    """What can be written."""

    REKORDBOX = "rekordbox"
    M3U8 = "m3u8"
    JAMS = "jams"
    TAGS = "tags"
    ZIP = "zip"
    WAVEFORM = "waveform"
    WAVEFORM_JSON = "waveform-json"


WAVEFORMS = {Format.WAVEFORM: "dat", Format.WAVEFORM_JSON: "json"}
FOLDERS = frozenset({Format.JAMS, Format.TAGS, *WAVEFORMS})
"""Formats of one file for each track."""
ENDINGS = {Format.JAMS: ".jams", **{form: f".{name}" for form, name in WAVEFORMS.items()}}
"""What follows on the name of a track's own file."""


@dataclass(slots=True)
class Told:
    """What became of an export: counts, and each track that was left out with its reason."""

    tracks: int = 0
    unmeasured: int = 0
    untagged: int = 0
    faults: list[tuple[str, AutodjError]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Order:
    """What to write: the format, where to (None: stdout), and where the music lies."""

    format: Format
    to: Path | None
    music: Path | None
    fetch: bool

    def prepare(self) -> None:
        """Make the folder that is written to. CommandError for an order that makes no sense."""
        for sentence, hint in self._faults():
            raise CommandError(sentence, hint=hint)
        if self.to is None:
            return
        folder = self.to if self.format in FOLDERS else self.to.parent
        make_folder(folder, told_as=folder, hint="Give --to a folder.")

    def _faults(self) -> Iterator[tuple[str, str]]:
        """What makes no sense, and what to do."""
        if self.to is None and self.format in FOLDERS:
            yield f"{self.format} writes one file for each track", "Give --to DIR."
        if self.to is None and self.format is Format.ZIP:
            yield "A ZIP file is written to a file", "Give --to FILE."
        if self.to is not None and self.format not in FOLDERS and self.to.is_dir():
            yield f"{self.to} is a folder, and {self.format} is one file", "Name the file in it."
        if self.format is Format.ZIP and (self.music is not None or self.fetch):
            yield "A ZIP file holds the music itself", "Leave out --music and --fetch."
        if self.format is Format.REKORDBOX and self.music is None:
            hint = "Give --music DIR, where they are; --fetch puts there what is missing."
            yield "rekordbox plays files, not links", hint
        if self.fetch and self.music is None:
            yield "There is nowhere to fetch to", "Give --music DIR."
        if self.music is not None and not _is_utf_8(self.music.absolute()):
            hint = "Rename the folder of its path that is not, or name another."
            yield "The path of --music is not UTF-8, in which exports are written", hint


def _is_utf_8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True

"""From what a person names to what is sent: files, the audio in folders, and URLs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autodj.errors import CommandError
from autodj.settings.parsers import expanded

# Names only choose what to send from a folder; the server looks at the bytes.
AUDIO_SUFFIXES = frozenset(
    {".mp3", ".flac", ".wav", ".aif", ".aiff", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aac"}
    | {".caf", ".wv"}
)


@dataclass(frozen=True, slots=True)
class Sources:
    """What to send: files with their sizes in bytes, and URLs. ``skipped`` was left out of
    folders because its name is not that of audio, ``unread`` because the system refuses it.
    """

    files: tuple[tuple[Path, int], ...]
    urls: tuple[str, ...]
    skipped: tuple[Path, ...]
    unread: tuple[OSError, ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(size_bytes for _, size_bytes in self.files)

    def __len__(self) -> int:
        return len(self.files) + len(self.urls)


def find_sources(named: Iterable[str]) -> Sources:
    """Everything that was named, each file once, folders with all below them in name order.

    CommandError for a name that leads nowhere, so that a typing error sends nothing.
    """
    files: dict[Path, int] = {}
    urls: dict[str, None] = {}
    skipped: list[Path] = []
    unread: list[OSError] = []
    for name in named:
        if name.lower().startswith(("http://", "https://")):
            urls[name] = None
            continue
        if not name:
            raise CommandError(
                "A file or folder has no name", hint="Is a variable of the shell empty?"
            )
        path = expanded(name)
        if path.is_dir():
            for file, size_bytes in _below(path, unread):
                if is_audio_name(file):
                    files[file] = size_bytes
                else:
                    skipped.append(file)
        elif path.is_file():
            files[path] = path.stat().st_size
        elif path.exists():
            raise CommandError(
                f"{name} is neither a file nor a folder", hint="Nothing was sent; name a file."
            )
        else:
            raise CommandError(
                f"There is no file or folder {name}", hint="Nothing was sent; check the name."
            )
    return Sources(tuple(files.items()), tuple(urls), tuple(skipped), tuple(unread))


def is_audio_name(path: Path) -> bool:
    """Whether a file in a folder is worth sending; hidden ones are litter of other programs."""
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")


def _below(folder: Path, unread: list[OSError]) -> Iterator[tuple[Path, int]]:
    """The files with their sizes; what the system refuses to tell of is added to ``unread``."""
    for parent, folders, names in os.walk(folder, onerror=unread.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            try:
                found = path.stat()
            except OSError as error:
                if is_audio_name(path):
                    unread.append(error)
                continue
            if stat.S_ISREG(found.st_mode):
                yield path, found.st_size

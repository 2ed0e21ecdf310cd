"""From what a person names to what is sent: files, the audio in folders, and URLs."""

from __future__ import annotations

import os
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
    """What to send: files with their sizes in bytes, URLs, and how much was left out of folders
    because its name is not that of audio.
    """

    files: tuple[tuple[Path, int], ...]
    urls: tuple[str, ...]
    skipped: tuple[Path, ...]

    @property
    def size_bytes(self) -> int:
        return sum(size_bytes for _, size_bytes in self.files)

    def __len__(self) -> int:
        return len(self.files) + len(self.urls)


def find_sources(named: Iterable[str]) -> Sources:
    """Everything that was named, each file once, folders with all below them in name order.

    CommandError for a name that leads nowhere, so that a typing error sends nothing.
    """
    files: dict[Path, None] = {}
    urls: dict[str, None] = {}
    skipped: list[Path] = []
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
            for file in _below(path):
                if is_audio_name(file):
                    files[file] = None
                else:
                    skipped.append(file)
        elif path.is_file():
            files[path] = None
        else:
            raise CommandError(
                f"There is no file or folder {name}", hint="Nothing was sent; check the name."
            )
    sized = tuple((path, path.stat().st_size) for path in files)
    return Sources(files=sized, urls=tuple(urls), skipped=tuple(skipped))


def is_audio_name(path: Path) -> bool:
    """Whether a file in a folder is worth sending; hidden ones are litter of other programs."""
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file():
                yield path

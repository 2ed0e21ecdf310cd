"""Where a command writes what it makes of each file: looked at before anything is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from autodj.cli.console import from_os_error, tell_of
from autodj.cli.sources import is_audio_name
from autodj.errors import CommandError


@dataclass(frozen=True, slots=True)
class Targets:
    """A file, or a folder for a file of each, named like what it is made of."""

    named: Path
    extension: str
    in_folder: bool
    _names: Counter[str] = field(default_factory=Counter)

    @classmethod
    def at(cls, named: Path, extension: str, *, several: bool) -> Targets:
        """The folder is made; CommandError for what cannot be one, or is the name of audio."""
        is_folder = named.is_dir()
        in_folder = several or is_folder
        if is_audio_name(named) and not is_folder:
            hint = f"Name the .{extension} to write first, then what is to be measured."
            raise CommandError(
                f"{named} has the name of audio and would be written over", hint=hint
            )
        hint = "Of several files each is written into a folder: name one."
        make_folder(named if in_folder else named.parent, told_as=named, hint=hint)
        return cls(named, extension, in_folder)

    def write(self, of: Path, make: Callable[[Path], object]) -> bool:
        """Whether it could be written; else a line says why, and the others go on."""
        self._names[of.name] += 1
        again = f" {self._names[of.name]}" if self._names[of.name] > 1 else ""
        name = f"{of.name}{again}.{self.extension}"
        target = self.named / name if self.in_folder else self.named
        try:
            make(target)
        except OSError as error:
            tell_of(target, from_os_error(OSError(*error.args[:2])))
            return False
        return True


def make_folder(folder: Path, *, told_as: Path, hint: str) -> None:
    """CommandError where a file stands in its way."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise CommandError(f"{told_as} is a file, or lies below one", hint=hint) from error

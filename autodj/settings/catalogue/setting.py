"""One setting, and a section of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable; ``aliases`` are other names that mean the same."""

    name: str
    about: str
    default: str = ""
    parse: Callable[[str], object] = str
    aliases: tuple[str, ...] = ()
    secret: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    settings: tuple[Setting, ...]

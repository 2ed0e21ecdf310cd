"""What is sent: noise, of which a few bodies stand under many names."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MB: Final = 1_000_000
BLOCK_BYTES: Final = 4 * 1024**2
# Bodies are on disk once: a thousand files need no more room, and no more memory to be cached in.
BODIES_BYTES: Final = 500 * MB


@dataclass(frozen=True, slots=True)
class Load:
    """So many files of so many bytes."""

    name: str
    count: int
    size_bytes: int

    @property
    def total_mb(self) -> float:
        return self.count * self.size_bytes / MB

    @property
    def bodies(self) -> int:
        """How many different ones there are."""
        return min(self.count, max(2, BODIES_BYTES // self.size_bytes))

    @property
    def bodies_mb(self) -> float:
        return self.bodies * self.size_bytes / MB


def make_files(folder: Path, load: Load) -> Mapping[Path, str]:
    """The files and their SHA-256 (hex)."""
    folder.mkdir()
    chance = random.Random(load.name)
    made: dict[Path, str] = {}
    bodies: list[tuple[Path, str]] = []
    for number in range(load.count):
        path = folder / f"{number:06}.bin"
        if number < load.bodies:
            bodies.append((path, _noise(path, load.size_bytes, chance)))
        else:
            os.link(bodies[number % load.bodies][0], path)
        made[path] = bodies[number % load.bodies][1]
    return made


def check(files: Iterable[tuple[str, str]], sha256: Mapping[str, str]) -> None:
    """What is fast and wrong does not count."""
    for key, path in files:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        assert digest == sha256[key], f"{key} came back as something else"


def _noise(path: Path, size_bytes: int, chance: random.Random) -> str:
    block = chance.randbytes(min(BLOCK_BYTES, size_bytes))
    digest = hashlib.sha256()
    with path.open("wb") as file:
        left = size_bytes
        while left > 0:
            piece = (chance.randbytes(16) + block)[:left]
            file.write(piece)
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()

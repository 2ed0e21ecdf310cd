"""What a fetch may cost and what it brings: apart from fetching, which needs an HTTP client."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """``connect_s`` bounds one lookup and one connection, ``read_s`` one silence, ``total_s``
    everything. ``allow_private`` admits loopback and private networks, for laptops and tests.
    """

    max_bytes: int = 200 * 1024 * 1024
    max_redirects: int = 3
    connect_s: float = 3.0
    read_s: float = 10.0
    total_s: float = 60.0
    allowed_ports: Collection[int] = frozenset({80, 443})
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole file; ``sha256`` is hex, ``filename`` is cleaned and for display only."""

    path: Path
    sha256: str
    size_bytes: int
    filename: str | None

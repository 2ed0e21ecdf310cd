"""What is known of an object that the edge has copies of, and for how long."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

Result = Literal["Hit", "Miss", "RefreshHit", "Error"]

BLOCK_BYTES: Final = 512 * 1024

_MAX_AGE: Final = re.compile(r"(?:^|[,\s])(s-maxage|max-age)=([0-9]{1,10})", re.IGNORECASE)
_NEVER: Final = re.compile(r"\b(no-store|no-cache|private)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CacheRules:
    """How long copies and errors are kept, in seconds: the cache policy of the distribution."""

    min_ttl_s: int = 1
    default_ttl_s: int = 86400
    max_ttl_s: int = 31536000
    error_ttl_s: int = 10

    def fresh_s(self, cache_control: str | None) -> int:
        """How long a copy may be used without asking the origin."""
        if cache_control is None:
            return self.default_ttl_s
        if _NEVER.search(cache_control):
            return self.min_ttl_s
        ages = {name.lower(): int(value) for name, value in _MAX_AGE.findall(cache_control)}
        told = ages.get("s-maxage", ages.get("max-age", self.default_ttl_s))
        return max(self.min_ttl_s, min(told, self.max_ttl_s))


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of an object: ``headers`` as the origin sent them, names in lower case, and
    when it did (POSIX seconds). ``fresh_until`` is of the same kind.
    """

    path: str
    size_bytes: int
    etag: str
    headers: Mapping[str, str]
    fetched_at: float
    fresh_until: float

    @property
    def version(self) -> str:
        """The same for the same bytes under the same path."""
        text = f"{self.etag} {self.headers.get('last-modified')} {self.size_bytes}"
        return sha256(text.encode()).hexdigest()[:16]

    def part(self, index: int) -> str:
        return f"{self.version}-{index}"


@dataclass(frozen=True, slots=True)
class Found:
    """An object, and how the edge came to know it."""

    owner: str
    head: Head
    result: Result

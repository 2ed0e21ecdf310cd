"""What a distribution is told when it is made, as far as its answers depend on it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from autodj.cdn.policy import PublicKey
from autodj.laptop.edge.head import CacheRules

Keys = Callable[[], Awaitable[Mapping[str, PublicKey]]]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Paths (``*`` any text, ``?`` one character), and whether they want a signature."""

    pattern: str
    signed: bool

    def applies_to(self, path: str) -> bool:
        """Whether this is for the path; a slash at its beginning makes no difference."""
        return _compiled(self.pattern.removeprefix("/")).fullmatch(path.lstrip("/")) is not None


@dataclass(frozen=True, slots=True)
class Distribution:
    """``keys`` gives the key group by key pair id at the time of asking; None: there is none,
    and no path wants a signature. The first behaviour that fits a path decides, and where none
    does a signature is wanted.
    """

    keys: Keys | None
    id: str = "EAUTODJLAPTOP"
    pop: str = "LAP50-P1"
    behaviours: Sequence[Behaviour] = (Behaviour("public/*", signed=False),)
    cache: CacheRules = field(default_factory=CacheRules)

    def wants_signature(self, path: str) -> bool:
        """Whether a request for this path must be signed."""
        if self.keys is None:
            return False
        return next((each.signed for each in self.behaviours if each.applies_to(path)), True)


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(sign, re.escape(sign)) for sign in pattern), re.DOTALL)

"""How a judge speaks: what was seen is returned, what is wrong is raised."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from autodj.cdn.check.evidence import Evidence, Reply

POLICY: Final = "attach the response headers policy of `autodj cdn template` to the behaviour"

_CODE: Final = re.compile(rb"<Code>([A-Za-z]{1,40})</Code>")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing: well or not, what was seen, and what to do about a fault."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


class Wrong(Exception):
    """What is wrong with a distribution, and what to do. A verdict, not an error of ours."""

    def __init__(self, detail: str, hint: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


Judge = Callable[[Evidence], str | None]
"""Says what it saw, or None when there was nothing to see; raises Wrong."""


def code_of(reply: Reply) -> str:
    """The code in an XML refusal, empty where there is none."""
    found = _CODE.search(reply.body[:2000])
    return found[1].decode("ascii") if found else ""


def names_in(header: str) -> set[str]:
    """The members of a list header, in lower case."""
    return {each.strip().lower() for each in header.split(",")}


def is_hit(reply: Reply) -> bool:
    """Whether CloudFront had a copy."""
    return reply.x_cache.startswith(("Hit", "RefreshHit"))

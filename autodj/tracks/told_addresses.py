"""How the address of a fetch is told again: without what may be a secret in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autodj.redaction import without_secrets

_USER = re.compile(r"(?<=://)[^/?#]*@")


@dataclass(frozen=True, slots=True)
class ToldAddress:
    """``is_whole``: whether the same is fetched from ``url`` as from what was written."""

    url: str
    is_whole: bool


def told_address(written: str) -> ToldAddress:
    """Nothing is told of a query, which may sign or name a key in any of its words; nor of a
    fragment, which no server is asked for.
    """
    asked = written.partition("#")[0]
    url = without_secrets(_USER.sub("", asked.partition("?")[0]))
    return ToldAddress(url, is_whole=url == asked)

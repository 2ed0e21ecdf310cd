"""What pages of a list have in common: names that were asked for, and the way to the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autodj.errors import StoreFaulty
from autodj.storage.s3.faults import required


def named(told: Mapping[str, Any], mark: str, prefix: str, doing: str) -> str:
    """The name that is told as ``mark``; StoreFaulty for one that does not start with what was
    asked for: a server that says it in a code of its own would otherwise seem to be empty.
    """
    name: str = required(told, mark, doing)
    if not name.startswith(prefix):
        raise StoreFaulty(f"{doing}: {name} was not asked for.")
    return name


def onwards(
    page: Mapping[str, Any], marks: Mapping[str, str], before: Mapping[str, Any], doing: str
) -> Mapping[str, Any]:
    """What asks for the page after this one, nothing after the last.

    ``marks`` are the parameters that say where to go on, and how an answer names them; ``before``
    is what asked for this page. StoreFaulty when it would come again and again.
    """
    if not required(page, "IsTruncated", doing):
        return {}
    found = {asked: required(page, told, doing) for asked, told in marks.items()}
    if found == before:
        raise StoreFaulty(f"{doing}: the same page would come again and again.")
    return found

"""From one page of an answer to the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autodj.errors import StoreFaulty
from autodj.storage.s3.faults import required


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

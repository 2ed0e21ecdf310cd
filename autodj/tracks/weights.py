"""What a client likes, as the headers of content negotiation say it."""

from __future__ import annotations

from collections.abc import Mapping


def weights(header: str) -> Mapping[str, float]:
    """The members of an Accept or Accept-Encoding header, in lower case, with their weights of
    0 to 1 (RFC 9110, section 12.4.2); what cannot be read counts as not liked.
    """
    liked = {}
    for each in header.lower().split(","):
        name, *parameters = (part.strip() for part in each.split(";"))
        given = [value for key, _, value in (p.partition("=") for p in parameters) if key == "q"]
        if name:
            liked[name] = _weight(given[0]) if given else 1.0
    return liked


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0

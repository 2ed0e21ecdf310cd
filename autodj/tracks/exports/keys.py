"""A key as other programs spell it."""

from __future__ import annotations


def short_key(key: str) -> str:
    """As ID3's TKEY has it: "A minor" is "Am", "Db major" is "Db"."""
    pitch, _, mode = key.partition(" ")
    return f"{pitch}{'m' if mode == 'minor' else ''}"


def colon_key(key: str) -> str:
    """As JAMS has it: "A minor" is "A:minor"."""
    return key.replace(" ", ":")

"""What a rendition is made to be, and what became of it: plain values that travel as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class RenditionName(StrEnum):
    """What a rendition is for: to be played everywhere, kept without loss, or tasted."""

    PLAYBACK = "playback"
    LOSSLESS = "lossless"
    PREVIEW = "preview"


class RenditionMode(StrEnum):
    """Whether renditions are made: where they are needed, for everything, or not at all."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a house wants of its renditions. ``extension`` (m4a or mp3) and ``bit_rate_bps`` are
    for stereo to be played; ``preview_s`` of 0 wants no previews.
    """

    mode: RenditionMode = RenditionMode.AUTO
    extension: str = "m4a"
    bit_rate_bps: int = 256_000
    lossless: bool = True
    preview_s: float = 30.0
    preview_bit_rate_bps: int = 128_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one rendition is made. ``extension`` says of what kind it is (m4a, mp3 or flac);
    ``copied`` puts the coded audio into a new file as it is. Without ``length_s`` all of the
    original from ``start_s`` on is taken.
    """

    name: RenditionName
    extension: str
    bit_rate_bps: int | None = None
    copied: bool = False
    start_s: float = 0.0
    length_s: float | None = None

    def to_document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Recipe:
        return cls(**{**document, "name": RenditionName(document["name"])})


@dataclass(frozen=True, slots=True)
class Made:
    """What was made, as decoding it once has shown. What is heard at ``t`` seconds of it is at
    ``t + start_offset_s`` of the decoded original.
    """

    codec: str
    sample_rate_hz: int
    channels: int
    bit_rate_bps: int
    duration_s: float
    start_offset_s: float

    def to_document(self) -> dict[str, Any]:
        return asdict(self)

"""Baskets: named places for bytes, and which kind of thing goes into which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from autodj.settings.encryption import Encryption
from autodj.settings.s3 import S3Settings

DEFAULT_BASKET: Final = "default"
STORAGE_CLASSES: Final = (
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
COMPRESS_ABOVE_BYTES: Final = 1024


class Kind(StrEnum):
    """What bytes are for."""

    TRACKS = "tracks"
    RENDITIONS = "renditions"
    ANALYSES = "analyses"
    COVERS = "covers"
    AVATARS = "avatars"
    EVENT_MEDIA = "event_media"
    DOCUMENTS = "documents"
    MATERIALS = "materials"


@dataclass(frozen=True, slots=True)
class Basket:
    """One place. ``root`` is set for a local one, ``s3`` for one in a bucket.

    What it says of renditions goes before the settings, for the tracks that lie in it. With
    ``images`` "reencode" photos are drawn anew on their way in.
    """

    name: str
    root: Path | None = None
    s3: S3Settings | None = None
    storage_class: str = "STANDARD"
    encryption: Encryption = field(default_factory=Encryption)
    cdn_origin: str | None = None
    versioning: bool = False
    retention_days: int | None = None
    max_object_bytes: int | None = None
    compress_above_bytes: int = COMPRESS_ABOVE_BYTES
    images: str = "keep"
    image_format: str = "jpeg"
    image_side_px: int = 2048
    rendition_format: str | None = None
    rendition_bit_rate_bps: int | None = None

    @property
    def type(self) -> str:
        return "local" if self.s3 is None else "s3"

    @property
    def needs_proxy(self) -> bool:
        """Whether no link can lead to the bytes, so that this server has to pass them on."""
        return self.encryption.type == "SSE-C"

    def is_over(self, modified_at: datetime, now: datetime) -> bool:
        """Whether an object of that age has been kept long enough."""
        if self.retention_days is None:
            return False
        return now - modified_at > timedelta(days=self.retention_days)


@dataclass(frozen=True, slots=True)
class Baskets:
    """All of them by name; a kind that is not bound goes into ``default``."""

    by_name: Mapping[str, Basket]
    bound: Mapping[Kind, str] = field(default_factory=dict)

    def of(self, kind: Kind) -> Basket:
        return self.by_name[self.bound.get(kind, DEFAULT_BASKET)]

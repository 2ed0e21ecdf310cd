"""What becomes of a photo that somebody brings. Light: drawing it is the sandbox's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

MAX_PHOTO_BYTES: Final = 32 * 1024 * 1024
PHOTO_SIDE_PX: Final = 2048
TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "jpeg": ("image/jpeg", "jpg"),
    "webp": ("image/webp", "webp"),
}


@dataclass(frozen=True, slots=True)
class PhotoForm:
    """``format`` is jpeg or webp, ``side_px`` the longest side that it may have, ``quality`` the
    encoder's (1 to 100), ``max_bytes`` the size of the largest file that is looked at.
    """

    format: str = "jpeg"
    side_px: int = PHOTO_SIDE_PX
    quality: int = 85
    max_bytes: int = MAX_PHOTO_BYTES

    @property
    def content_type(self) -> str:
        return TYPES[self.format][0]

    @property
    def extension(self) -> str:
        return TYPES[self.format][1]

    def to_document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A photo as it was drawn anew, upright."""

    width_px: int
    height_px: int

"""Names of the files in an archive: safe on any system, and different from each other."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_NAME_BYTES: Final = 200

_LONGEST_SUFFIX: Final = 10
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]+')
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


def safe_name(name: str) -> str:
    """A relative path without tricks, on any system: no parents, drives, control characters or
    names of devices; at most 200 bytes a part.
    """
    composed = unicodedata.normalize("NFC", name).replace("\\", "/")
    parts = [_safe_part(part) for part in composed.split("/")]
    return "/".join(part for part in parts if part) or "file"


def free_name(name: str, taken: set[str]) -> str:
    """The name, or with a number the first like it that is not taken (case-folded)."""
    stem, dot, suffix = name.rpartition(".")
    if not stem or "/" in suffix:
        stem, dot, suffix = name, "", ""
    free, number = name, 1
    while free.casefold() in taken:
        number += 1
        free = f"{stem} ({number}){dot}{suffix}"
    return free


def _safe_part(part: str) -> str:
    plain = _UNSAFE.sub("_", part).strip().rstrip(". ")
    if _RESERVED.fullmatch(plain):
        plain = f"_{plain}"
    stem, dot, suffix = plain.rpartition(".")
    if not stem or len(suffix) > _LONGEST_SUFFIX:
        return _cut(plain, MAX_NAME_BYTES)
    return _cut(stem, MAX_NAME_BYTES - len(suffix.encode()) - 1) + dot + suffix


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")

"""Names of the files in an archive: safe on any system, and different from each other."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from typing import Final

MAX_NAME_BYTES: Final = 200
MAX_PARTS: Final = 32

_LONGEST_SUFFIX: Final = 10
# Also what turns the reading direction round, and halves of characters, which no file can hold.
_UNSAFE: Final = re.compile(
    r'[\x00-\x1f\x7f-\x9f<>:"|?*\\\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+'
)
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


def safe_name(name: str) -> str:
    """A relative path without tricks, on any system: no parents, drives, control characters or
    names of devices; at most the last 32 parts, of 200 bytes each.
    """
    composed = unicodedata.normalize("NFC", name).replace("\\", "/")
    parts = [_safe_part(part) for part in composed.split("/")]
    return "/".join([part for part in parts if part][-MAX_PARTS:]) or "file"


def free_name(name: str, taken: set[str]) -> str:
    """The name, or with a number one like it that is not taken (case-folded)."""
    if name.casefold() not in taken:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not stem or "/" in suffix:
        stem, dot, suffix = name, "", ""

    def numbered(number: int) -> str:
        return f"{stem} ({number}){dot}{suffix}"

    def is_free(number: int) -> bool:
        return numbered(number).casefold() not in taken

    # In leaps, then between the last two: a thousand of one name need not be counted through.
    most = 2
    while not is_free(most):
        most *= 2
    numbers = range(max(2, most // 2), most + 1)
    return numbered(numbers[bisect_left(numbers, True, key=is_free)])


def _safe_part(part: str) -> str:
    plain = _UNSAFE.sub("_", part).strip().rstrip(". ")
    if _RESERVED.fullmatch(plain):
        plain = f"_{plain}"
    stem, dot, suffix = plain.rpartition(".")
    if not stem or len(suffix) > _LONGEST_SUFFIX:
        return _cut(plain, MAX_NAME_BYTES).rstrip(". ")
    return _cut(stem, MAX_NAME_BYTES - len(suffix.encode()) - 1) + dot + suffix


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")

"""Tags as people wrote them, made safe to show."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from autodj.audio.facts import Tags

MAX_TAG_CHARS = 512
_NAMES = {
    "title": ("title", "tit2"),
    "artist": ("artist", "tpe1"),
    "album": ("album", "talb"),
    "album_artist": ("album_artist", "albumartist", "tpe2"),
    "genre": ("genre", "tcon"),
    "date": ("date", "tdrc", "tyer", "year"),
    "track": ("track", "tracknumber", "trck"),
    "bpm": ("tbpm", "bpm", "tmpo"),
    "key": ("tkey", "initialkey", "initial key", "key"),
    "replaygain_track_gain": ("replaygain_track_gain",),
    "replaygain_track_peak": ("replaygain_track_peak",),
}
_R128_GAIN = "r128_track_gain"
_R128 = re.compile(r"[+-]?[0-9]{1,5}")
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_SPACES = {"\t", "\n", "\r", "\v", "\f", "\u0085", "\u2028", "\u2029"}
# Joiners carry meaning inside emoji and several scripts.
_KEPT = {"\u200c", "\u200d"}


def read_tags(*sources: Mapping[str, str]) -> Tags:
    """Tags from the file's and the stream's metadata; the first source that has one wins."""
    folded = [{name.lower(): text for name, text in source.items()} for source in sources]
    found = {}
    for field, names in _NAMES.items():
        texts = (clean(source[name]) for source in folded for name in names if name in source)
        found[field] = next((text for text in texts if text), None)
    if found["replaygain_track_gain"] is None:
        written = (source[_R128_GAIN] for source in folded if _R128_GAIN in source)
        found["replaygain_track_gain"] = next(filter(None, map(_replaygain, written)), None)
    return Tags(**found)


def _replaygain(r128: str) -> str | None:
    """What Opus files say in 256ths of a decibel to -23 LUFS (RFC 7845, section 5.2.1), as the
    gain to -18 LUFS; None for what is none.
    """
    if not _R128.fullmatch(r128) or not -(1 << 15) <= int(r128) < 1 << 15:
        return None
    return f"{int(r128) / 256 + 5:.2f} dB"


def clean(text: str) -> str | None:
    """One line of at most 512 characters without controls, direction overrides or lone
    surrogates; None when nothing is left.
    """
    spaced = (" " if char in _SPACES else char for char in text[: 16 * MAX_TAG_CHARS])
    shown = (char for char in spaced if char in _KEPT or unicodedata.category(char) not in _DROPPED)
    normal = unicodedata.normalize("NFC", "".join(shown))
    return " ".join(normal.split())[:MAX_TAG_CHARS].rstrip() or None

"""Facts in the form in which people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHORT_ID = 8


def plural(count: int, noun: str) -> str:
    """``1 track``, ``2 tracks``."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def printable(name: object) -> str:
    """Without orders to the terminal and ends of lines, which names of files may hold."""
    unknown = "\N{REPLACEMENT CHARACTER}"
    return "".join(sign if sign.isprintable() else unknown for sign in str(name))


def clock(duration_s: float) -> str:
    """Minutes and seconds, hours where there are any: ``3:05``, ``1:02:09``."""
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def moment(at_s: float) -> str:
    """A place in a track, to the hundredth: ``1:02.35``, ``1:00:02.35``."""
    whole_s, hundredths = divmod(round(at_s * 100), 100)
    return f"{clock(whole_s)}.{hundredths:02}"


def size(size_bytes: float) -> str:
    """Decimal units, as file managers and shops count: ``7.2 MB``."""
    for unit in ("B", "kB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} GB"


def tempo(bpm: float | None) -> str:
    """``122 BPM``, with a decimal only where there is one to tell."""
    return "-" if bpm is None else f"{bpm:.1f}".removesuffix(".0")


def key(track: Mapping[str, Any]) -> str:
    """``8A  A minor``; the Camelot hour first, since that is what mixes are made by."""
    return "-" if track["key"] is None else f"{track['camelot']:>3}  {track['key']}"


def loudness(lufs: float | None) -> str:
    return "-" if lufs is None else f"{lufs:.1f}"


def place(track: Mapping[str, Any]) -> str:
    """Where the bytes are, and whether they are on their way: ``local``, ``local > s3``."""
    moving = track["file_source"] == "local" and track["file_state"] == "copying"
    return "local > s3" if moving else str(track["file_source"])


def facts(track: Mapping[str, Any]) -> str:
    """How far the analysis is, in a word."""
    state = track["analysis"]["state"]
    return {"pending": "being analysed", "done": "analysed"}.get(
        state, f"not analysed: {track['analysis']['failure']}"
    )

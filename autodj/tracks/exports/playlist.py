"""M3U8: a playlist that every player reads."""

from __future__ import annotations

from collections.abc import Iterable

from autodj.tracks.exports.subject import Subject

CONTENT_TYPE = "audio/x-mpegurl"


def playlist(entries: Iterable[str]) -> str:
    """An extended M3U in UTF-8 of what ``entry`` made of each track."""
    return "\n".join(["#EXTM3U", *entries]) + "\n"


def entry(subject: Subject) -> str:
    """Length, artist and title, then the path or URL."""
    location = _line(subject.location)
    if location.startswith("#"):  # it would be a comment
        location = f"./{location}"
    about = f"#EXTINF:{round(subject.duration_s)},{_line(subject.name)}"
    return f"{about}\n{location}"


def _line(text: str) -> str:
    return " ".join(text.splitlines())

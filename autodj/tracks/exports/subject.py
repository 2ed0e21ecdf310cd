"""A track as exports see it: what people and the analysis say of it, and where its file is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from autodj.audio.facts import Analysis, Waveform
from autodj.audio.identify import CONTAINERS
from autodj.storage.zipnames import free_name
from autodj.tracks.exports.grid import Beats, beats_of
from autodj.tracks.filenames import display_name

_NOT_YET_MEASURED: Mapping[str, Any] = {
    "downbeats_s": (),
    "bar_energy": (),
    "sections": (),
    "cues": {},
    "silences": {"pauses_s": ()},
}
MAX_NAME_BYTES: Final = 255
_NUMBER_BYTES: Final = len(" (123456)")
_NO_WAVEFORM = Waveform(0.0, (), (), (), ()).to_document()
_EXTENSIONS = {each.content_type: each.extension for each in reversed(CONTAINERS)}


@dataclass(frozen=True, slots=True)
class Subject:
    """``bpm`` and ``key`` are the corrected ones where somebody corrected them, and so is all of
    ``analysis``, which is None for a track that has none. ``location`` is a path or a URL.
    """

    id: str
    title: str
    artist: str | None
    album: str | None
    duration_s: float
    size_bytes: int
    bit_rate_bps: int | None
    sample_rate_hz: int
    content_type: str
    added_on: str
    bpm: float | None
    bpm_corrected: bool
    key: str | None
    key_corrected: bool
    camelot: str | None
    location: str
    analysis: Analysis | None

    @property
    def beats(self) -> Beats | None:
        return None if self.analysis is None else beats_of(self.analysis)

    @property
    def name(self) -> str:
        """Artist and title in one line."""
        return " - ".join(part for part in (self.artist, self.title) if part)


def subject_of(
    track: Mapping[str, Any], analysis: Mapping[str, Any] | None, location: str
) -> Subject:
    """From the API's documents of a track and of its analysis, which it has corrected."""
    return Subject(
        id=str(track["id"]),
        added_on=str(track["created_at"])[:10],
        location=location,
        analysis=None if analysis is None else _analysis(analysis),
        **{name: track[name] for name in _SAME_NAMED},
    )


def file_names(tracks: Iterable[Mapping[str, Any]], *, ending: str = "") -> Sequence[str]:
    """A file name for each track, none twice, not even on disks that fold case: that of the
    file it came as, else artist and title. It is cut where it and ``ending`` are more than a
    disk takes.
    """
    taken: set[str] = set()
    names = []
    most_bytes = MAX_NAME_BYTES - len(ending.encode())
    for track in tracks:
        whole = _cut(_file_name(track), most_bytes)
        name = free_name(whole, taken)
        if len(name.encode()) > most_bytes:
            name = free_name(_cut(whole, most_bytes - _NUMBER_BYTES), taken)
        taken.add(name.casefold())
        names.append(name)
    return names


def _analysis(document: Mapping[str, Any]) -> Analysis:
    """Also from a document that an older version wrote, or a newer one. The waveform, nearly
    all of its size, is left out.
    """
    known = {name: document[name] for name in Analysis.__slots__ if name in document}
    return Analysis.from_document({**_NOT_YET_MEASURED, **known, "waveform": _NO_WAVEFORM})


def _cut(name: str, most_bytes: int) -> str:
    """The name with its extension, of so many bytes at most; no letter is cut in two."""
    if len(name.encode()) <= most_bytes:
        return name
    stem, dot, extension = name.rpartition(".")
    room = most_bytes - len(f"{dot}{extension}".encode())
    return f"{stem.encode()[:room].decode(errors='ignore').rstrip()}{dot}{extension}"


def _file_name(track: Mapping[str, Any]) -> str:
    extension = _EXTENSIONS.get(track["content_type"], "audio")
    came_as = display_name(track["original_name"])
    if came_as and came_as.lower().endswith(f".{extension}"):
        return came_as
    said = " - ".join(part for part in (track["artist"], track["title"]) if part)
    stem = display_name(said.replace("/", "_").replace("\\", "_")) or str(track["id"])
    return f"{stem}.{extension}"


_SAME_NAMED = (
    "title", "artist", "album", "duration_s", "size_bytes", "bit_rate_bps", "sample_rate_hz",
    "content_type", "bpm", "bpm_corrected", "key", "key_corrected", "camelot",
)  # fmt: skip

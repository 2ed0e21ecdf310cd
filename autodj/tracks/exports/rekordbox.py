"""rekordbox XML: a collection with beat grids, keys and cue points, and one playlist of it.

After AlphaTheta's list of elements ("XML format list", version 1.0.0). Converters between DJ
programs read it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from itertools import zip_longest
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from autodj.audio.facts import Analysis
from autodj.tracks.exports.grid import Beats
from autodj.tracks.exports.keys import short_key
from autodj.tracks.exports.stretches import stretches_of
from autodj.tracks.exports.subject import Subject

CONTENT_TYPE = "application/xml"
_CUES = {
    "cue_in": (40, 226, 20),
    "intro_end": (48, 90, 255),
    "drop": (230, 40, 40),
    "outro_start": (255, 160, 0),
    "cue_out": (180, 50, 255),
}
_KINDS = {"audio/mpeg": "MP3 File", "audio/mp4": "M4A File", "audio/x-caf": "CAF File"}
_MEMORY_CUE = -1
_EXACTLY_S = 0.001
_LEAST_DECIMALS, _MOST_DECIMALS = 2, 8
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def collection(tracks: Sequence[str]) -> str:
    """The whole document around what ``track`` made of each, numbered from 1 in their order, with
    a playlist of them.
    """
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<DJ_PLAYLISTS Version="1.0.0">',
        _element("PRODUCT", Name="autodj", Version=version("autodj"), Company="") + "/>",
        _element("COLLECTION", Entries=len(tracks)) + ">",
        *tracks,
        "</COLLECTION>",
        "<PLAYLISTS>",
        _element("NODE", Type=0, Name="ROOT", Count=1) + ">",
        _element("NODE", Name="autodj", Type=1, KeyType=0, Entries=len(tracks)) + ">",
        *(_element("TRACK", Key=number) + "/>" for number in range(1, len(tracks) + 1)),
        "</NODE>",
        "</NODE>",
        "</PLAYLISTS>",
        "</DJ_PLAYLISTS>",
    ]
    return "\n".join(lines) + "\n"


def track(number: int, subject: Subject) -> str:
    """The element of one track. Its cues are hot cues A to E, its sections memory cues with
    their names and lengths.
    """
    beats = subject.beats
    lines = [_element("TRACK", TrackID=number, **_attributes(subject)) + ">"]
    lines += [] if beats is None else tempi(beats)
    lines += [] if subject.analysis is None else _marks(subject.analysis)
    return "\n".join([*lines, "</TRACK>"])


def tempi(beats: Beats) -> Iterator[str]:
    """A TEMPO for each stretch. None ends before the next begins: a reader that counts beats to
    there would have one too many.
    """
    stretches = stretches_of(beats, tell_bars=True)
    starts_s = [round(each.start_s, 3) for each in stretches]
    for each, start_s, next_s in zip_longest(stretches, starts_s, starts_s[1:]):
        bpm, length_s, early_s = each.bpm, each.beats * 60 / each.bpm, _EXACTLY_S
        if next_s is not None:
            length_s, early_s = next_s - start_s, 1e-9
            bpm = 60 * each.beats / length_s
        told = _bpm(bpm, length_s, early_s)
        place = {"Inizio": f"{start_s:.3f}", "Bpm": told}
        yield _element("TEMPO", **place, Metro=f"{beats.metre}/4", Battito=each.number) + "/>"


def location_url(location: str) -> str:
    """A path as rekordbox writes it; a URL stays what it is."""
    if "://" in location:
        return location
    if _DRIVE.match(location):
        path = f"/{PureWindowsPath(location).as_posix()}"
    else:
        path = str(PurePosixPath("/", location))
    return f"file://localhost{quote(path, safe='/:')}"


def _attributes(subject: Subject) -> dict[str, object]:
    return {
        "Name": subject.title,
        "Artist": subject.artist or "",
        "Album": subject.album or "",
        "Kind": _kind(subject.content_type),
        "Size": subject.size_bytes,
        "TotalTime": round(subject.duration_s),
        "AverageBpm": f"{subject.bpm or 0:.2f}",
        "DateAdded": subject.added_on,
        "BitRate": round((subject.bit_rate_bps or 0) / 1000),
        "SampleRate": subject.sample_rate_hz,
        "Comments": _comment(subject),
        "Tonality": short_key(subject.key) if subject.key else "",
        "Location": location_url(subject.location),
    }


def _comment(subject: Subject) -> str:
    energy = subject.analysis.energy if subject.analysis else None
    parts = [subject.camelot, None if energy is None else f"energy {energy}"]
    return " - ".join(part for part in parts if part)


def _kind(content_type: str) -> str:
    kind = content_type.rpartition("/")[2].removeprefix("x-").upper()
    return _KINDS.get(content_type, f"{kind} File")


def _bpm(bpm: float, length_s: float, early_s: float) -> str:
    """In as few decimals as end ``length_s`` at most ``early_s`` before they should, or a
    millisecond after.
    """
    for decimals in range(_LEAST_DECIMALS, _MOST_DECIMALS):
        nearest = round(bpm, decimals)
        for told in (nearest, nearest - 10**-decimals):
            if -early_s <= length_s * (bpm / told - 1) <= _EXACTLY_S:
                return f"{told:.{decimals}f}"
    return f"{bpm:.{_MOST_DECIMALS}f}"


def _marks(analysis: Analysis) -> Iterator[str]:
    for each in analysis.sections:
        length = "1 bar" if each.bars == 1 else f"{each.bars} bars"
        yield _mark(f"{each.label}, {length}", each.start_s, _MEMORY_CUE)
    cues = asdict(analysis.cues)
    for number, (name, colour) in enumerate(_CUES.items()):
        if cues[name] is not None:
            red, green, blue = colour
            label = name.replace("_", " ")
            yield _mark(label, cues[name], number, Red=red, Green=green, Blue=blue)


def _mark(name: str, start_s: float, number: int, **colour: int) -> str:
    place = {"Start": f"{start_s:.3f}", "Num": number}
    return _element("POSITION_MARK", Name=name, Type=0, **place, **colour) + "/>"


def _element(tag: str, **attributes: object) -> str:
    """An element that is still open."""
    written = (
        f" {name}={quoteattr(_NOT_IN_XML.sub('', str(value)))}"
        for name, value in attributes.items()
    )
    return f"<{tag}{''.join(written)}"

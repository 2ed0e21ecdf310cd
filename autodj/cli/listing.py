"""Finding tracks and laying out what is known of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from rich.markup import escape
from rich.table import Table

from autodj.cli import words
from autodj.cli.client import Client, Document
from autodj.errors import CommandError

SHORTEST_PREFIX = 3
_TEMPO = re.compile(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?")
# A tempo named alone means what people would call that tempo.
_TEMPO_SLACK = 0.5


def query_of(
    *, text: str | None, bpm: str | None, key: str | None, source: str | None
) -> dict[str, str]:
    """The API's query for what was asked; CommandError for a tempo that cannot be read."""
    query = {"q": text, "key": key, "source": source}
    if bpm is not None:
        found = _TEMPO.fullmatch(bpm.strip())
        if found is None or float(found[1]) > float(found[2] or found[1]):
            raise CommandError(f"{bpm} is no tempo", hint="Write 122 or 120-126.")
        low, high = float(found[1]), float(found[2] or found[1])
        slack = 0 if found[2] else _TEMPO_SLACK
        query |= {"bpm_min": f"{low - slack:g}", "bpm_max": f"{high + slack:g}"}
    return {name: value for name, value in query.items() if value}


async def find_track(client: Client, named: str) -> Document:
    """The track of that id, or the only one whose id starts so; CommandError otherwise."""
    wanted = named.lower()
    try:
        return await client.read(f"/tracks/{UUID(wanted)}")
    except ValueError:
        pass
    if not re.fullmatch(rf"[0-9a-f-]{{{SHORTEST_PREFIX},36}}", wanted):
        raise CommandError(
            f"{named or repr(named)} is not the id of a track",
            hint=f"`autodj ls` shows them; {SHORTEST_PREFIX} characters are enough if unique.",
        )
    found = [track async for track in client.tracks({}) if track["id"].startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise CommandError(f"No track's id starts with {named}", hint="`autodj ls` shows them.")
    titles = ", ".join(track["title"] for track in found[:5])
    raise CommandError(f"{named} fits {len(found)} tracks: {titles}", hint="Give more of the id.")


def table_of(tracks: Sequence[Document]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("id", "title", "artist", "length", "BPM", "key", "LUFS", "bytes at"):
        is_number = name in {"length", "BPM", "LUFS"}
        table.add_column(name, justify="right" if is_number else "left", no_wrap=name != "title")
    for track in tracks:
        table.add_row(
            track["id"][: words.SHORT_ID],
            escape(track["title"]),
            escape(track["artist"] or ""),
            words.clock(track["duration_s"]),
            words.tempo(track["bpm"]),
            words.key(track),
            words.loudness(track["integrated_lufs"]),
            words.place(track),
        )
    return table


def facts_of(track: Document) -> Table:
    """Two columns: what, and its value with its unit."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(track):
        if value:
            table.add_row(name, escape(value))
    return table


def _facts(track: Document) -> Sequence[tuple[str, str | None]]:
    kilohertz = f"{track['sample_rate_hz'] / 1000:g} kHz"
    channels = {1: "mono", 2: "stereo"}.get(track["channels"], f"{track['channels']} channels")
    rate = track["bit_rate_bps"]
    sound = [track["codec"], kilohertz, channels, f"{rate / 1000:.0f} kb/s" if rate else ""]
    measured = track["analysis"]["state"] == "done"
    peak = track["true_peak_dbtp"]
    return [
        ("id", track["id"]),
        ("title", track["title"]),
        ("artist", track["artist"]),
        ("album", track["album"]),
        ("length", words.clock(track["duration_s"])),
        ("tempo", _tempo(track) if measured or track["bpm"] else None),
        ("key", _key(track) if measured or track["key"] else None),
        ("loudness", f"{words.loudness(track['integrated_lufs'])} LUFS" if measured else None),
        ("true peak", None if peak is None else f"{peak:.1f} dBTP"),
        ("analysis", words.facts(track)),
        ("sound", ", ".join(part for part in sound if part)),
        ("file", f"{track['content_type']}, {words.size(track['size_bytes'])}"),
        ("bytes are at", f"{words.place(track)} ({track['file_state']})"),
        ("renditions", "\n".join(_rendition(each) for each in track.get("renditions", ()))),
        ("visible to", "everybody" if track["visibility"] == "public" else "you"),
        ("came as", track["origin_url"] or track["original_name"]),
        ("added", track["created_at"]),
        ("sha256", track["sha256"]),
    ]


def _rendition(rendition: Document) -> str:
    """One line: what it is, and how large, or why it is not there."""
    name = rendition["name"]
    if not rendition["ready"]:
        why = f" ({rendition['failure']})" if rendition["failure"] else ""
        return f"{name}: {rendition['state']}{why}"
    rate = f"{rendition['bit_rate_bps'] / 1000:.0f} kb/s"
    size = words.size(rendition["size_bytes"])
    parts = [rendition["codec"], rate, words.clock(rendition["duration_s"]), size]
    if rendition["start_offset_s"]:
        parts.append(f"starts at {rendition['start_offset_s']:.3f} s")
    return f"{name}: {', '.join(parts)} ({rendition['source']})"


def _tempo(track: Document) -> str:
    if track["bpm"] is None:
        return "none found"
    how = "corrected" if track["bpm_corrected"] else _sure(track["bpm_confidence"])
    other = track["bpm_alternative"]
    perhaps = f", or {words.tempo(other)}" if other and not track["bpm_corrected"] else ""
    return f"{words.tempo(track['bpm'])} BPM ({how}{perhaps})"


def _key(track: Document) -> str:
    if track["key"] is None:
        return "none found"
    how = "corrected" if track["key_corrected"] else _sure(track["key_confidence"])
    return f"{track['key']}, {track['camelot']} ({how})"


def _sure(confidence: float | None) -> str:
    return "measured" if confidence is None else f"confidence {confidence:.0%}"

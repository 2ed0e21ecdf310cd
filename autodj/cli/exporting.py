"""Tracks of a server in other programs' formats, and their files where those look for them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from autodj.cli.client import PAGE, Client, Document
from autodj.cli.console import from_os_error
from autodj.cli.downloads import fetch, save
from autodj.cli.export_order import ENDINGS, FOLDERS, WAVEFORMS, Format, Order, Told
from autodj.cli.part_file import write_text
from autodj.errors import AutodjError, CommandError
from autodj.tracks.exports import playlist, rekordbox
from autodj.tracks.exports.jams import jams
from autodj.tracks.exports.subject import Subject, file_names, subject_of
from autodj.tracks.exports.tagging import write_tagged

Watch = Callable[[int, int, str], None]
"""Hears before each track its number, how many there are, and its title."""


def unwatched(_number: int, _count: int, _title: str) -> None:
    """Nobody looks."""


async def export(
    client: Client, order: Order, query: Mapping[str, str], watch: Watch = unwatched
) -> Told:
    """Write what was ordered of the tracks that fit the query; one that cannot be written does
    not stop the others. CommandError for an order that makes no sense.
    """
    order.prepare()
    told = Told()
    lines: list[str] = []
    tracks = [track async for track in client.tracks(query)]
    links = await _links(client, order, tracks)
    names = file_names(tracks, ending=ENDINGS.get(order.format, ""))
    for number, (track, name) in enumerate(zip(tracks, names, strict=True), 1):
        watch(number, len(tracks), track["title"])
        try:
            location = await _location(client, order, track, name, links)
            if order.format in FOLDERS:
                told.untagged += not await _write_own(client, order, track, name, location)
            else:
                lines.append(await _entry(client, order, track, len(lines) + 1, location))
        except AutodjError as fault:
            told.faults.append((track["title"], fault))
            continue
        except OSError as error:
            told.faults.append((track["title"], from_os_error(error)))
            continue
        told.tracks += 1
        told.unmeasured += not _is_measured(track)
    await _finish(order, lines)
    return told


async def _links(client: Client, order: Order, tracks: Sequence[Document]) -> Mapping[str, str]:
    """By track, for a playlist without files; one that has none is missing."""
    links: dict[str, str] = {}
    if order.format is Format.M3U8 and order.music is None:
        for start in range(0, len(tracks), PAGE):
            ids = [track["id"] for track in tracks[start : start + PAGE]]
            answer = await client.read("/tracks/audio/urls", {"id": ids})
            links |= {
                each["track_id"]: each["link"]["url"] for each in answer["items"] if each["link"]
            }
    return links


async def _location(
    client: Client, order: Order, track: Document, name: str, links: Mapping[str, str]
) -> str:
    """A path or a link; the file is there afterwards if it was to be fetched."""
    if order.music is not None:
        path = order.music.absolute() / name
        if order.fetch and not await asyncio.to_thread(path.exists):
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            await fetch(client, track["id"], track["sha256"], path)
        return str(path)
    if order.format is Format.M3U8:
        link = links.get(track["id"])
        if link is None:  # asked alone, the server says why
            link = (await client.read(f"/tracks/{track['id']}/audio/url"))["url"]
        return str(link)
    return name


async def _measured(client: Client, track: Document, location: str) -> Subject:
    """With its analysis, if there is one."""
    analysis = None
    if _is_measured(track):
        analysis = await client.read(f"/tracks/{track['id']}/analysis")
    return subject_of(track, analysis, location)


def _is_measured(track: Document) -> bool:
    return track["analysis"]["url"] is not None


async def _entry(client: Client, order: Order, track: Document, number: int, location: str) -> str:
    """What the one file for all tracks says of this one."""
    if order.format is Format.M3U8:
        return playlist.entry(subject_of(track, None, location))
    return rekordbox.track(number, await _measured(client, track, location))


async def _write_own(
    client: Client, order: Order, track: Document, name: str, location: str
) -> bool:
    """Write the file that the track has for itself; False for a copy without the tags wanted."""
    assert order.to is not None
    target = order.to / f"{name}{ENDINGS.get(order.format, '')}"
    if order.format in WAVEFORMS:
        if _is_measured(track):
            path = f"/tracks/{track['id']}/waveform.{WAVEFORMS[order.format]}"
            await save(client, path, target)
        return True
    subject = await _measured(client, track, location)
    if order.format is Format.JAMS:
        await write_text(target, jams(subject))
        return True
    return await _tag(client, track, subject, target)


async def _tag(client: Client, track: Document, subject: Subject, target: Path) -> bool:
    if await asyncio.to_thread(target.exists):
        raise CommandError(f"{target} is there already", hint="Name an empty folder.")
    original = target.with_name(f".{uuid4()}.part")
    try:
        await fetch(client, track["id"], track["sha256"], original)
        return await asyncio.to_thread(write_tagged, subject, original, target)
    finally:
        await asyncio.to_thread(original.unlink, missing_ok=True)


async def _finish(order: Order, lines: Sequence[str]) -> None:
    if order.format in FOLDERS:
        return
    make = rekordbox.collection if order.format is Format.REKORDBOX else playlist.playlist
    text = make(lines)
    if order.to is None:
        if sys.stdout is None:
            raise CommandError("There is no output to write to", hint="Give --to FILE.")
        sys.stdout.buffer.write(text.encode())  # UTF-8, whatever the terminal takes
        sys.stdout.buffer.flush()
    else:
        await write_text(order.to, text)

"""Tracks of a server in other programs' formats, and their files where those look for them."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

import aiohttp

from autodj.cli.client import BLOCK_BYTES, PATIENCE, Client, Document, reason_of
from autodj.cli.part_file import in_place_of
from autodj.errors import CommandError
from autodj.tracks.exports import playlist, rekordbox
from autodj.tracks.exports.jams import jams
from autodj.tracks.exports.subject import Subject, file_names, subject_of
from autodj.tracks.exports.tagging import write_tagged


class Format(StrEnum):
    """What can be written."""

    REKORDBOX = "rekordbox"
    M3U8 = "m3u8"
    JAMS = "jams"
    TAGS = "tags"
    ZIP = "zip"
    WAVEFORM = "waveform"
    WAVEFORM_JSON = "waveform-json"


WAVEFORMS = {Format.WAVEFORM: "dat", Format.WAVEFORM_JSON: "json"}
FOLDERS = frozenset({Format.JAMS, Format.TAGS, *WAVEFORMS})
"""Formats of one file for each track."""


@dataclass(slots=True)
class Told:
    """What became of an export: counts, and each track that was left out with its reason."""

    tracks: int = 0
    unmeasured: int = 0
    untagged: int = 0
    faults: list[tuple[str, CommandError]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Order:
    """What to write: the format, where to (None: stdout), and where the music lies."""

    format: Format
    to: Path | None
    music: Path | None
    fetch: bool


async def export(client: Client, order: Order, query: Mapping[str, str]) -> Told:
    """Write what was ordered of the tracks that fit the query. CommandError for an order that
    makes no sense.
    """
    _check(order)
    told = Told()
    if order.format in FOLDERS:
        assert order.to is not None
        order.to.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    async with aclosing(_subjects(client, order, query, told)) as subjects:
        async for name, subject in subjects:
            try:
                await _write_own(client, order, name, subject, told)
            except CommandError as fault:
                told.faults.append((subject.name, fault))
                continue
            told.tracks += 1
            told.unmeasured += subject.analysis is None
            lines += _line(order.format, len(lines) + 1, subject)
    await _finish(order, lines)
    return told


def _check(order: Order) -> None:
    if order.format in FOLDERS and order.to is None:
        raise CommandError(f"{order.format} writes one file for each track", hint="Give --to DIR.")
    if order.format is Format.REKORDBOX and order.music is None:
        raise CommandError(
            "rekordbox plays files, not links",
            hint="Give --music DIR, where they are; --fetch puts there what is missing.",
        )
    if order.fetch and order.music is None:
        raise CommandError("There is nowhere to fetch to", hint="Give --music DIR.")


async def _subjects(
    client: Client, order: Order, query: Mapping[str, str], told: Told
) -> AsyncGenerator[tuple[str, Subject]]:
    """Each track with the name of its file."""
    tracks = [track async for track in client.tracks(query)]
    for track, name in zip(tracks, file_names(tracks), strict=True):
        try:
            analysis = None
            if track["analysis"]["url"] is not None:
                analysis = await client.read(f"/tracks/{track['id']}/analysis")
            location = await _location(client, order, track, name)
        except CommandError as fault:
            told.faults.append((track["title"], fault))
            continue
        yield name, subject_of(track, analysis, location)


async def _location(client: Client, order: Order, track: Document, name: str) -> str:
    if order.music is not None:
        path = order.music.expanduser().absolute() / name
        if order.fetch and not await asyncio.to_thread(path.exists):
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            await fetch(client, track["id"], track["sha256"], path)
        return str(path)
    if order.format is Format.M3U8:
        link = await client.read(f"/tracks/{track['id']}/audio/url")
        return str(link["url"])
    return name


async def _write_own(client: Client, order: Order, name: str, subject: Subject, told: Told) -> None:
    """The file that a track has for itself in some formats."""
    assert order.to is not None or order.format not in FOLDERS
    if order.format is Format.JAMS and order.to is not None:
        target = order.to / f"{name}.jams"
        await write(target, jams(subject))
    elif order.format in WAVEFORMS and order.to is not None and subject.analysis is not None:
        extension = WAVEFORMS[order.format]
        target = order.to / f"{name}.{extension}"
        await save(client, f"/tracks/{subject.id}/waveform.{extension}", target)
    elif order.format is Format.TAGS and order.to is not None:
        original = order.to / f".{uuid4()}.part"
        try:
            await fetch(client, subject.id, None, original)
            written = await asyncio.to_thread(_tag, subject, original, order.to / name)
        finally:
            await asyncio.to_thread(original.unlink, missing_ok=True)
        told.untagged += not written


def _tag(subject: Subject, original: Path, target: Path) -> bool:
    try:
        return write_tagged(subject, original, target)
    except FileExistsError as error:
        raise CommandError(f"{target} is there already", hint="Name an empty folder.") from error


def _line(form: Format, number: int, subject: Subject) -> Sequence[str]:
    if form is Format.REKORDBOX:
        return [rekordbox.track(number, subject)]
    return [playlist.entry(subject)] if form is Format.M3U8 else []


async def _finish(order: Order, lines: Sequence[str]) -> None:
    if order.format in FOLDERS:
        return
    make = rekordbox.collection if order.format is Format.REKORDBOX else playlist.playlist
    text = make(lines)
    if order.to is None:
        sys.stdout.write(text)
    else:
        await write(order.to, text)


async def write(target: Path, text: str) -> None:
    """The text in place of a file, whole or not at all; into whatever else is there as it comes."""
    target = await asyncio.to_thread(target.resolve)
    if await asyncio.to_thread(_is_no_file, target):
        await asyncio.to_thread(target.write_text, text, encoding="utf-8")
        return
    async with in_place_of(target) as part:
        await asyncio.to_thread(part.write_text, text, encoding="utf-8")


def _is_no_file(path: Path) -> bool:
    return path.exists() and not path.is_file()


async def save(client: Client, path: str, target: Path) -> None:
    """What the server sends, in place of ``target``: whole or not at all."""
    async with in_place_of(target) as part:
        with await asyncio.to_thread(part.open, "xb") as file:
            await client.save(path, {}, file)


async def fetch(client: Client, track_id: str, sha256: str | None, path: Path) -> None:
    """Download a track's original to the new file ``path``, whole or not at all."""
    link = await client.read(f"/tracks/{track_id}/audio/url", {"rendition": "original"})
    async with in_place_of(path) as part:
        digest = await _download(link["url"], part)
        if sha256 is not None and digest != sha256:
            raise CommandError(f"{path.name} arrived damaged", hint="Try again.")


async def _download(url: str, part: Path) -> str:
    """The SHA-256 of what came. The link is all the permission there is: no token is sent."""
    digest = hashlib.sha256()
    try:
        async with aiohttp.ClientSession(timeout=PATIENCE) as http, http.get(url) as response:
            if response.status != 200:
                raise CommandError(f"The link answered {response.status} {response.reason}")
            with await asyncio.to_thread(part.open, "xb") as file:
                async for block in response.content.iter_chunked(BLOCK_BYTES):
                    digest.update(block)
                    await asyncio.to_thread(file.write, block)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise CommandError(f"The bytes do not arrive ({reason_of(error)})") from error
    return digest.hexdigest()

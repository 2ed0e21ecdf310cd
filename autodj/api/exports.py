"""Tracks in the formats of other programs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from autodj.api.analysis import stored_document
from autodj.api.auth import PRIVATE, require_caller
from autodj.api.bodies import parse_query
from autodj.api.contract import STORE_FAULTS, Answer, operation
from autodj.api.listing import Narrowing
from autodj.api.paths import BASE, track_path
from autodj.api.ready import Ready
from autodj.api.schemas.tracks import track_body
from autodj.api.state import Web, web_of
from autodj.api.tracks import TRACK, track_id_of
from autodj.db import Track as TrackRow
from autodj.db import library, tracks
from autodj.errors import AutodjError, NotFound, SourceUnreadable, TooLarge
from autodj.tracks import deliver
from autodj.tracks.corrections.document import corrected
from autodj.tracks.corrections.values import corrections_of
from autodj.tracks.documents import unpack
from autodj.tracks.exports import jams, playlist, rekordbox
from autodj.tracks.exports.subject import Subject, file_names, subject_of
from autodj.tracks.filenames import content_disposition
from autodj.tracks.places import Place
from autodj.tracks.renditions import select

TAG = "Exports"
PAGE = 200
# Their documents are read one by one, and nothing is sent before the last.
MAX_TRACKS = 5000
FOLDER = Field(
    None,
    max_length=1024,
    description="Where the files lie on the reader's disk, by the names they came as. Without "
    "it a playlist holds links, which end.",
    examples=["/home/ada/Music"],
)


class LibraryExportQuery(Narrowing):
    """Which tracks, as in the list, and in which format."""

    format: Literal["rekordbox", "m3u8"]
    folder: str | None = FOLDER


class TrackExportQuery(BaseModel):
    """In which format."""

    format: Literal["rekordbox", "m3u8", "jams"]
    folder: str | None = FOLDER


@operation(
    "GET",
    f"{BASE}/export",
    summary="Export your tracks to other programs",
    tag=TAG,
    about=(
        "rekordbox XML with grids, keys and cues, or an M3U8 playlist, of up to "
        f"{MAX_TRACKS} tracks; newest first."
    ),
    query=LibraryExportQuery,
    answers=(Answer(200, "XML or a playlist", media_type="*/*"),),
    errors=(TooLarge, *STORE_FAULTS),
)
async def export_library(request: Request) -> Response:
    owner_id = require_caller(request)
    asked = parse_query(LibraryExportQuery, request)
    rows: list[TrackRow] = []
    async with web_of(request).runtime.db.read_session() as session:
        while True:
            after = (rows[-1].created_at, rows[-1].id) if rows else None
            page = await library.page(session, owner_id, asked.filter(), after=after, limit=PAGE)
            rows += page
            if len(rows) > MAX_TRACKS:
                raise TooLarge(
                    f"More than {MAX_TRACKS} tracks fit.",
                    hint="Narrow the choice: words, tempo, key. `autodj export` takes them all.",
                )
            if len(page) < PAGE:
                break
    return await _exported(web_of(request), rows, asked.format, asked.folder)


@operation(
    "GET",
    f"{TRACK}/export",
    summary="Export a track to other programs",
    tag=TAG,
    about="rekordbox XML, an M3U8 playlist, or JAMS.",
    query=TrackExportQuery,
    answers=(Answer(200, "XML, a playlist or JSON", media_type="*/*"),),
    errors=STORE_FAULTS,
)
async def export_track(request: Request) -> Response:
    owner_id = require_caller(request)
    asked = parse_query(TrackExportQuery, request)
    web = web_of(request)
    async with web.runtime.db.read_session() as session:
        row = await tracks.get_owned(session, track_id_of(request), owner_id)
    if asked.format != "jams":
        return await _exported(web, [row], asked.format, asked.folder)
    [name] = file_names([_described(row)])
    text = jams.jams(await _subject(web, row, _joined(asked.folder or "", name)))
    return _file(text, f"{row.title}.jams", jams.CONTENT_TYPE)


async def _exported(
    web: Web, rows: Sequence[TrackRow], form: Literal["rekordbox", "m3u8"], folder: str | None
) -> Response:
    if form == "m3u8" and folder is None:
        return _playlist(rows, await _links(web, rows))
    names = file_names(_described(row) for row in rows)
    locations = [_joined(folder or "", name) for name in names]
    if form == "m3u8":
        return _playlist(rows, locations)
    return await _collection(web, rows, locations)


async def _collection(web: Web, rows: Sequence[TrackRow], locations: Sequence[str]) -> Response:
    """One track after the other, so that only what is written of them is held."""
    written = []
    for number, (row, location) in enumerate(zip(rows, locations, strict=True), 1):
        subject = await _subject(web, row, location)
        written.append(await asyncio.to_thread(rekordbox.track, number, subject))
    return _file(rekordbox.collection(written), "autodj.xml", rekordbox.CONTENT_TYPE)


def _playlist(rows: Sequence[TrackRow], locations: Sequence[str]) -> Response:
    written = [
        playlist.entry(subject_of(_described(row), None, location))
        for row, location in zip(rows, locations, strict=True)
    ]
    return _file(playlist.playlist(written), "autodj.m3u8", playlist.CONTENT_TYPE)


async def _subject(web: Web, row: TrackRow, location: str) -> Subject:
    """With its analysis, if there is one now."""
    if row.analysis_key is None:
        return subject_of(_described(row), None, location)
    try:
        row, packed = await stored_document(web, row)
    except (NotFound, SourceUnreadable):
        return subject_of(_described(row), None, location)
    return await asyncio.to_thread(
        lambda: subject_of(
            _described(row),
            corrected(unpack(packed), corrections_of(row)),
            location,
        )
    )


async def _links(web: Web, rows: Sequence[TrackRow]) -> Sequence[str]:
    """What plays each now; for one that cannot be played now, where to ask for it."""
    places = await web.places.find_all(row.id for row in rows)
    return [
        await _link(web, places.get(row.id))
        or f"{web.runtime.settings.public_url}{track_path(row.id)}/audio/stream"
        for row in rows
    ]


async def _link(web: Web, place: Place[Ready] | None) -> str | None:
    await asyncio.sleep(0)  # signing takes its time, and others have none of it meanwhile
    if place is None:
        return None
    with suppress(AutodjError):
        track = select(place.track, None, None)
        return (await deliver.link_for(track, web.runtime.links, datetime.now(UTC))).url
    return None


def _described(row: TrackRow) -> Mapping[str, Any]:
    return track_body(row).model_dump(mode="json")


def _joined(folder: str, name: str) -> str:
    separator = "\\" if "\\" in folder and "/" not in folder else "/"
    return f"{folder.rstrip(separator)}{separator}{name}" if folder else name


def _file(text: str, name: str, content_type: str) -> Response:
    disposition = content_disposition(name, attachment=True)
    headers = {**PRIVATE, "Content-Disposition": disposition, "Content-Type": content_type}
    return Response(text.encode(), headers=headers)


OPERATIONS = (export_library, export_track)

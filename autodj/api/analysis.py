"""What was measured of a track, and its picture.

A document on S3 is fetched from there, as audio is; one that people have corrected is put
together here.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import UTC, datetime

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from autodj.api.auth import require_caller
from autodj.api.bodies import parse_query
from autodj.api.codings import takes_gzip
from autodj.api.contract import STORE_FAULTS, Answer, operation
from autodj.api.documents import AnalysisDocument
from autodj.api.ranges import etag_matches
from autodj.api.state import Web, web_of
from autodj.api.tracks import TRACK, track_id_of
from autodj.db import AnalysisState, tracks
from autodj.db import Track as TrackRow
from autodj.errors import NotFound, ObjectNotFound, SourceUnreadable
from autodj.storage.keys import parse_key
from autodj.tracks.corrections.document import corrected
from autodj.tracks.corrections.values import corrections_of
from autodj.tracks.documents import link_to_document, read_document, sha256_of, unpack

TAG = "Analysis"
# A new analysis replaces the document, so it is asked about each time.
REVALIDATED = "private, max-age=0, must-revalidate"
SENT_ON = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding, Authorization, Cookie",
}
READINGS = 3


class AnalysisQuery(BaseModel):
    """How the document comes."""

    redirect: int = Field(
        1, ge=0, le=1, description="0: it is sent by this server, wherever it is."
    )


@operation(
    "GET",
    f"{TRACK}/analysis",
    summary="Get beats, waveform and what else was measured",
    tag=TAG,
    about=(
        "For a track on S3 the document is there too, gzipped: its address never changes what "
        "it says. One that was corrected is sent by this server."
    ),
    query=AnalysisQuery,
    headers={"If-None-Match": "The ETag you have.", "Accept-Encoding": "gzip is kept as gzip."},
    answers=(
        Answer(200, "The document", AnalysisDocument),
        Answer(304, "Nothing has changed"),
        Answer(307, "The document is there", headers={"Location": "A link that ends soon."}),
    ),
    errors=(SourceUnreadable, *STORE_FAULTS),
)
async def get_analysis(request: Request) -> Response:
    asked = parse_query(AnalysisQuery, request)
    row = await owned(request)
    if row.analysis_key is None:
        raise NotFound("The track has no analysis.", hint=_why_none(row))
    if etag_matches(request.headers.get("if-none-match"), _etag(row)):
        return Response(status_code=304, headers=_headers(row))
    packs = takes_gzip(request.headers)
    if packs and asked.redirect and not has_corrections(row):
        links = web_of(request).runtime.links
        if (url := await link_to_document(row, links, datetime.now(UTC))) is not None:
            return Response(status_code=307, headers={**SENT_ON, "Location": url})
    row, packed = await stored_document(web_of(request), row)
    if has_corrections(row):
        packed = await asyncio.to_thread(_corrected, row, packed)
    headers = _headers(row)
    if packs:
        headers["Content-Encoding"] = "gzip"
    else:
        packed = await asyncio.to_thread(gzip.decompress, packed)
    return Response(packed, media_type="application/json", headers=headers)


@operation(
    "GET",
    f"{TRACK}/cover",
    summary="Get the picture",
    tag=TAG,
    headers={"If-None-Match": "The ETag you have."},
    answers=(Answer(200, "A JPEG", media_type="image/jpeg"), Answer(304, "You have it")),
    errors=(SourceUnreadable,),
)
async def get_cover(request: Request) -> Response:
    row = await owned(request)
    if row.cover_key is None:
        raise NotFound("The track has no picture.")
    parts = parse_key(row.cover_key)
    assert parts is not None
    etag = f'"{parts.sha256}"'
    headers = {
        "Cache-Control": "private, max-age=86400",
        "ETag": etag,
        "Vary": "Authorization, Cookie",
    }
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    try:
        async with web_of(request).runtime.local.read(row.cover_key) as pieces:
            picture = b"".join([piece async for piece in pieces])
    except ObjectNotFound as error:
        raise SourceUnreadable from error
    return Response(picture, media_type="image/jpeg", headers=headers)


async def owned(request: Request) -> TrackRow:
    """The caller's track; NotFound for everybody else's."""
    owner_id = require_caller(request)
    async with web_of(request).runtime.db.read_session() as session:
        return await tracks.get_owned(session, track_id_of(request), owner_id)


async def stored_document(web: Web, row: TrackRow) -> tuple[TrackRow, bytes]:
    """The packed document as it was measured, and the row that names it: the row as it is now
    when the track has been measured again meanwhile. SourceUnreadable when there is none where
    the row says, or a newer row whenever it is looked for.
    """
    runtime = web.runtime
    for _ in range(READINGS):
        try:
            return row, await read_document(runtime.local, runtime.s3, row)
        except ObjectNotFound:
            before = row.analysis_key, row.analysis_source
        async with runtime.db.read_session() as session:
            row = await tracks.get_owned(session, row.id, row.owner_id)
        if (row.analysis_key, row.analysis_source) == before:
            break
    raise SourceUnreadable


def has_corrections(row: TrackRow) -> bool:
    return bool(corrections_of(row).given())


def _headers(row: TrackRow) -> dict[str, str]:
    return {
        "Cache-Control": REVALIDATED,
        "ETag": f"W/{_etag(row)}",
        "Vary": "Accept-Encoding, Authorization, Cookie",
    }


def _etag(row: TrackRow) -> str:
    """An entity tag of what the document says, after corrections."""
    assert row.analysis_key is not None
    tag = corrections_of(row).tag
    return f'"{sha256_of(row.analysis_key)}{"-" if tag else ""}{tag}"'


def _corrected(row: TrackRow, packed: bytes) -> bytes:
    document = corrected(unpack(packed), corrections_of(row))
    text = json.dumps(document, separators=(",", ":"), sort_keys=True)
    return gzip.compress(text.encode(), compresslevel=1, mtime=0)


def _why_none(row: TrackRow) -> str:
    if row.analysis_state is AnalysisState.PENDING:
        return "It is not measured yet: watch its job, then ask again."
    return "The audio could not be measured; the track tells why."


OPERATIONS = (get_analysis, get_cover)

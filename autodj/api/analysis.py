"""What was measured of a track, and its picture: small objects of the local store."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from autodj.api.auth import require_caller
from autodj.api.contract import Answer, operation
from autodj.api.ranges import etag_matches
from autodj.api.state import web_of
from autodj.api.tracks import TRACK, track_id_of
from autodj.db import AnalysisState, tracks
from autodj.db import Track as TrackRow
from autodj.errors import NotFound, ObjectNotFound, SourceUnreadable
from autodj.storage.keys import parse_key

TAG = "Analysis"
# A new analysis replaces the document, so it is asked about each time.
REVALIDATED = "private, max-age=0, must-revalidate"
_REFUSED = re.compile(r"q=0(\.0*)?")


class AnalysisDocument(BaseModel):
    """Facts over time: beats in seconds, and the waveform as values of 0 to 255."""

    model_config = ConfigDict(extra="allow")

    version: int
    duration_s: float
    bpm: float | None
    beats_s: list[float]
    key: str | None
    waveform: dict[str, Any]


@operation(
    "GET",
    f"{TRACK}/analysis",
    summary="Get beats, waveform and what else was measured",
    tag=TAG,
    headers={"If-None-Match": "The ETag you have.", "Accept-Encoding": "gzip is kept as gzip."},
    answers=(Answer(200, "The document", AnalysisDocument), Answer(304, "Nothing has changed")),
    errors=(SourceUnreadable,),
)
async def get_analysis(request: Request) -> Response:
    row = await _owned(request)
    if row.analysis_key is None:
        raise NotFound("The track has no analysis.", hint=_why_none(row))
    headers = {
        "Cache-Control": REVALIDATED,
        "ETag": f"W/{_etag(row.analysis_key)}",
        "Vary": "Accept-Encoding, Authorization, Cookie",
    }
    if etag_matches(request.headers.get("if-none-match"), headers["ETag"].removeprefix("W/")):
        return Response(status_code=304, headers=headers)
    document = await _read(request, row, "analysis_key")
    if accepts_gzip(request.headers):
        headers["Content-Encoding"] = "gzip"
    else:
        document = await asyncio.to_thread(gzip.decompress, document)
    return Response(document, media_type="application/json", headers=headers)


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
    row = await _owned(request)
    if row.cover_key is None:
        raise NotFound("The track has no picture.")
    etag = _etag(row.cover_key)
    headers = {
        "Cache-Control": "private, max-age=86400",
        "ETag": etag,
        "Vary": "Authorization, Cookie",
    }
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    return Response(
        await _read(request, row, "cover_key"), media_type="image/jpeg", headers=headers
    )


def accepts_gzip(headers: Mapping[str, str]) -> bool:
    """Whether Accept-Encoding takes gzip (RFC 9110 12.5.3), by name or by ``*``."""
    for part in headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = part.replace(" ", "").partition(";")
        if coding in {"gzip", "*"}:
            return not _REFUSED.fullmatch(weight)
    return False


async def _owned(request: Request) -> TrackRow:
    owner_id = require_caller(request)
    async with web_of(request).runtime.db.read_session() as session:
        return await tracks.get_owned(session, track_id_of(request), owner_id)


async def _read(request: Request, row: TrackRow, column: str) -> bytes:
    """The object that the column names; once again when the row has moved on meanwhile."""
    key = str(getattr(row, column))
    try:
        return await _content(request, key)
    except ObjectNotFound as error:
        now = getattr(await _owned(request), column)
        if now in {None, key}:
            raise SourceUnreadable from error
        return await _content(request, now)


async def _content(request: Request, key: str) -> bytes:
    async with web_of(request).runtime.local.read(key) as pieces:
        return b"".join([piece async for piece in pieces])


def _etag(key: str) -> str:
    parts = parse_key(key)
    assert parts is not None
    return f'"{parts.sha256}"'


def _why_none(row: TrackRow) -> str:
    if row.analysis_state is AnalysisState.PENDING:
        return "It is not measured yet: watch its job, then ask again."
    return "The audio could not be measured; the track tells why."


OPERATIONS = (get_analysis, get_cover)

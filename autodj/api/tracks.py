"""The library: list, look, correct, delete. Adding is in ``intake``."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from autodj.api.auth import require_caller
from autodj.api.bodies import parse_model, parse_query, read_json
from autodj.api.contract import JSON, Answer, Body, operation
from autodj.api.corrections import Correction
from autodj.api.listing import TrackQuery, write_cursor
from autodj.api.paths import BASE
from autodj.api.ranges import etag_matches, if_match_holds
from autodj.api.schemas.replies import json_response
from autodj.api.schemas.tracks import Track, TrackPage, track_body
from autodj.api.state import web_of
from autodj.db import Track as TrackRow
from autodj.db import library, tracks
from autodj.errors import PreconditionFailed

TAG = "Tracks"
TRACKS = f"{BASE}/tracks"
TRACK = f"{TRACKS}/{{track_id:uuid}}"
PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
ETAG = {"ETag": "The version of the track, for If-Match and If-None-Match."}


@operation(
    "GET",
    TRACKS,
    summary="List your tracks, newest first",
    tag=TAG,
    query=TrackQuery,
    answers=(Answer(200, "One page", TrackPage, headers={"Link": "The next page."}),),
)
async def list_tracks(request: Request) -> Response:
    owner_id = require_caller(request)
    asked = parse_query(TrackQuery, request)
    async with web_of(request).runtime.db.read_session() as session:
        rows = await library.page(
            session, owner_id, asked.filter(), after=asked.position(), limit=asked.limit + 1
        )
        total = await library.count(session, owner_id)
    shown = rows[: asked.limit]
    next_cursor = write_cursor(shown[-1]) if len(rows) > asked.limit else None
    headers = dict(PRIVATE)
    if next_cursor is not None:
        headers["Link"] = asked.next_link(TRACKS, next_cursor)
    page = TrackPage(items=[track_body(row) for row in shown], next_cursor=next_cursor, total=total)
    return json_response(page, headers=headers)


@operation(
    "GET",
    TRACK,
    summary="Look at one track",
    tag=TAG,
    headers={"If-None-Match": "The ETag you have."},
    answers=(Answer(200, "The track", Track, headers=ETAG), Answer(304, "Nothing has changed")),
)
async def get_track(request: Request) -> Response:
    owner_id = require_caller(request)
    async with web_of(request).runtime.db.read_session() as session:
        row = await tracks.get_owned(session, track_id_of(request), owner_id)
    if etag_matches(request.headers.get("if-none-match"), _etag(row)):
        return Response(status_code=304, headers=_headers(row))
    return json_response(track_body(row), headers=_headers(row))


@operation(
    "PATCH",
    TRACK,
    summary="Correct a track",
    tag=TAG,
    about="Corrections win over what was measured and survive a new analysis. Those of tempo, bars "
    "and key show in the analysis and in exports too.",
    headers={"If-Match": "The ETag that you looked at; another version is not changed."},
    bodies=(Body(JSON, Correction),),
    answers=(Answer(200, "The track as it is now", Track, headers=ETAG),),
    errors=(PreconditionFailed,),
)
async def correct_track(request: Request) -> Response:
    owner_id = require_caller(request)
    correction = parse_model(Correction, await read_json(request))
    runtime = web_of(request).runtime
    now = await runtime.db.now()
    async with runtime.db.transaction() as session:
        row = await tracks.get_owned(session, track_id_of(request), owner_id, lock=True)
        if not if_match_holds(request.headers.get("if-match"), _etag(row)):
            raise PreconditionFailed
        changes = correction.columns(row)
        if changes:
            library.correct(row, changes, now=now)
    web_of(request).places.forget(row.id)
    if "visibility" in changes and runtime.policy.public_links:
        await runtime.jobs.share(row.id, row.version)
    return json_response(track_body(row), headers=_headers(row))


@operation(
    "DELETE",
    TRACK,
    summary="Delete a track",
    tag=TAG,
    about="Nobody can reach it from now on; its bytes go soon after.",
    answers=(Answer(204, "It is gone"),),
)
async def delete_track(request: Request) -> Response:
    owner_id = require_caller(request)
    runtime = web_of(request).runtime
    now = await runtime.db.now()
    async with runtime.db.transaction() as session:
        row = await tracks.get_owned(session, track_id_of(request), owner_id, lock=True)
        await tracks.condemn(session, row.id, owner_id, now=now)
    web_of(request).places.forget(row.id)
    await runtime.jobs.delete(row.id, row.generation)
    return Response(status_code=204)


def track_id_of(request: Request) -> UUID:
    found: UUID = request.path_params["track_id"]
    return found


def _etag(row: TrackRow) -> str:
    return f'"v{row.version}"'


def _headers(row: TrackRow) -> dict[str, str]:
    return {**PRIVATE, "ETag": _etag(row)}


OPERATIONS = (list_tracks, get_track, correct_track, delete_track)

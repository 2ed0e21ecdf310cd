"""The other files of a track: which there are, and an order to make them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from autodj.api.auth import require_caller
from autodj.api.contract import Answer, operation
from autodj.api.paths import BASE
from autodj.api.schemas.renditions import RenditionList, rendition_body
from autodj.api.schemas.replies import json_response
from autodj.api.state import web_of
from autodj.api.tracks import PRIVATE, track_id_of
from autodj.audio.recipes import RenditionMode
from autodj.db import RenditionName, renditions, tracks
from autodj.errors import Conflict

TAG = "Renditions"
RENDITIONS = f"{BASE}/tracks/{{track_id:uuid}}/renditions"


@operation(
    "GET",
    RENDITIONS,
    summary="List the renditions of a track",
    tag=TAG,
    about="Made, being made, or failed.",
    answers=(Answer(200, "By name", RenditionList),),
)
async def list_renditions(request: Request) -> Response:
    owner_id = require_caller(request)
    async with web_of(request).runtime.db.read_session() as session:
        row = await tracks.get_owned(session, track_id_of(request), owner_id)
        found = await renditions.of_track(session, row.id)
        body = RenditionList(items=[rendition_body(each) for each in found])
    return json_response(body, headers=PRIVATE)


@operation(
    "POST",
    RENDITIONS,
    summary="Have renditions made",
    tag=TAG,
    about=(
        "For tracks from before there were renditions, and after a failure. Those that the "
        "track has stay as they are; those that it turns out not to need vanish from the list."
    ),
    answers=(Answer(202, "What the track has, or may get", RenditionList),),
    errors=(Conflict,),
)
async def make_renditions(request: Request) -> Response:
    owner_id = require_caller(request)
    runtime = web_of(request).runtime
    if runtime.policy.wishes.mode is RenditionMode.NEVER:
        raise Conflict("This server makes no renditions (RENDITIONS=never)")
    now = await runtime.db.now()
    async with runtime.db.transaction() as session:
        row = await tracks.get_owned(session, track_id_of(request), owner_id)
        due = await renditions.want(session, row.id, list(RenditionName), now=now)
        found = await renditions.of_track(session, row.id)
    for rendition in due:
        await runtime.jobs.render(rendition.id, rendition.generation)
    body = RenditionList(items=[rendition_body(each) for each in found])
    return json_response(body, status=202, headers=PRIVATE)


OPERATIONS = (list_renditions, make_renditions)

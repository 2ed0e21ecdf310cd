"""Links to the bytes of many tracks, in one request."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from autodj.api.audio import NOT_KEPT
from autodj.api.auth import require_caller
from autodj.api.bodies import parse_query
from autodj.api.contract import Answer, operation
from autodj.api.paths import BASE
from autodj.api.ready import Ready
from autodj.api.schemas.links import AudioLink
from autodj.api.schemas.replies import Reply, json_response
from autodj.api.state import Web, web_of
from autodj.errors import AutodjError, NotFound
from autodj.tracks import deliver
from autodj.tracks.places import Place
from autodj.tracks.renditions import select

TAG = "Audio"
# As many as fit into the address of a request.
MAX_IDS = 200


class LinksQuery(BaseModel):
    """Which tracks, and which file of each; without it the Accept header chooses."""

    id: list[UUID] = Field(
        min_length=1, max_length=MAX_IDS, description="Repeat it for each track."
    )
    rendition: str | None = Field(
        None, description="original, playback, lossless or preview.", examples=["preview"]
    )


class TrackLink(Reply):
    """The link to one track, or why there is none, as a code."""

    track_id: UUID
    link: AudioLink | None
    problem: str | None = Field(examples=["not_found"])


class TrackLinks(Reply):
    """One for each id that was asked for, in that order."""

    items: list[TrackLink]


@operation(
    "GET",
    f"{BASE}/tracks/audio/urls",
    summary="Get links to the bytes of many tracks",
    tag=TAG,
    about=(
        f"As /audio/url, for up to {MAX_IDS} tracks of yours or public ones; one without a link "
        "does not stop the others."
    ),
    query=LinksQuery,
    headers={"Accept": "Kinds of audio that the player takes."},
    answers=(Answer(200, "The links to use now", TrackLinks),),
)
async def audio_urls(request: Request) -> Response:
    caller = require_caller(request)
    asked = parse_query(LinksQuery, request)
    web = web_of(request)
    now, accept = datetime.now(UTC), request.headers.get("accept")
    places = await web.places.find_all(asked.id)
    items = [
        await _link(web, caller, track_id, places.get(track_id), asked.rendition, accept, now)
        for track_id in dict.fromkeys(asked.id)
    ]
    return json_response(TrackLinks(items=items), headers=NOT_KEPT)


async def _link(
    web: Web,
    caller: UUID,
    track_id: UUID,
    place: Place[Ready] | None,
    rendition: str | None,
    accept: str | None,
    now: datetime,
) -> TrackLink:
    """To a stranger a private track and none look alike."""
    await asyncio.sleep(0)  # signing takes its time, and others have none of it meanwhile
    try:
        if place is None or not deliver.may_read(place.track, caller):
            raise NotFound
        link = await deliver.link_for(
            select(place.track, rendition, accept), web.runtime.links, now
        )
    except AutodjError as error:
        return TrackLink(track_id=track_id, link=None, problem=error.code)
    facts = {name: getattr(link, name) for name in AudioLink.model_fields if name != "cacheable"}
    told = AudioLink(**facts, cacheable=link.expires_at is None)
    return TrackLink(track_id=track_id, link=told, problem=None)


OPERATIONS = (audio_urls,)

"""Where a track is played from, as a link in JSON; who may read it, and what is played of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from autodj.api.auth import find_caller
from autodj.api.contract import STORE_FAULTS, Access, Answer, operation
from autodj.api.paths import BASE
from autodj.api.ready import Asked, Ready, ReadyResponse, asked_of, make_ready
from autodj.api.schemas.links import AudioLink
from autodj.api.state import Web, web_of
from autodj.api.tracks import track_id_of
from autodj.db.playables import Playable
from autodj.errors import NotFound, ObjectArchived, SourceUnreadable, Unauthenticated
from autodj.tracks import deliver, links
from autodj.tracks.places import Place
from autodj.tracks.renditions import select

TAG = "Audio"
AUDIO = f"{BASE}/tracks/{{track_id:uuid}}/audio"
NOT_KEPT = {"Cache-Control": "private, no-store", "Vary": "Authorization, Cookie, Accept"}


class UrlQuery(BaseModel):
    """Which file of the track; without it the Accept header chooses."""

    rendition: str | None = Field(
        None, description="original, playback, lossless or preview.", examples=["preview"]
    )


@operation(
    "GET",
    f"{AUDIO}/url",
    summary="Get a link to the bytes",
    tag=TAG,
    access=Access.OPTIONAL,
    about=(
        "Needs no login for a public track. A player needs nothing but the link. Unless a "
        "rendition is asked for, it leads to the file that the Accept header likes best: by "
        "default the one made for playback, else the original."
    ),
    query=UrlQuery,
    headers={"Accept": "Kinds of audio that the player takes."},
    answers=(Answer(200, "The link to use now", AudioLink),),
    errors=(ObjectArchived, SourceUnreadable, *STORE_FAULTS),
)
async def audio_url(request: Request) -> Response:
    place = await readable(request)
    return await answered(web_of(request), place, asked_of(request), _told)


def played(track: Playable, asked: Asked) -> Playable:
    """What is played of the track: the one place that chooses its form.

    What it looks at has to be in ``Asked``, for its outcome is kept by that.
    """
    accept = asked.accept and asked.accept.decode("latin-1")
    return select(track, asked.rendition, accept or None)


async def answered(
    web: Web,
    place: Place[Ready],
    asked: Asked,
    make: Callable[[Asked, links.AudioLink], Ready],
) -> Response:
    """The answer that is kept for the question, or made of a link now, and kept."""
    ready = web.places.answer(place, asked)
    if ready is None:
        track = played(place.track, asked)
        ready = make(asked, await deliver.link_for(track, web.runtime.links, datetime.now(UTC)))
        if asked.is_common:
            web.places.keep(place, asked, ready)
    return ReadyResponse(ready)


def _told(asked: Asked, link: links.AudioLink) -> Ready:
    headers = {**NOT_KEPT, "Content-Type": "application/json"}
    return make_ready(asked, 200, headers, _encoded(link), good_until_s=renewed_s(link))


def renewed_s(link: links.AudioLink) -> float:
    return math.inf if link.renew_at is None else link.renew_at.timestamp()


async def readable(request: Request) -> Place[Ready]:
    """The track, if the caller may read it.

    To a stranger a private track and none look alike, and both ask who he is.
    """
    caller = find_caller(request)
    refusal = NotFound if caller else Unauthenticated
    try:
        place = await web_of(request).places.find(track_id_of(request))
    except NotFound as error:
        raise refusal from error
    if not deliver.may_read(place.track, caller):
        raise refusal
    return place


def _encoded(link: links.AudioLink) -> bytes:
    """The shape of AudioLink, without a model: this is the busiest answer of all."""
    return json.dumps(
        {
            "url": link.url,
            "source": link.source,
            "expires_at": link.expires_at and f"{link.expires_at:%Y-%m-%dT%H:%M:%SZ}",
            "renew_at": link.renew_at and f"{link.renew_at:%Y-%m-%dT%H:%M:%SZ}",
            "content_type": link.content_type,
            "size_bytes": link.size_bytes,
            "etag": link.etag,
            "duration_s": link.duration_s,
            "rendition": link.rendition,
            "start_offset_s": link.start_offset_s,
            "cacheable": link.expires_at is None,
        },
        separators=(",", ":"),
    ).encode()


OPERATIONS = (audio_url,)

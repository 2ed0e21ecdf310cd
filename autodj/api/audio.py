"""Where a track is played from: as a link in JSON, and as the stream itself."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from autodj.api.auth import find_caller
from autodj.api.contract import Access, Answer, operation
from autodj.api.descriptors import OpenFile
from autodj.api.files import FileBytes, playback_errors
from autodj.api.proxied import ProxiedBytes
from autodj.api.ranges import strong_etag
from autodj.api.ready import Asked, Ready, ReadyResponse, asked_of, make_ready
from autodj.api.schemas import BASE, AudioLink
from autodj.api.state import Web, web_of
from autodj.api.tracks import track_id_of
from autodj.cdn.headers import DELIVERY_HEADERS
from autodj.db import FileSource
from autodj.db.tracks import Playable
from autodj.errors import (
    LinkRefused,
    NotFound,
    ObjectArchived,
    ObjectNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    SourceUnreadable,
    Unauthenticated,
)
from autodj.storage.disk import disk_errors
from autodj.tracks import deliver
from autodj.tracks.filenames import content_disposition
from autodj.tracks.places import Place
from autodj.tracks.renditions import ORIGINAL, select

TAG = "Audio"
AUDIO = f"{BASE}/tracks/{{track_id:uuid}}/audio"
MAX_MOVES = 2
NOT_KEPT = {"Cache-Control": "private, no-store", "Vary": "Authorization, Cookie, Accept"}
REDIRECT = {**DELIVERY_HEADERS, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
# The source of a track moves, so a stored answer must be asked about; its bytes never change.
REVALIDATED = {"Cache-Control": "private, max-age=0, must-revalidate"}


class UrlQuery(BaseModel):
    """Which file of the track; without it the Accept header chooses."""

    rendition: str | None = Field(
        None, description="original, playback, lossless or preview.", examples=["preview"]
    )


class StreamQuery(UrlQuery):
    """``expires`` and ``signature`` come with a link from /audio/url."""

    expires: int | None = Field(None, description="When the link ends, in Unix seconds.")
    signature: str | None = None
    redirect: int | None = Field(None, description="0: a HEAD is answered, not redirected.")


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
    errors=(ObjectArchived, SourceUnreadable),
)
async def audio_url(request: Request) -> Response:
    place = await _readable(request)
    return await _answered(web_of(request), place, asked_of(request), _told)


@operation(
    "GET",
    f"{AUDIO}/stream",
    summary="Play the bytes",
    tag=TAG,
    access=Access.OPTIONAL,
    about=(
        "Sends the browser on to the CDN, or sends local bytes with ranges. Needs no login for "
        "a public track or with a link from /audio/url."
    ),
    query=StreamQuery,
    headers={
        "Range": "One range of bytes.",
        "If-Range": "The ETag that the range belongs to.",
        "If-None-Match": "The ETag you have.",
        "If-Match": "The ETag you insist on.",
    },
    answers=(
        Answer(200, "All bytes", media_type="audio/*"),
        Answer(206, "The range", media_type="audio/*"),
        Answer(304, "You have these bytes"),
        Answer(307, "The bytes are there", headers={"Location": "A link that ends soon."}),
    ),
    errors=(
        LinkRefused,
        ObjectArchived,
        PreconditionFailed,
        RangeNotSatisfiable,
        SourceUnreadable,
    ),
)
async def stream(request: Request) -> Response:
    with playback_errors():
        web, asked = web_of(request), asked_of(request)
        if asked.rendition is None and "signature" in _query_of(request):
            asked = asked._replace(rendition=ORIGINAL)  # a link leads to what it was made for
        place = await _allowed(request)
        for _ in range(MAX_MOVES + 1):
            track = played(place.track, asked)
            if track.file_source is not FileSource.LOCAL:
                return await _from_s3(request, place, asked)
            try:
                file = await _open(web, track)
            except ObjectNotFound as error:
                place = await _moved(request, place, error)
                continue
            return _local(web, track, file)
        raise SourceUnreadable


def played(track: Playable, asked: Asked) -> Playable:
    """What is played of the track: the one place that chooses its form.

    What it looks at has to be in ``Asked``, for its outcome is kept by that.
    """
    accept = asked.accept and asked.accept.decode("latin-1")
    return select(track, asked.rendition, accept or None)


async def _answered(
    web: Web,
    place: Place[Ready],
    asked: Asked,
    make: Callable[[Asked, deliver.AudioLink], Ready],
) -> Response:
    """The answer that is kept for the question, or made of a link now, and kept."""
    ready = web.places.answer(place, asked)
    if ready is None:
        track = played(place.track, asked)
        ready = make(asked, await deliver.link_for(track, web.runtime.links, datetime.now(UTC)))
        if asked.is_common:
            web.places.keep(place, asked, ready)
    return ReadyResponse(ready)


def _told(asked: Asked, link: deliver.AudioLink) -> Ready:
    headers = {**NOT_KEPT, "Content-Type": "application/json"}
    return make_ready(asked, 200, headers, _encoded(link), good_until_s=_renewed_s(link))


def _sent_on(asked: Asked, link: deliver.AudioLink) -> Ready:
    headers = {**REDIRECT, "Location": link.url}
    return make_ready(asked, 307, headers, b"", good_until_s=_renewed_s(link))


def _renewed_s(link: deliver.AudioLink) -> float:
    return math.inf if link.renew_at is None else link.renew_at.timestamp()


async def _readable(request: Request) -> Place[Ready]:
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


async def _allowed(request: Request) -> Place[Ready]:
    """The track, if the link in the query or the caller may read it."""
    given = _query_of(request)
    if "signature" not in given and "expires" not in given:
        return await _readable(request)
    deliver.check_local_link(
        web_of(request).runtime.settings.secret,
        track_id_of(request),
        expires=given.get("expires", ""),
        signature=given.get("signature", ""),
        now=datetime.now(UTC),
        rendition=given.get("rendition", ORIGINAL),
    )
    return await web_of(request).places.find(track_id_of(request))


def _query_of(request: Request) -> Mapping[str, str]:
    return request.query_params if request.scope["query_string"] else {}


async def _moved(request: Request, before: Place[Ready], error: ObjectNotFound) -> Place[Ready]:
    """The row as it is now; SourceUnreadable when it still names the file that is not there."""
    now = await web_of(request).places.read(track_id_of(request))
    if now.track == before.track:
        raise SourceUnreadable from error
    return now


async def _from_s3(request: Request, place: Place[Ready], asked: Asked) -> Response:
    web, track = web_of(request), played(place.track, asked)
    if deliver.way_of(track, web.runtime.links) is deliver.Way.PROXIED:
        assert web.runtime.s3 is not None
        assert track.s3_object_key is not None
        return ProxiedBytes(
            web.runtime.s3,
            track.s3_object_key,
            files=web.files,
            sha256=track.sha256,
            size_bytes=track.size_bytes,
            headers=_described(track),
        )
    if request.method == "HEAD" and request.query_params.get("redirect") == "0":
        facts = {"Content-Length": str(track.size_bytes), "ETag": strong_etag(track.sha256)}
        return Response(headers={**DELIVERY_HEADERS, **_described(track), **facts})
    return await _answered(web, place, asked, _sent_on)


def _described(track: Playable) -> dict[str, str]:
    name = content_disposition(f"{track.title}.{track.extension}")
    return {**REVALIDATED, "Content-Type": track.content_type, "Content-Disposition": name}


async def _open(web: Web, track: Playable) -> OpenFile:
    assert track.file_path is not None
    path = web.runtime.local.path(track.file_path)
    with disk_errors(track.file_path):
        return await web.files.open(path, size_bytes=track.size_bytes)


def _local(web: Web, track: Playable, file: OpenFile) -> Response:
    name = content_disposition(f"{track.title}.{track.extension}")
    return FileBytes(
        file,
        files=web.files,
        sha256=track.sha256,
        content_type=track.content_type,
        headers={**REVALIDATED, "Content-Disposition": name},
    )


def _encoded(link: deliver.AudioLink) -> bytes:
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


OPERATIONS = (
    audio_url,
    stream,
    replace(stream, method="HEAD", name="stream_head", summary="Describe the bytes"),
    replace(stream, path=AUDIO, name="audio", summary="Play the bytes, by another name"),
    replace(
        stream,
        method="HEAD",
        path=AUDIO,
        name="audio_head",
        summary="Describe the bytes, by another name",
    ),
)

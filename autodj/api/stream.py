"""A track as the stream itself: sent on to where its bytes are, or its bytes from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from autodj.api.audio import AUDIO, TAG, UrlQuery, answered, played, readable, renewed_s
from autodj.api.bodies import Fault, invalid
from autodj.api.contract import STORE_FAULTS, Access, Answer, operation
from autodj.api.descriptors import OpenFile
from autodj.api.files import FileBytes, playback_errors
from autodj.api.proxied import ProxiedBytes
from autodj.api.ranges import strong_etag
from autodj.api.ready import Asked, Ready, asked_of, make_ready
from autodj.api.state import Web, web_of
from autodj.api.tracks import track_id_of
from autodj.cdn.headers import DELIVERY_HEADERS
from autodj.db import FileSource
from autodj.db.playables import Playable
from autodj.errors import (
    LinkRefused,
    ObjectArchived,
    ObjectNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    SourceUnreadable,
    Unavailable,
)
from autodj.storage.disk import disk_errors
from autodj.tracks import deliver
from autodj.tracks.filenames import content_disposition
from autodj.tracks.links import AudioLink, Way
from autodj.tracks.local_links import check_local_link
from autodj.tracks.places import Place
from autodj.tracks.renditions import ORIGINAL

MAX_MOVES = 2
REDIRECT = {**DELIVERY_HEADERS, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
# The source of a track moves, so a stored answer must be asked about; its bytes never change.
REVALIDATED = {"Cache-Control": "private, max-age=0, must-revalidate"}


class StreamQuery(UrlQuery):
    """``expires`` and ``signature`` come with a link from /audio/url."""

    expires: int | None = Field(None, description="When the link ends, in Unix seconds.")
    signature: str | None = None
    redirect: int = Field(1, ge=0, le=1, description="0: a HEAD is answered, not redirected.")


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
        Unavailable,
        *STORE_FAULTS,
    ),
)
async def stream(request: Request) -> Response:
    with playback_errors():
        _require_redirect(request)
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


def _require_redirect(request: Request) -> None:
    """InvalidField for a ``redirect`` that says neither yes nor no."""
    given = request.query_params.getlist("redirect") if request.scope["query_string"] else []
    if given not in ([], ["0"], ["1"]):
        raise invalid([Fault(("redirect",), "is given once, as 0 or 1")])


def _sent_on(asked: Asked, link: AudioLink) -> Ready:
    headers = {**REDIRECT, "Location": link.url}
    return make_ready(asked, 307, headers, b"", good_until_s=renewed_s(link))


async def _allowed(request: Request) -> Place[Ready]:
    """The track, if the link in the query or the caller may read it."""
    given = _query_of(request)
    if "signature" not in given and "expires" not in given:
        return await readable(request)
    check_local_link(
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
    if deliver.way_of(track, web.runtime.links) is Way.PROXIED:
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
    return await answered(web, place, asked, _sent_on)


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


OPERATIONS = (
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

"""Where a track is played from: as a link in JSON, and as the stream itself."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from io import FileIO

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from autodj.api.auth import find_caller
from autodj.api.contract import Access, Answer, operation
from autodj.api.files import PLAYBACK_HEADERS, FileBytes, open_file, playback_errors
from autodj.api.ranges import strong_etag
from autodj.api.schemas import BASE, AudioLink
from autodj.api.state import web_of
from autodj.api.tracks import track_id_of
from autodj.db import FileSource
from autodj.db.tracks import Playable, playable
from autodj.errors import (
    LinkRefused,
    NotFound,
    ObjectNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    SourceUnreadable,
    Unauthenticated,
)
from autodj.runtime import Runtime
from autodj.storage.disk import disk_errors
from autodj.tracks import deliver
from autodj.tracks.filenames import content_disposition

TAG = "Audio"
AUDIO = f"{BASE}/tracks/{{track_id:uuid}}/audio"
MAX_MOVES = 2
NOT_KEPT = {"Cache-Control": "private, no-store", "Vary": "Authorization, Cookie"}
REDIRECT = {**PLAYBACK_HEADERS, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
# The source of a track moves, so a stored answer must be asked about; its bytes never change.
REVALIDATED = {"Cache-Control": "private, max-age=0, must-revalidate"}


class StreamQuery(BaseModel):
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
    about="Needs no login for a public track. A player needs nothing but the link.",
    answers=(Answer(200, "The link to use now", AudioLink),),
    errors=(SourceUnreadable,),
)
async def audio_url(request: Request) -> Response:
    runtime = web_of(request).runtime
    track = await _readable(request)
    link = await deliver.link_for(track, runtime.links, datetime.now(UTC))
    return Response(_encoded(link), media_type="application/json", headers=NOT_KEPT)


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
    errors=(LinkRefused, PreconditionFailed, RangeNotSatisfiable, SourceUnreadable),
)
async def stream(request: Request) -> Response:
    with playback_errors():
        track = await _allowed(request)
        for _ in range(MAX_MOVES + 1):
            if track.file_source is not FileSource.LOCAL:
                return await _elsewhere(request, track)
            try:
                file = await _open(web_of(request).runtime, track)
            except ObjectNotFound as error:
                track = await _moved(request, track, error)
                continue
            return _local(request, track, file)
        raise SourceUnreadable


async def _readable(request: Request) -> Playable:
    """The track, if the caller may read it.

    To a stranger a private track and none look alike, and both ask who he is.
    """
    caller = find_caller(request)
    refusal = NotFound if caller else Unauthenticated
    try:
        track = await _row(request)
    except NotFound as error:
        raise refusal from error
    if not deliver.may_read(track, caller):
        raise refusal
    return track


async def _allowed(request: Request) -> Playable:
    """The track, if the link in the query or the caller may read it."""
    given = request.query_params
    if "signature" not in given and "expires" not in given:
        return await _readable(request)
    deliver.check_local_link(
        web_of(request).runtime.settings.secret,
        track_id_of(request),
        expires=given.get("expires", ""),
        signature=given.get("signature", ""),
        now=datetime.now(UTC),
    )
    return await _row(request)


async def _row(request: Request) -> Playable:
    async with web_of(request).runtime.db.reading() as connection:
        return await playable(connection, track_id_of(request))


async def _moved(request: Request, before: Playable, error: ObjectNotFound) -> Playable:
    """The row as it is now; SourceUnreadable when it still names the file that is not there."""
    now = await _row(request)
    if (now.file_source, now.generation) == (before.file_source, before.generation):
        raise SourceUnreadable from error
    return now


async def _elsewhere(request: Request, track: Playable) -> Response:
    if request.method == "HEAD" and request.query_params.get("redirect") == "0":
        headers = {
            **PLAYBACK_HEADERS,
            **REVALIDATED,
            "Content-Length": str(track.size_bytes),
            "ETag": strong_etag(track.sha256),
        }
        return Response(media_type=track.content_type, headers=headers)
    link = await deliver.link_for(track, web_of(request).runtime.links, datetime.now(UTC))
    return Response(status_code=307, headers={**REDIRECT, "Location": link.url})


async def _open(runtime: Runtime, track: Playable) -> FileIO:
    assert track.file_path is not None
    with disk_errors(track.file_path):
        return await open_file(runtime.local.path(track.file_path), size_bytes=track.size_bytes)


def _local(request: Request, track: Playable, file: FileIO) -> Response:
    name = content_disposition(f"{track.title}.{track.extension}")
    return FileBytes(
        file,
        size_bytes=track.size_bytes,
        sha256=track.sha256,
        content_type=track.content_type,
        senders=web_of(request).senders,
        headers={**REVALIDATED, "Content-Disposition": name},
    )


def _encoded(link: deliver.AudioLink) -> bytes:
    """The shape of AudioLink, without a model: this is the busiest answer of all."""
    expires_at = link.expires_at
    return json.dumps(
        {
            "url": link.url,
            "source": link.source,
            "expires_at": expires_at and f"{expires_at:%Y-%m-%dT%H:%M:%SZ}",
            "content_type": link.content_type,
            "size_bytes": link.size_bytes,
            "etag": link.etag,
            "duration_s": link.duration_s,
            "cacheable": expires_at is None,
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

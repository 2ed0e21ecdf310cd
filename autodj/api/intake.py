"""Adding tracks: a form, the bare bytes, or a URL to fetch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from autodj.api.auth import require_user
from autodj.api.bodies import parse_model, parse_query, read_json
from autodj.api.contract import JSON, Answer, Body, operation
from autodj.api.idempotency import HEADER, Outcome, fingerprint, key_of, once
from autodj.api.paths import job_path, track_path
from autodj.api.schemas.jobs import Job, job_body
from autodj.api.schemas.replies import json_response
from autodj.api.schemas.tracks import Track, track_body
from autodj.api.state import web_of
from autodj.api.tracks import TAG, TRACKS
from autodj.api.uploads import Received, receive_form, receive_raw
from autodj.db import Visibility, jobs, tracks
from autodj.errors import (
    AudioRejected,
    Conflict,
    DiskFull,
    InvalidRequest,
    KeyReused,
    NotFound,
    SandboxError,
    StillRunning,
    UnsupportedMedia,
    UrlNotAllowed,
)
from autodj.runtime import Runtime
from autodj.tracks.fetching import request_fetch
from autodj.tracks.filenames import display_name
from autodj.tracks.ingest import Incoming, ingest

FORM = "multipart/form-data"
BYTES = "application/octet-stream"

Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=512)]


class About(BaseModel):
    """What the sender says of a track; it wins over the file's own tags."""

    title: Line | None = None
    artist: Line | None = None
    album: Line | None = None
    visibility: Visibility = Visibility.PRIVATE


class Form(About):
    """One file, and what to know about it."""

    file: bytes = Field(json_schema_extra={"contentMediaType": BYTES})


class RawQuery(About):
    """For a bare body: what a form says in its fields."""

    name: str | None = Field(None, max_length=512, description="The file's name, for people.")


class FetchRequest(BaseModel):
    """Audio to fetch over http or https from a public host."""

    url: str = Field(max_length=8192, examples=["https://example.org/mix.flac"])
    visibility: Visibility = Visibility.PRIVATE


@operation(
    "POST",
    TRACKS,
    summary="Add a track",
    tag=TAG,
    about=(
        "A form or a bare body is decoded to its end before the answer, and can be played from "
        "then on. The same bytes again answer with the first track. A URL becomes a job."
    ),
    query=RawQuery,
    headers={HEADER: "The same key and request again lead to the same answer, for a day."},
    bodies=(
        Body(FORM, Form, "Fields before the file are checked before the file is read."),
        Body("audio/*", about="The bytes of the file."),
        Body(BYTES, about="The bytes of the file."),
        Body(JSON, FetchRequest, "The server fetches the URL."),
    ),
    answers=(
        Answer(201, "The track is safe and can be played", Track, headers={"Location": "It."}),
        Answer(200, "You have these bytes already: the first track", Track),
        Answer(202, "The URL is going to be fetched", Job, headers={"Location": "The job."}),
    ),
    errors=(
        AudioRejected,
        Conflict,
        DiskFull,
        InvalidRequest,
        KeyReused,
        SandboxError,
        StillRunning,
        UrlNotAllowed,
    ),
)
async def add_track(request: Request) -> Response:
    user = await require_user(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == JSON:
        return await _fetch(request, user.id)
    if media_type == FORM:
        return await _form(request, user.id)
    if media_type == BYTES or media_type.startswith("audio/"):
        return await _raw(request, user.id)
    raise UnsupportedMedia(
        "A track comes as multipart/form-data, as audio/*, or as JSON with a url."
    )


async def _form(request: Request, owner_id: UUID) -> Response:
    runtime = web_of(request).runtime
    key = key_of(request)
    received = await receive_form(
        request,
        runtime.local.incoming(),
        max_bytes=runtime.settings.limits.max_track_bytes,
        field_names=About.model_fields,
    )
    read_about = partial(parse_model, About, dict(received.fields))
    return await _take(runtime, owner_id, key, received, received.filename, read_about)


async def _raw(request: Request, owner_id: UUID) -> Response:
    runtime = web_of(request).runtime
    key = key_of(request)
    about = parse_query(RawQuery, request)
    received = await receive_raw(
        request,
        runtime.local.incoming(),
        max_bytes=runtime.settings.limits.max_track_bytes,
    )
    name = display_name(about.name) or received.filename
    return await _take(runtime, owner_id, key, received, name, lambda: about)


async def _fetch(request: Request, owner_id: UUID) -> Response:
    runtime = web_of(request).runtime
    wanted = parse_model(FetchRequest, await read_json(request))

    async def act(job_id: UUID) -> Outcome:
        job = await request_fetch(
            runtime.db,
            runtime.jobs,
            runtime.fetch_limits,
            job_id=job_id,
            owner_id=owner_id,
            url=wanted.url,
            visibility=wanted.visibility,
        )
        return Outcome(202, job.id)

    request_fingerprint = fingerprint(kind="fetch", url=wanted.url, visibility=wanted.visibility)
    outcome = await once(runtime.db, owner_id, key_of(request), request_fingerprint, act)
    async with runtime.db.read_session() as session:
        job = await jobs.get_owned(session, outcome.subject_id, owner_id)
    headers = {"Location": job_path(job.id)}
    return json_response(job_body(job), status=outcome.status, headers=headers)


async def _take(
    runtime: Runtime,
    owner_id: UUID,
    key: str | None,
    received: Received,
    name: str | None,
    read_about: Callable[[], About],
) -> Response:
    """Ingest what was received, once; the temporary file is gone afterwards in any case."""
    try:
        about = read_about()
        incoming = _incoming(received, name, about)
        request_fingerprint = fingerprint(
            kind="upload", sha256=received.sha256, known_as=name, **about.model_dump(mode="json")
        )

        async def act(_: UUID) -> Outcome:
            return await _ingest(runtime, owner_id, incoming)

        outcome = await once(runtime.db, owner_id, key, request_fingerprint, act)
    finally:
        await asyncio.to_thread(received.path.unlink, missing_ok=True)
    return await _added(runtime, owner_id, outcome)


async def _ingest(runtime: Runtime, owner_id: UUID, incoming: Incoming) -> Outcome:
    ingested = await ingest(
        runtime.db,
        runtime.local,
        runtime.sandbox,
        runtime.jobs,
        runtime.decode_limits,
        owner_id=owner_id,
        incoming=incoming,
    )
    return Outcome(201 if ingested.created else 200, ingested.track.id)


async def _added(runtime: Runtime, owner_id: UUID, outcome: Outcome) -> Response:
    async with runtime.db.read_session() as session:
        try:
            track = await tracks.get_owned(session, outcome.subject_id, owner_id)
        except NotFound as error:
            raise Conflict("The track that this request added was deleted since.") from error
        newest = await jobs.latest(session, owner_id, limit=1, track_id=track.id)
    body = track_body(track, job_id=newest[0].id if newest and outcome.status == 201 else None)
    return json_response(body, status=outcome.status, headers={"Location": track_path(track.id)})


def _incoming(received: Received, name: str | None, about: About) -> Incoming:
    return Incoming(
        path=received.path,
        sha256=received.sha256,
        size_bytes=received.size_bytes,
        name=name,
        visibility=about.visibility,
        title=about.title or None,
        artist=about.artist or None,
        album=about.album or None,
    )


OPERATIONS = (add_track,)

"""Measuring again: a whole library in the background, or one track at once."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from autodj.api.auth import PRIVATE, require_caller, require_user
from autodj.api.bodies import parse_model, read_json
from autodj.api.contract import JSON, Answer, Body, operation
from autodj.api.paths import BASE, job_path
from autodj.api.schemas.jobs import Job, job_body
from autodj.api.schemas.replies import Reply, json_response
from autodj.api.state import web_of
from autodj.api.tracks import TRACK, track_id_of
from autodj.db import Job as JobRow
from autodj.db import reanalysis
from autodj.db.reanalysis import Which
from autodj.errors import NotFound
from autodj.tracks.reanalysis import reanalyze_alone, request_reanalysis

TAG = "Analysis"
REANALYSIS = f"{BASE}/reanalysis"
LOCATION = {"Location": "The job."}
MOST_IDS = 1000


class Reanalyze(BaseModel):
    """Which of your tracks to measure again."""

    which: Which = Field(
        Which.OUTDATED,
        description="Measured by an older version, failed, or all that were ever measured.",
    )
    track_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_IDS)] | None = Field(
        None, description="Of these tracks only."
    )


class Reanalysis(Reply):
    """What there is to measure again."""

    analysis_version: int = Field(description="What this server measures by.")
    tracks: int
    outdated: int = Field(description="Measured by an older version.")
    failed: int = Field(description="Whose last analysis failed.")
    unfinished: int = Field(description="In a job now.")


@operation(
    "GET",
    REANALYSIS,
    summary="See how many tracks could be measured again",
    tag=TAG,
    answers=(Answer(200, "Counts", Reanalysis),),
)
async def look_at_reanalysis(request: Request) -> Response:
    owner_id = require_caller(request)
    runtime = web_of(request).runtime
    version = runtime.policy.analysis_version
    async with runtime.db.read_session() as session:
        tally = await reanalysis.tally(session, owner_id, version=version)
    body = Reanalysis(
        analysis_version=version,
        tracks=tally.tracks,
        outdated=tally.outdated,
        failed=tally.failed,
        unfinished=tally.unfinished,
    )
    return json_response(body, headers=PRIVATE)


@operation(
    "POST",
    REANALYSIS,
    summary="Measure your tracks again",
    tag=TAG,
    about="A few at a time, after new tracks. They play on, keep their corrections, and keep the "
    "old analysis until the new one is there.",
    bodies=(Body(JSON, Reanalyze),),
    answers=(Answer(202, "The job to watch", Job, headers=LOCATION),),
    errors=(NotFound,),
)
async def reanalyze_tracks(request: Request) -> Response:
    user = await require_user(request)
    asked = parse_model(Reanalyze, await read_json(request))
    runtime = web_of(request).runtime
    job = await request_reanalysis(
        runtime.db, runtime.jobs, runtime.policy, user.id, asked.which, asked.track_ids
    )
    return _accepted(job)


@operation(
    "POST",
    f"{TRACK}/reanalysis",
    summary="Measure a track again now",
    tag=TAG,
    about="Also one whose analysis failed. While it is being processed, the job there is answers.",
    answers=(Answer(202, "The job to watch", Job, headers=LOCATION),),
)
async def reanalyze_track(request: Request) -> Response:
    owner_id = require_caller(request)
    runtime = web_of(request).runtime
    job = await reanalyze_alone(runtime.db, runtime.jobs, track_id_of(request), owner_id)
    return _accepted(job)


def _accepted(job: JobRow) -> Response:
    headers = {**PRIVATE, "Location": job_path(job.id)}
    return json_response(job_body(job), status=202, headers=headers)


OPERATIONS = (look_at_reanalysis, reanalyze_tracks, reanalyze_track)

"""Taking an order back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from autodj.api.auth import PRIVATE, require_caller
from autodj.api.contract import Answer, operation
from autodj.api.jobs import JOB, TAG
from autodj.api.schemas.jobs import Job, job_body
from autodj.api.schemas.replies import json_response
from autodj.api.state import web_of
from autodj.errors import Conflict
from autodj.tracks.cancelling import cancel


@operation(
    "POST",
    f"{JOB}/cancel",
    summary="Cancel a job",
    tag=TAG,
    about="One that fetches a URL or measures many tracks, whether it waits or runs. A fetch makes "
    "no track from this answer on; what a reanalysis has measured stays. Twice is as good as once.",
    answers=(Answer(200, "The job, failed with the code `cancelled`", Job),),
    errors=(Conflict,),
)
async def cancel_job(request: Request) -> Response:
    owner_id = require_caller(request)
    row = await cancel(web_of(request).runtime.db, request.path_params["job_id"], owner_id)
    return json_response(job_body(row), headers=PRIVATE)


OPERATIONS = (cancel_job,)

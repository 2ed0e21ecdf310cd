"""Whether the process lives and can work, its figures, and who the caller is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import Response

from autodj.api.auth import require_user
from autodj.api.contract import Access, Answer, operation
from autodj.api.paths import BASE
from autodj.api.schemas.replies import json_response
from autodj.api.schemas.system import Health, Me, Readiness
from autodj.api.state import web_of
from autodj.db import FileSource
from autodj.errors import AutodjError, Unavailable
from autodj.runtime import Runtime

TAG = "System"
NOT_KEPT = {"Cache-Control": "no-store"}
PROBE_S = 3.0
OK = "ok"
QUIET_PATHS = ("/healthz", "/readyz", "/metrics")


@operation(
    "GET",
    "/healthz",
    summary="Whether the process answers",
    tag=TAG,
    access=Access.OPEN,
    answers=(Answer(200, "It does", Health),),
)
async def healthz(request: Request) -> Response:
    del request
    return json_response(Health(status=OK), headers=NOT_KEPT)


@operation(
    "GET",
    "/readyz",
    summary="Whether requests can be served",
    tag=TAG,
    access=Access.OPEN,
    answers=(
        Answer(200, "They can; without the broker, work waits in the database", Readiness),
        Answer(503, "They cannot", Readiness),
    ),
    errors=(Unavailable,),
)
async def readyz(request: Request) -> Response:
    if web_of(request).guard.draining:
        raise Unavailable("This process is about to stop.")
    found = await readiness(web_of(request).runtime)
    status = 503 if found.status == "unavailable" else 200
    return json_response(found, status=status, headers=NOT_KEPT)


@operation(
    "GET",
    "/metrics",
    summary="Figures for Prometheus",
    tag=TAG,
    access=Access.OPEN,
    answers=(Answer(200, "Text format 0.0.4", media_type="text/plain"),),
)
async def metrics(request: Request) -> Response:
    text = generate_latest(web_of(request).registry)
    return Response(text, headers={**NOT_KEPT, "Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


@operation(
    "GET",
    f"{BASE}/me",
    summary="Who you are",
    tag=TAG,
    answers=(Answer(200, "You", Me),),
)
async def me(request: Request) -> Response:
    user = await require_user(request)
    storage = FileSource(web_of(request).runtime.settings.publish_to)
    return json_response(Me(id=user.id, name=user.name, storage=storage), headers=NOT_KEPT)


async def readiness(runtime: Runtime) -> Readiness:
    """Probe every part at once. Without the broker the process still serves everything."""
    database, broker, local_store, s3_store = await asyncio.gather(
        _state(runtime.db.probe()),
        _state(runtime.jobs.probe()),
        _state(runtime.local.probe()),
        _state(runtime.s3.probe()) if runtime.s3 is not None else _none(),
    )
    needed = {database, local_store, s3_store or OK}
    able = OK if broker == OK else "degraded"
    return Readiness(
        status=able if needed == {OK} else "unavailable",
        database=database,
        broker=broker,
        local_store=local_store,
        s3_store=s3_store,
        s3_failing_since=None if runtime.s3 is None else runtime.s3.health.failing_since,
    )


async def _state(probe: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(PROBE_S):
            await probe
    except AutodjError as error:
        return error.code
    except TimeoutError:
        return Unavailable.code
    return OK


async def _none() -> None:
    return None


OPERATIONS = (healthz, readyz, metrics, me)

"""The web process: ``uvicorn --factory autodj.api.app:create_app``. Read this first.

Every request passes one layer (``middleware``), is routed to one handler of the tables below,
and ends as a response or as one problem (``problems``). Handlers take what lives as long as
the process from ``state.Web``, which the lifespan opens.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from autodj.api import analysis, audio, intake, jobs, login, page, system, tracks
from autodj.api.contract import JSON, Access, Answer, Operation, operation, routes_of
from autodj.api.feed import open_feed
from autodj.api.files import Senders
from autodj.api.middleware import HttpMetrics, RequestLayer
from autodj.api.openapi import openapi_document
from autodj.api.problems import PROBLEM_HANDLERS
from autodj.api.state import AppState, Web, web_of
from autodj.logs import set_up
from autodj.runtime import open_runtime
from autodj.settings import Settings, from_environment


@operation(
    "GET",
    "/openapi.json",
    summary="This reference, for programs",
    tag=page.TAG,
    access=Access.OPEN,
    answers=(Answer(200, "OpenAPI 3.1", media_type=JSON),),
)
async def openapi(request: Request) -> Response:
    document = _encoded_document(web_of(request).runtime.settings.public_url)
    return Response(document, media_type=JSON, headers=page.CACHED)


# The busiest first: routes are tried in this order.
OPERATIONS: tuple[Operation, ...] = (
    *audio.OPERATIONS,
    *tracks.OPERATIONS,
    *intake.OPERATIONS,
    *analysis.OPERATIONS,
    *jobs.OPERATIONS,
    *system.OPERATIONS,
    *login.OPERATIONS,
    *page.OPERATIONS,
    openapi,
)


def create_app(settings: Settings | None = None) -> Starlette:
    """The application. Without settings it is a process of its own: they are read from the
    environment (SettingsError when they cannot be used), and logs are set up.
    """
    if settings is None:
        settings = from_environment()
        set_up(level=settings.log_level, fmt=settings.log_format)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    layer = Middleware(
        RequestLayer,
        metrics=HttpMetrics(registry),
        html_csp=page.content_security_policy(settings),
        quiet_paths=system.QUIET_PATHS,
    )
    app = Starlette(
        routes=routes_of(OPERATIONS),
        middleware=[layer],
        exception_handlers=PROBLEM_HANDLERS,
        lifespan=_lifespan(settings, registry),
    )
    # A near miss of an address is told so; guessing would make two addresses of one thing.
    app.router.redirect_slashes = False
    return app


def _lifespan(
    settings: Settings, registry: CollectorRegistry
) -> Callable[[Starlette], AbstractAsyncContextManager[AppState]]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[AppState]:
        async with open_runtime(settings) as runtime, open_feed(runtime.db) as feed:
            web = Web(
                runtime=runtime,
                senders=Senders(settings.max_local_senders),
                feed=feed,
                registry=registry,
            )
            warming = asyncio.create_task(runtime.jobs.prepare())
            yield {"web": web}
            await warming

    return lifespan


@cache
def _encoded_document(server: str) -> bytes:
    return json.dumps(openapi_document(OPERATIONS, server=server)).encode()

"""The web process: ``autodj serve``. Read this first.

Every request passes one layer (``middleware``), is routed to one handler of the tables below,
and ends as a response or as one problem (``problems``). Handlers take what lives as long as
the process from ``state.Web``, which the lifespan opens.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import cache, partial
from typing import TypedDict

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from autodj.api import (
    analysis,
    archives,
    audio,
    cancelling,
    exports,
    intake,
    jobs,
    links,
    login,
    page,
    reanalysis,
    renditions,
    stream,
    system,
    tracks,
    waveform,
)
from autodj.api.access_log import AccessLog, log_access
from autodj.api.ahead import Ahead, kept_answer
from autodj.api.contract import JSON, Access, Answer, Operation, operation, routes_of
from autodj.api.feed import open_feed
from autodj.api.figures import HttpMetrics, StoreFigures
from autodj.api.files import LocalFiles
from autodj.api.middleware import LayeredApp, RequestLayer
from autodj.api.openapi import openapi_document
from autodj.api.problems import PROBLEM_HANDLERS
from autodj.api.ready import Ready
from autodj.api.state import Web, web_of
from autodj.db.playing import open_playable_rows
from autodj.guard import Guard, Limits
from autodj.guard.room import make_room
from autodj.logs import JsonAccessLog, set_up
from autodj.runtime import open_runtime
from autodj.settings import Settings, from_environment
from autodj.tracks.places import Places
from autodj.users.callers import Callers


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
    *stream.OPERATIONS,
    *links.OPERATIONS,
    *tracks.OPERATIONS,
    *intake.OPERATIONS,
    *analysis.OPERATIONS,
    *reanalysis.OPERATIONS,
    *waveform.OPERATIONS,
    *renditions.OPERATIONS,
    *exports.OPERATIONS,
    *archives.OPERATIONS,
    *jobs.OPERATIONS,
    *cancelling.OPERATIONS,
    *system.OPERATIONS,
    *login.OPERATIONS,
    *page.OPERATIONS,
    openapi,
)


def create_app(settings: Settings | None = None) -> Starlette:
    """The application. Without settings it is a process of its own: they are read from the
    environment (SettingsError when they cannot be used), and logs are set up.
    """
    access_log: AccessLog | None = log_access
    if settings is None:
        settings = from_environment()
        set_up(level=settings.log_level, fmt=settings.log_format)
        make_room(settings.max_connections)
        access_log = _access_log(settings)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    layer = partial(
        RequestLayer,
        ahead=kept_answer,
        access_log=access_log,
        metrics=HttpMetrics(registry),
        html_csp=page.content_security_policy(settings),
        quiet_paths=system.QUIET_PATHS,
    )
    app = LayeredApp(
        layer,
        routes=routes_of(OPERATIONS),
        exception_handlers=PROBLEM_HANDLERS,
        lifespan=_lifespan(settings, registry),
    )
    # A near miss of an address is told so; guessing would make two addresses of one thing.
    app.router.redirect_slashes = False
    return app


def _access_log(settings: Settings) -> AccessLog | None:
    if settings.log_level in {"warning", "error"}:
        return None
    if settings.log_format == "json":
        return JsonAccessLog(sys.stderr, level=settings.log_level)
    return log_access


class AppState(TypedDict):
    """The lifespan's state, which every request sees."""

    web: Web
    ahead: Ahead
    guard: Guard


def _lifespan(
    settings: Settings, registry: CollectorRegistry
) -> Callable[[Starlette], AbstractAsyncContextManager[AppState]]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[AppState]:
        async with (
            open_runtime(settings) as runtime,
            open_playable_rows(runtime.db) as rows,
            open_feed(runtime.db) as feed,
            AsyncExitStack() as stack,
        ):
            files = LocalFiles(
                runtime.local.root,
                max_senders=settings.max_local_senders,
                accel_prefix=settings.local_accel_prefix,
            )
            stack.callback(files.close)
            StoreFigures(registry, runtime.stores.health())
            places: Places[Ready] = Places(rows, clock=time.time)
            callers = Callers(settings.secret, clock=time.time)
            web = Web(
                runtime=runtime,
                places=places,
                callers=callers,
                files=files,
                feed=feed,
                registry=registry,
                guard=Guard(_limits(settings), registry),
            )
            ahead = Ahead(places, callers, secret=settings.secret, clock=time.time)
            warming = asyncio.create_task(runtime.jobs.prepare())
            yield {"web": web, "ahead": ahead, "guard": web.guard}
            await warming

    return lifespan


def _limits(settings: Settings) -> Limits:
    return Limits(max_connections=settings.max_connections, body_total_s=settings.body_total_s)


@cache
def _encoded_document(server: str) -> bytes:
    return json.dumps(openapi_document(OPERATIONS, server=server)).encode()

"""The same answers from Starlette alone: no database, no login, no signature, no log."""

from __future__ import annotations

import json
import os
from functools import partial

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from autodj.api.figures import HttpMetrics
from autodj.api.middleware import LayeredApp, RequestLayer


def create_app() -> Starlette:
    """Answers with the JSON and the address that the bench hands down."""
    given = json.loads(os.environ["BENCH_ANSWERS"])  # noqa: TID251 - not the product

    async def link(_: Request) -> Response:
        return JSONResponse(given["link"])

    async def redirect(_: Request) -> Response:
        return RedirectResponse(given["link"]["url"])

    routes = [
        Route("/link/{track_id:uuid}", link),
        Route("/redirect/{track_id:uuid}", redirect),
    ]
    return _layered(routes) if given["layered"] else Starlette(routes=routes)


def _layered(routes: list[Route]) -> Starlette:
    """The same inside our layer: ids, figures and safety headers."""
    layer = partial(
        RequestLayer,
        metrics=HttpMetrics(CollectorRegistry()),
        html_csp="",
        access_log=None,
    )
    return LayeredApp(layer, exception_handlers={}, routes=routes)

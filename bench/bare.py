"""The same answers from Starlette alone: no database, no login, no signature, no log."""

from __future__ import annotations

import json
import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route


def create_app() -> Starlette:
    """Answers with the JSON, the address and the file that the bench hands down."""
    given = json.loads(os.environ["BENCH_ANSWERS"])  # noqa: TID251 - not the product

    async def link(_: Request) -> Response:
        return JSONResponse(given["link"])

    async def redirect(_: Request) -> Response:
        return RedirectResponse(given["link"]["url"])

    async def file(_: Request) -> Response:
        return FileResponse(Path(given["file"]), media_type="audio/mpeg")

    return Starlette(
        routes=[
            Route("/link/{track_id:uuid}", link),
            Route("/redirect/{track_id:uuid}", redirect),
            Route("/file/{track_id:uuid}", file),
        ]
    )

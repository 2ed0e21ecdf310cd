"""One file on a bare application: as Starlette serves it, and as we do."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from autodj.api.files import FileBytes, LocalFiles

HEADERS = {"Cache-Control": "private, max-age=0, must-revalidate", "Content-Disposition": "inline"}


def file_response() -> Starlette:
    path = _path()

    async def audio(_: Request) -> Response:
        return FileResponse(path, media_type="audio/mpeg", headers=HEADERS)

    return _app(audio)


def file_bytes() -> Starlette:
    path = _path()
    size_bytes, sha256 = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
    local = LocalFiles(path.parent, max_senders=256)

    async def audio(_: Request) -> Response:
        file = await local.open(path, size_bytes=size_bytes)
        return FileBytes(
            file, files=local, sha256=sha256, content_type="audio/mpeg", headers=HEADERS
        )

    return _app(audio)


def _path() -> Path:
    return Path(os.environ["BENCH_FILE"])  # noqa: TID251 - not the product


def _app(audio: object) -> Starlette:
    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok")

    assert callable(audio)
    return Starlette(routes=[Route("/audio", audio), Route("/healthz", healthz)])

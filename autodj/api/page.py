"""The page and its files, and the reference of the API: all from this package, none from afar."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from mimetypes import MimeTypes
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from autodj.api.contract import Access, Answer, operation
from autodj.api.ranges import etag_matches, strong_etag
from autodj.errors import NotFound
from autodj.settings import Settings

TAG = "Page"
ROOT = Path(__file__).resolve().parents[1] / "web"
CACHED = {"Cache-Control": "no-cache"}
HTML = "text/html; charset=utf-8"
_TYPES = MimeTypes()
_TYPES.add_type("text/javascript", ".js")
_TYPES.add_type("application/manifest+json", ".webmanifest")
_TYPES.add_type("font/woff2", ".woff2")


@operation(
    "GET",
    "/",
    summary="The page",
    tag=TAG,
    access=Access.OPEN,
    answers=(Answer(200, "HTML; it asks to log in by itself", media_type="text/html"),),
)
async def index(request: Request) -> Response:
    return await _asset(request, "index.html")


@operation(
    "GET",
    "/docs",
    summary="This reference, to read",
    tag=TAG,
    access=Access.OPEN,
    answers=(Answer(200, "HTML", media_type="text/html"),),
)
async def docs(request: Request) -> Response:
    return await _asset(request, "docs.html")


@operation(
    "GET",
    "/static/{path:path}",
    summary="A file of the page",
    tag=TAG,
    access=Access.OPEN,
    headers={"If-None-Match": "The ETag you have."},
    answers=(Answer(200, "The file", media_type="*/*"), Answer(304, "You have it")),
)
async def static(request: Request) -> Response:
    return await _asset(request, request.path_params["path"])


def assets(root: Path) -> Mapping[str, Path]:
    """The files below ``root`` by their path there.

    Requests choose among these names, so no path is ever made from what somebody sent.
    """
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())
    return {path.relative_to(root).as_posix(): path for path in files}


def content_security_policy(settings: Settings) -> str:
    """Nothing but our own files, and audio from where this server sends browsers to."""
    stores = " ".join(["'self'", *audio_origins(settings)])
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            f"connect-src {stores}",
            f"media-src {stores}",
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def audio_origins(settings: Settings) -> list[str]:
    """Where links to S3-backed tracks lead: the CDN, else the bucket by either of its names."""
    s3 = settings.s3
    if settings.cdn.origin is not None:
        return [settings.cdn.origin]
    if s3.bucket is None:
        return []
    if s3.endpoint_url is None:
        hosts = [f"s3.{s3.region}.amazonaws.com", "s3.amazonaws.com"]
        return [f"https://{name}" for host in hosts for name in (f"{s3.bucket}.{host}", host)]
    endpoint = urlsplit(s3.endpoint_url)
    origin = f"{endpoint.scheme}://{endpoint.netloc}"
    return (
        [origin]
        if s3.path_style
        else [origin, f"{endpoint.scheme}://{s3.bucket}.{endpoint.netloc}"]
    )


async def _asset(request: Request, name: str) -> Response:
    path = ASSETS.get(name)
    if path is None:
        raise NotFound("There is no such file.")
    content = await asyncio.to_thread(path.read_bytes)
    etag = strong_etag(hashlib.sha256(content).hexdigest())
    headers = {**CACHED, "ETag": etag}
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    guessed, _ = _TYPES.guess_type(name)
    return Response(content, media_type=guessed or "application/octet-stream", headers=headers)


ASSETS = assets(ROOT)

OPERATIONS = (index, docs, static)

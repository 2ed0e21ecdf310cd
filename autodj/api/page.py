"""The page and its files, and the reference of the API: all from this package, none from afar."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from autodj.api.assets import FOLDER, Asset, Assets
from autodj.api.codings import takes_gzip
from autodj.api.contract import Access, Answer, operation
from autodj.api.ranges import etag_matches
from autodj.errors import NotFound
from autodj.settings import Settings

TAG = "Page"
ETAG = {"If-None-Match": "The ETag you have."}
ROOT = Path(__file__).resolve().parents[1] / "web"
CACHED: Final = {"Cache-Control": "no-cache"}
FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}


@operation(
    "GET",
    "/",
    summary="The page",
    tag=TAG,
    access=Access.OPEN,
    headers=ETAG,
    answers=(
        Answer(200, "HTML; it asks to log in by itself", media_type="text/html"),
        Answer(304, "You have it"),
    ),
)
async def index(request: Request) -> Response:
    return _answer(request, ASSETS["index.html"])


@operation(
    "GET",
    "/docs",
    summary="This reference, to read",
    tag=TAG,
    access=Access.OPEN,
    headers=ETAG,
    answers=(Answer(200, "HTML", media_type="text/html"), Answer(304, "You have it")),
)
async def docs(request: Request) -> Response:
    return _answer(request, ASSETS["docs.html"])


@operation(
    "GET",
    f"{FOLDER}{{path:path}}",
    summary="A file of the page",
    tag=TAG,
    about="By its name, or below the version that the page names, where it never changes.",
    access=Access.OPEN,
    headers=ETAG,
    answers=(Answer(200, "The file", media_type="*/*"), Answer(304, "You have it")),
)
async def static(request: Request) -> Response:
    asset, is_for_ever = ASSETS.find(request.path_params["path"])
    if asset is None:
        raise NotFound("There is no such file.")
    return _answer(request, asset, cached=FOR_EVER if is_for_ever else CACHED)


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


def _answer(request: Request, asset: Asset, cached: Mapping[str, str] = CACHED) -> Response:
    form = asset.form(packed=takes_gzip(request.headers))
    headers = {**cached, "ETag": form.etag, "Vary": "Accept-Encoding"}
    if etag_matches(request.headers.get("if-none-match"), form.etag):
        return Response(status_code=304, headers=headers)
    if form.encoding is not None:
        headers["Content-Encoding"] = form.encoding
    return Response(form.content, media_type=asset.media_type, headers=headers)


ASSETS = Assets(ROOT)

OPERATIONS = (index, docs, static)

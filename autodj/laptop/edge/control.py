"""Invalidations, asked for as CloudFront's own API has them, on a port for this machine alone.

So the programs that purge a distribution can be tried here: they take another endpoint, and
send ``POST /2020-05-31/distribution/<id>/invalidation``. Nothing is signed or checked but the
form: who reaches the port may empty a cache, and no more.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from autodj.laptop.edge.copies import Copies

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_REMEMBERED: Final = 100

_NAMESPACE: Final = "http://cloudfront.amazonaws.com/doc/2020-05-31/"
_PATH: Final = re.compile(r"/2020-05-31/distribution/([A-Z0-9]+)/invalidation(?:/([A-Z0-9]+))?")


def control_app(copies: Copies, distribution_id: str) -> ASGIApp:
    """The API as an ASGI application."""
    return _Control(copies, distribution_id)


class _Control:
    def __init__(self, copies: Copies, distribution_id: str) -> None:
        self._copies = copies
        self._distribution_id = distribution_id
        self._done: OrderedDict[str, str] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        asked = _PATH.fullmatch(request.scope["path"])
        if asked is None:
            return _error(404, "NoSuchResource", "There is only the invalidation of caches here.")
        if asked[1] != self._distribution_id:
            return _error(404, "NoSuchDistribution", f"This is {self._distribution_id}.")
        if request.method == "GET" and asked[2] is not None:
            known = self._done.get(asked[2])
            if known is None:
                return _error(404, "NoSuchInvalidation", "It is not known, or no more.")
            return _xml(200, known)
        if request.method == "POST" and asked[2] is None:
            return await self._invalidate(request)
        return _error(405, "MethodNotAllowed", "POST one, or GET one by its id.")

    async def _invalidate(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return _error(413, "BatchTooLarge", "The batch is too long.")
        try:
            paths, reference = _batch(body)
        except ValueError as error:
            return _error(400, "InvalidArgument", str(error))
        for path in paths:
            await self._copies.forget(path)
        invalidation_id = f"I{secrets.token_hex(7).upper()}"
        document = _document(invalidation_id, paths, reference)
        self._done[invalidation_id] = document
        while len(self._done) > MAX_REMEMBERED:
            self._done.popitem(last=False)
        return _xml(201, document, {"Location": f"{request.url}/{invalidation_id}"})


def _batch(body: bytes) -> tuple[list[str], str]:
    """The paths and the caller's reference; ValueError for what is no batch."""
    if b"<!" in body:
        raise ValueError("A batch declares nothing.")
    try:
        root = ET.fromstring(body)  # noqa: S314 - nothing can be declared, see above
    except ET.ParseError as error:
        raise ValueError("The body is not XML.") from error
    found = {"x": _NAMESPACE} if root.tag.startswith(f"{{{_NAMESPACE}}}") else {"x": ""}
    paths = [each.text or "" for each in root.findall("x:Paths/x:Items/x:Path", found)]
    if not paths:
        raise ValueError("The batch has no path.")
    for path in paths:
        if not path.startswith("/") or "*" in path[:-1]:
            raise ValueError("A path begins with / and has * only at its end.")
    return paths, root.findtext("x:CallerReference", "", found)


def _document(invalidation_id: str, paths: list[str], reference: str) -> str:
    root = ET.Element("Invalidation", xmlns=_NAMESPACE)
    ET.SubElement(root, "Id").text = invalidation_id
    ET.SubElement(root, "Status").text = "Completed"
    ET.SubElement(root, "CreateTime").text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    batch = ET.SubElement(root, "InvalidationBatch")
    listed = ET.SubElement(batch, "Paths")
    ET.SubElement(listed, "Quantity").text = str(len(paths))
    items = ET.SubElement(listed, "Items")
    for path in paths:
        ET.SubElement(items, "Path").text = path
    ET.SubElement(batch, "CallerReference").text = reference
    return ET.tostring(root, encoding="unicode")


def _error(status: int, code: str, message: str) -> Response:
    root = ET.Element("ErrorResponse", xmlns=_NAMESPACE)
    error = ET.SubElement(root, "Error")
    ET.SubElement(error, "Type").text = "Sender"
    ET.SubElement(error, "Code").text = code
    ET.SubElement(error, "Message").text = message
    return _xml(status, ET.tostring(root, encoding="unicode"))


def _xml(status: int, document: str, headers: dict[str, str] | None = None) -> Response:
    return Response(document, status, headers, media_type="text/xml")

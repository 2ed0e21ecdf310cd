"""Bytes on S3 that only we can read, fetched and passed on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from autodj.api.files import LocalFiles, playback_errors
from autodj.api.ranges import Selection, select, strong_etag
from autodj.api.sending import send_head, until_disconnect
from autodj.cdn.headers import DELIVERY_HEADERS
from autodj.errors import ObjectNotFound, SourceUnreadable
from autodj.storage.base import Storage


class ProxiedBytes(Response):
    """The answer to a GET or HEAD for an object, whole or in part, as ``FileBytes`` gives it.

    A place among ``files`` is taken for as long as it lasts: these bodies cost more than those
    of local files. The object is opened before the headers go out.
    """

    def __init__(
        self,
        store: Storage,
        key: str,
        *,
        files: LocalFiles,
        sha256: str,
        size_bytes: int,
        headers: Mapping[str, str],
    ) -> None:
        self._store = store
        self._key = key
        self._files = files
        self._size_bytes = size_bytes
        self._etag = strong_etag(sha256)
        self.status_code = 200
        self.background = None
        self.init_headers({**DELIVERY_HEADERS, "ETag": self._etag, **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with playback_errors():
            selection = select(
                Headers(scope=scope),
                method=scope["method"],
                etag=self._etag,
                size_bytes=self._size_bytes,
            )
            self._describe(selection)
            if scope["method"] == "HEAD" or selection.byte_range.length == 0:
                await send_head(self, send)
                await send({"type": "http.response.body"})
                return
            self._files.take_place()
            try:
                await self._pass_on(selection, receive, send)
            finally:
                self._files.give_place_back()

    def _describe(self, selection: Selection) -> None:
        self.status_code = selection.status
        wanted = selection.byte_range
        if selection.status == 304:
            del self.headers["Content-Type"]
            return
        self.headers["Content-Length"] = str(wanted.length)
        if selection.status == 206:
            self.headers["Content-Range"] = (
                f"bytes {wanted.start}-{wanted.stop - 1}/{self._size_bytes}"
            )

    async def _pass_on(self, selection: Selection, receive: Receive, send: Send) -> None:
        wanted = selection.byte_range if selection.status == 206 else None
        gone = asyncio.ensure_future(until_disconnect(receive))
        try:
            async with self._store.read(self._key, wanted) as blocks:
                await send_head(self, send)
                async for block in blocks:
                    await send({"type": "http.response.body", "body": block, "more_body": True})
                    if gone.done():
                        return
        except ObjectNotFound as error:
            raise SourceUnreadable from error
        finally:
            gone.cancel()
        await send({"type": "http.response.body"})

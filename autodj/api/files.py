"""Serve the bytes of a local file with ranges, validators and honest endings."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from autodj.api.descriptors import Descriptors, OpenFile
from autodj.api.ranges import Selection, select, strong_etag
from autodj.api.sending import send_head, until_disconnect
from autodj.cdn.headers import DELIVERY_HEADERS
from autodj.errors import AutodjError, Unavailable
from autodj.storage.base import ByteRange

CHUNK_BYTES = 256 * 1024

_HEARD: Final = frozenset((b"range", b"if-range", b"if-match", b"if-none-match"))
_DELIVERY: Final = tuple(
    (name.lower().encode(), value.encode()) for name, value in DELIVERY_HEADERS.items()
)


class LocalFiles:
    """The local files that this process sends, at most ``max_senders`` at once.

    Above that new ones are refused, before their headers, rather than slowing everybody. With
    ``accel_prefix`` nginx sends the bytes itself: it is the internal location there that leads
    to ``root``.
    """

    def __init__(
        self,
        root: Path,
        *,
        max_senders: int,
        accel_prefix: str | None = None,
        descriptors: Descriptors | None = None,
    ) -> None:
        self._root = root
        self._accel_prefix = accel_prefix
        self._descriptors = descriptors or Descriptors()
        self.free_places = max_senders

    async def open(self, path: Path, *, size_bytes: int) -> OpenFile:
        """The file for one answer, which releases it; errors as ``Descriptors.open`` has them."""
        return await self._descriptors.open(path, size_bytes=size_bytes)

    def take_place(self) -> None:
        """Take a place for one body, to be given back; Unavailable when there is none."""
        if self.free_places <= 0:
            raise Unavailable("Too many files are being sent.", retry_after_s=1)
        self.free_places -= 1

    def give_place_back(self) -> None:
        self.free_places += 1

    def accelerated(self, path: Path) -> bytes | None:
        """Where nginx finds the file, as X-Accel-Redirect wants it; None without nginx."""
        if self._accel_prefix is None:
            return None
        return f"{self._accel_prefix}{quote(str(path.relative_to(self._root)))}".encode()

    def close(self) -> None:
        self._descriptors.close()


@contextmanager
def playback_errors() -> Iterator[None]:
    """Give refusals the headers without which a page's player could not read them."""
    try:
        yield
    except AutodjError as error:
        _make_readable(error)
        raise


class FileBytes(Response):
    """The answer to a GET or HEAD for the whole of ``file`` or a range of it.

    The file was opened before, by ``files.open``, and is released here. ``sha256`` (hex) makes
    the strong entity tag. ``headers`` are the caller's: Cache-Control, Content-Disposition.
    """

    def __init__(
        self,
        file: OpenFile,
        *,
        files: LocalFiles,
        sha256: str,
        content_type: str,
        headers: Mapping[str, str],
    ) -> None:
        self._file = file
        self._files = files
        self._etag = strong_etag(sha256)
        self._content_type = content_type.encode("latin-1")
        self.status_code = 200
        self.background = None
        # Headers of the base class would be validated, lowered and encoded for each range anew.
        self.raw_headers = [
            *_DELIVERY,
            (b"etag", self._etag.encode()),
            (b"repr-digest", b"sha-256=:%b:" % b64encode(bytes.fromhex(sha256))),
        ]
        for name, value in headers.items():
            self.raw_headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(scope, receive, send)
        except AutodjError as error:
            _make_readable(error)
            raise
        finally:
            self._file.release()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        heard = _heard(scope)
        selection = select(
            heard, method=scope["method"], etag=self._etag, size_bytes=self._file.size_bytes
        )
        if selection.status != 304 and not {"if-range", "if-match"} & heard.keys():
            # nginx decides about ranges by tags of its own making.
            elsewhere = self._files.accelerated(self._file.path)
            if elsewhere is not None:
                await self._hand_over(elsewhere, send)
                return
        self._describe(selection)
        if scope["method"] == "HEAD" or selection.byte_range.length == 0:
            await send_head(self, send)
            await send({"type": "http.response.body"})
            return
        self._files.take_place()
        try:
            await self._send_body(selection.byte_range, receive, send)
        finally:
            self._files.give_place_back()

    def _describe(self, selection: Selection) -> None:
        self.status_code = selection.status
        if selection.status == 304:
            return
        wanted = selection.byte_range
        self.raw_headers += (
            (b"content-type", self._content_type),
            (b"content-length", b"%d" % wanted.length),
        )
        if selection.status == 206:
            span = b"bytes %d-%d/%d" % (wanted.start, wanted.stop - 1, self._file.size_bytes)
            self.raw_headers.append((b"content-range", span))

    async def _hand_over(self, target: bytes, send: Send) -> None:
        # nginx says by itself that it takes ranges.
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"accept-ranges"]
        self.raw_headers += (
            (b"content-type", self._content_type),
            (b"content-length", b"0"),
            (b"x-accel-redirect", target),
        )
        await send_head(self, send)
        await send({"type": "http.response.body"})

    async def _send_body(self, wanted: ByteRange, receive: Receive, send: Send) -> None:
        # Read before the headers: what fails now can still be told.
        chunk = await self._file.read(wanted.start, min(CHUNK_BYTES, wanted.length))
        await send_head(self, send)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        position = wanted.start + len(chunk)
        del chunk
        if position < wanted.stop:
            await self._send_rest(ByteRange(position, wanted.stop), receive, send)
        else:
            # Waits until the client has taken what was sent: the place is kept as long as the
            # memory, or the bodies of all the slow clients together would have no bound.
            await send({"type": "http.response.body"})

    async def _send_rest(self, wanted: ByteRange, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(until_disconnect(receive))
        try:
            position = wanted.start
            while position < wanted.stop and not gone.done():
                # Waits until the client has taken the chunk before, so that only one is held.
                await send({"type": "http.response.body", "more_body": True})
                chunk = await self._file.read(position, min(CHUNK_BYTES, wanted.stop - position))
                position += len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                del chunk
                # A client as fast as we are would keep all others waiting.
                await asyncio.sleep(0)
            if position == wanted.stop:
                await send({"type": "http.response.body"})
        finally:
            gone.cancel()


def _make_readable(error: AutodjError) -> None:
    error.headers = {**DELIVERY_HEADERS, **error.headers}


def _heard(scope: Scope) -> Mapping[str, str]:
    """The request headers that decide about the bytes; a repeated one is a list (RFC 9110 5.3)."""
    found: MutableMapping[str, str] = {}
    given: list[tuple[bytes, bytes]] = scope["headers"]
    for raw_name, raw_value in given:
        if raw_name in _HEARD:
            name, value = raw_name.decode(), raw_value.decode("latin-1")
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found

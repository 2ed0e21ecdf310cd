"""Serve the bytes of an open local file with ranges, validators and honest endings."""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import structlog
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from autodj.api.ranges import Selection, select, strong_etag
from autodj.errors import AutodjError, SourceUnreadable, Unavailable
from autodj.storage.base import ByteRange

log = structlog.get_logger("autodj.files")

CHUNK_BYTES = 256 * 1024
PLAYBACK_HEADERS: Mapping[str, str] = {
    # Unconditional, so that a cached answer fits every later request for it.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Range, Accept-Ranges, Content-Length, ETag, Date",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Accept-Ranges": "bytes",
    "X-Content-Type-Options": "nosniff",
}
# Linux reads from the page cache without waiting when asked to; elsewhere a thread always reads.
_NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)


class Senders:
    """How many bodies may be under way at once, and how long a client may take nothing.

    Above the limit new ones are refused, before their headers, rather than slowing everybody.
    """

    def __init__(self, limit: int, *, stall_s: float = 30.0) -> None:
        self._free = limit
        self.stall_s = stall_s

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place for one body, or Unavailable."""
        if self._free <= 0:
            raise Unavailable("Too many files are being sent.", retry_after_s=1)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


@contextmanager
def playback_errors() -> Iterator[None]:
    """Give refusals the headers without which a page's player could not read them."""
    try:
        yield
    except AutodjError as error:
        error.headers = {**PLAYBACK_HEADERS, **error.headers}
        raise


async def open_file(path: Path, *, size_bytes: int) -> FileIO:
    """Open the file for sending; FileNotFoundError when there is none.

    SourceUnreadable when it is not a file of ``size_bytes``: what is known to be wrong must
    not be announced with a 200.
    """
    return await asyncio.to_thread(_open, path, size_bytes)


class FileBytes(Response):
    """The answer to a GET or HEAD for the whole of ``file`` or a range of it.

    The file was opened before, by ``open_file``, and is closed here. ``sha256`` (hex) makes the
    strong entity tag. ``headers`` are the caller's: Cache-Control, Content-Disposition.
    """

    def __init__(
        self,
        file: FileIO,
        *,
        size_bytes: int,
        sha256: str,
        content_type: str,
        senders: Senders,
        headers: Mapping[str, str],
    ) -> None:
        self._file = file
        self._size_bytes = size_bytes
        self._etag = strong_etag(sha256)
        self._senders = senders
        self.status_code = 200
        self.background = None
        self.init_headers(
            {
                **PLAYBACK_HEADERS,
                "Content-Type": content_type,
                "ETag": self._etag,
                "Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:",
                **headers,
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file, playback_errors():
            selection = select(
                Headers(scope=scope),
                method=scope["method"],
                etag=self._etag,
                size_bytes=self._size_bytes,
            )
            self._describe(selection)
            if scope["method"] == "HEAD" or selection.byte_range.length == 0:
                await self._send_head(send)
                await send({"type": "http.response.body"})
                return
            with self._senders.one():
                await self._send_head(send)
                await self._send_body(selection.byte_range, receive, send)

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

    async def _send_head(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )

    async def _send_body(self, wanted: ByteRange, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_until_disconnect(receive))
        try:
            position = wanted.start
            while position < wanted.stop and not gone.done():
                chunk = await self._read(position, min(CHUNK_BYTES, wanted.stop - position))
                position += len(chunk)
                more = position < wanted.stop
                async with asyncio.timeout(self._senders.stall_s):
                    await send({"type": "http.response.body", "body": chunk, "more_body": more})
        except TimeoutError:
            # Returning with bytes owed makes the server cut the connection.
            log.info("client_stalled", position=position, stop=wanted.stop)
        finally:
            gone.cancel()

    async def _read(self, position: int, length: int) -> bytes:
        descriptor = self._file.fileno()
        chunk = _read_cached(descriptor, position, length)
        if chunk is None:
            chunk = await asyncio.to_thread(os.pread, descriptor, length, position)
        if not chunk:
            # The headers promised more; only a cut connection tells the client the truth.
            raise SourceUnreadable("The file is shorter than it was when it was opened.")
        return chunk


def _open(path: Path, size_bytes: int) -> FileIO:
    file = path.open("rb", buffering=0)
    if os.fstat(file.fileno()).st_size == size_bytes:
        return file
    file.close()
    raise SourceUnreadable("The file does not have its recorded size.")


def _read_cached(descriptor: int, position: int, length: int) -> bytes | None:
    """Bytes that the page cache holds, or None when the read would wait for the disk.

    A copy from the cache takes some 25 microseconds and a hop to a thread a hundred more, but
    a read from a cold disk takes milliseconds in which nobody else would be served.
    """
    if _NOWAIT is None:
        return None
    buffer = bytearray(length)
    try:
        count = os.preadv(descriptor, [buffer], position, _NOWAIT)
    except OSError:
        # EAGAIN: not cached. EOPNOTSUPP: the file system cannot say.
        return None
    return bytes(memoryview(buffer)[:count])


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

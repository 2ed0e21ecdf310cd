"""Many tracks as one file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from uuid import UUID

from pydantic import Field, model_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from autodj.api.auth import PRIVATE, require_caller
from autodj.api.bodies import parse_query
from autodj.api.contract import STORE_FAULTS, Answer, operation
from autodj.api.files import LocalFiles
from autodj.api.listing import Narrowing
from autodj.api.paths import BASE
from autodj.api.schemas.tracks import track_body
from autodj.api.sending import send_head, until_disconnect
from autodj.api.state import web_of
from autodj.db import Database, Track, library
from autodj.db.library import TrackFilter
from autodj.errors import (
    NotFound,
    ObjectArchived,
    SourceUnreadable,
    TooLarge,
    Unavailable,
)
from autodj.storage.zipstream import Member, Readable, length_bytes, zip_stream
from autodj.tracks.archive import Originals, archive_of
from autodj.tracks.exports.subject import file_names
from autodj.tracks.filenames import content_disposition

TAG = "Exports"
NAME = "autodj.zip"
MAX_TRACKS = 1000
# As many as fit into the address of a request.
MAX_IDS = 200


class ArchiveQuery(Narrowing):
    """These tracks, or those that fit, as in the list."""

    id: list[UUID] = Field(
        default_factory=list, max_length=MAX_IDS, description="Repeat it for each track."
    )

    @model_validator(mode="after")
    def _one_or_the_other(self) -> ArchiveQuery:
        if self.id and self.filter() != TrackFilter():
            raise ValueError("names tracks and narrows them at the same time")
        return self


@operation(
    "GET",
    f"{BASE}/tracks/archive",
    summary="Download many tracks as one ZIP file",
    tag=TAG,
    about=(
        f"The originals of up to {MAX_TRACKS} of your tracks, under the names they came as. The "
        "file is made while it is sent; what cannot be read is told before the first byte."
    ),
    query=ArchiveQuery,
    answers=(
        Answer(
            200,
            "The file",
            media_type="application/zip",
            headers={"Content-Length": "Its size, known beforehand."},
        ),
    ),
    errors=(NotFound, ObjectArchived, SourceUnreadable, TooLarge, Unavailable, *STORE_FAULTS),
)
async def archive(request: Request) -> Response:
    owner_id = require_caller(request)
    asked = parse_query(ArchiveQuery, request)
    web = web_of(request)
    rows = await _chosen(web.runtime.db, owner_id, asked)
    described = [track_body(row).model_dump(mode="json") for row in rows]
    names = dict(zip((row.id for row in rows), file_names(described), strict=True))
    originals = Originals(web.runtime.db, web.runtime.local, web.runtime.s3)
    parts = await archive_of(originals, rows, names)
    return ZippedBytes(originals, parts, files=web.files)


class ZippedBytes(Response):
    """The answer to a GET or HEAD for the archive of these members, block by block.

    A place among ``files`` is taken for as long as it lasts. An error after the first byte
    breaks the connection, so that nobody takes what came for the whole.
    """

    def __init__(self, source: Readable, parts: Sequence[Member], *, files: LocalFiles) -> None:
        self._source = source
        self._parts = parts
        self._files = files
        self.status_code = 200
        self.background = None
        self.init_headers(_headers(parts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            await send_head(self, send)
            await send({"type": "http.response.body"})
            return
        self._files.take_place()
        try:
            async with aclosing(zip_stream(self._source, self._parts)) as blocks:
                await self._pass_on(blocks, receive, send)
        finally:
            self._files.give_place_back()

    async def _pass_on(self, blocks: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(until_disconnect(receive))
        try:
            await send_head(self, send)
            async for block in blocks:
                await send({"type": "http.response.body", "body": block, "more_body": True})
                if gone.done():
                    return
                # A client as fast as we are would keep all others waiting.
                await asyncio.sleep(0)
        finally:
            gone.cancel()
        await send({"type": "http.response.body"})


def _headers(parts: Sequence[Member]) -> Mapping[str, str]:
    return {
        **PRIVATE,
        "Content-Type": "application/zip",
        "Content-Length": str(length_bytes(parts)),
        "Content-Disposition": content_disposition(NAME, attachment=True),
        # Made anew each time: a part of one is no part of another.
        "Accept-Ranges": "none",
    }


async def _chosen(db: Database, owner_id: UUID, asked: ArchiveQuery) -> Sequence[Track]:
    async with db.read_session() as session:
        if asked.id:
            found = await library.chosen(session, owner_id, asked.id)
            if missing := [each for each in asked.id if each not in found]:
                raise NotFound(f"There is no track {missing[0]} for you.")
            return [*found.values()]
        rows = await library.page(
            session, owner_id, asked.filter(), after=None, limit=MAX_TRACKS + 1
        )
    if len(rows) > MAX_TRACKS:
        raise TooLarge(
            f"More than {MAX_TRACKS} tracks fit.", hint="Narrow the choice: words, tempo, key."
        )
    return rows


OPERATIONS = (archive,)

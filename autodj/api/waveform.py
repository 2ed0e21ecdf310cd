"""The outline of a track for other players, as BBC audiowaveform data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from autodj.api.analysis import REVALIDATED, TAG, owned, stored_document
from autodj.api.bodies import parse_query
from autodj.api.contract import STORE_FAULTS, Answer, Operation, operation
from autodj.api.ranges import etag_matches
from autodj.api.state import web_of
from autodj.api.tracks import TRACK
from autodj.errors import NotFound, SourceUnreadable
from autodj.tracks.documents import sha256_of, unpack
from autodj.tracks.exports import audiowaveform
from autodj.tracks.exports.audiowaveform import Outline, at_most, at_rate, outline_of
from autodj.tracks.filenames import content_disposition

MAX_POINTS = 30000
ABOUT = (
    "Version 2, 8 bits, channels together: the least and the largest sample of each interval. "
    "peaks.js and waveform-data.js read it."
)


class WaveformQuery(BaseModel):
    """How fine it is: the finest that there is, unless something is asked for."""

    points_per_s: int | None = Field(
        None, ge=1, le=50, description="At most so many a second.", examples=[10]
    )
    points: int | None = Field(
        None, ge=1, le=MAX_POINTS, description="At most so many in all.", examples=[800]
    )


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write the outline; ``write`` takes it and the track's sample rate in Hz."""

    extension: str
    told: str
    about: str
    content_type: str
    write: Callable[[Outline, int], bytes]


FORMS = (
    Form("json", "as JSON", "audiowaveform JSON", audiowaveform.JSON_TYPE, audiowaveform.to_json),
    Form("dat", "binary", "audiowaveform data", audiowaveform.DAT_TYPE, audiowaveform.to_dat),
)


def _operation(form: Form) -> Operation:
    async def get_waveform(request: Request) -> Response:
        return await _drawn(request, form)

    declare = operation(
        "GET",
        f"{TRACK}/waveform.{form.extension}",
        name=f"get_waveform_{form.extension}",
        summary=f"Get the outline for other players, {form.told}",
        tag=TAG,
        about=ABOUT,
        query=WaveformQuery,
        headers={"If-None-Match": "The ETag you have."},
        answers=(
            Answer(200, form.about, media_type=form.content_type),
            Answer(304, "You have it"),
        ),
        errors=(SourceUnreadable, *STORE_FAULTS),
    )
    return declare(get_waveform)


async def _drawn(request: Request, form: Form) -> Response:
    asked = parse_query(WaveformQuery, request)
    row = await owned(request)
    if row.analysis_key is None:
        raise NotFound("The track has no analysis.", hint="Its job tells when there is one.")
    headers = _headers(row.analysis_key, asked, form)
    if etag_matches(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    row, packed = await stored_document(web_of(request), row)

    def draw() -> bytes:
        outline = outline_of(unpack(packed)["waveform"])
        if asked.points_per_s is not None:
            outline = at_rate(outline, asked.points_per_s)
        if asked.points is not None:
            outline = at_most(outline, asked.points)
        return form.write(outline, row.sample_rate_hz)

    assert row.analysis_key is not None
    headers = {
        **_headers(row.analysis_key, asked, form),
        "Content-Disposition": content_disposition(f"{row.title}.{form.extension}"),
        "Content-Type": form.content_type,
    }
    return Response(await asyncio.to_thread(draw), headers=headers)


def _headers(analysis_key: str, asked: WaveformQuery, form: Form) -> dict[str, str]:
    """Nothing that people correct changes the outline."""
    etag = f'"{sha256_of(analysis_key)}-{asked.points_per_s}-{asked.points}-{form.extension}"'
    return {"Cache-Control": REVALIDATED, "ETag": etag, "Vary": "Authorization, Cookie"}


OPERATIONS = tuple(map(_operation, FORMS))

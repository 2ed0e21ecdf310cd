"""A link to the bytes of a track."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from autodj.api.schemas.replies import Reply
from autodj.db import FileSource


class AudioLink(Reply):
    """Where to play a track from now. Ask again when it is over or refused."""

    url: str
    source: FileSource
    expires_at: datetime | None = Field(description="None: the link does not expire.")
    renew_at: datetime | None = Field(
        description="Until then this same link is given to everybody who asks; later a new one."
    )
    content_type: str
    size_bytes: int
    etag: str
    duration_s: float
    rendition: str = Field(
        description="original, or the name of the rendition.", examples=["playback"]
    )
    start_offset_s: float = Field(
        description="Beats and cues are on the original's timeline: one at t is heard at "
        "t - start_offset_s of this file."
    )
    cacheable: bool = Field(
        description="The URL does not expire: keep it, and ask again when it is refused."
    )

"""The other files of a track."""

from __future__ import annotations

from pydantic import Field

from autodj.api.paths import track_path
from autodj.api.schemas.replies import Reply
from autodj.db import FileSource, FileState, RenditionName
from autodj.db import Rendition as RenditionRow


class Rendition(Reply):
    """Another file of a track, made from it. The facts are null until it is made."""

    name: RenditionName
    state: FileState
    ready: bool = Field(description="It can be played now.")
    source: FileSource | None
    content_type: str | None
    codec: str | None
    bit_rate_bps: int | None
    sample_rate_hz: int | None
    channels: int | None
    size_bytes: int | None
    sha256: str | None
    duration_s: float | None
    start_offset_s: float | None = Field(description="As in a link.")
    failure: str | None = Field(description="Why it is not made, or not yet, as a code.")
    audio_url: str = Field(description="Ask here for a link to its bytes.")


class RenditionList(Reply):
    """By name. What is not listed, the track does not have and is not going to have."""

    items: list[Rendition]


def rendition_body(row: RenditionRow) -> Rendition:
    """What an owner sees of a rendition."""
    facts = {name: getattr(row, name) for name in _OF_RENDITION}
    return Rendition(
        **facts,
        state=row.file_state,
        ready=row.file_source is not None,
        source=row.file_source,
        audio_url=f"{track_path(row.track_id)}/audio/url?rendition={row.name}",
    )


_OF_RENDITION = [name for name in Rendition.model_fields if name in RenditionRow.model_fields]

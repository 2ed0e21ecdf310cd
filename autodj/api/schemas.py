"""The bodies that leave the server, as models: the documented shape is the sent shape."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from autodj.audio.keynames import open_key
from autodj.db import (
    AnalysisState,
    FileSource,
    FileState,
    JobKind,
    JobState,
    Origin,
    RenditionName,
    Visibility,
)
from autodj.db import Job as JobRow
from autodj.db import Rendition as RenditionRow
from autodj.db import Track as TrackRow
from autodj.tracks.corrections.values import corrections_of

BASE = "/api/v1"


class Reply(BaseModel):
    """A response body. Every field is always present, so all of them are required to readers."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class Problem(Reply):
    """A refusal (RFC 9457). Some codes bring further members."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:autodj:problem:not_found"])
    title: str
    status: int
    detail: str
    code: str
    hint: str = Field(description="What a person can do about it.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str | None


class AnalysisSummary(Reply):
    """How far the measuring of a track is; ``url`` leads to the whole document."""

    state: AnalysisState
    version: int | None
    failure: str | None = Field(description="Why there is none, as a code.")
    url: str | None


class Corrections(Reply):
    """What people have set, by the names that set it; null where nobody did. Times are as the
    track plays, after the shift of the grid.
    """

    bpm: float | None
    anchor_s: float | None = Field(description="A time that the even beats of bpm go through.")
    grid_shift_ms: float | None
    downbeat_s: float | None
    metre: int | None
    key: str | None


class Track(Reply):
    """One audio file and what is known of it. It can be played as long as it is listed."""

    id: UUID
    title: str
    artist: str | None
    album: str | None
    original_name: str | None
    origin: Origin
    origin_url: str | None
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    version: int
    duration_s: float
    content_type: str
    codec: str
    sample_rate_hz: int
    channels: int
    bit_rate_bps: int | None
    size_bytes: int
    sha256: str
    file_source: FileSource
    file_state: FileState
    playable: bool
    cover_url: str | None
    audio_url: str = Field(description="Ask here for a link to the bytes.")
    analysis: AnalysisSummary
    bpm: float | None
    bpm_confidence: float | None
    bpm_alternative: float | None
    bpm_corrected: bool
    bpm_measured: float | None
    key: str | None = Field(examples=["A minor"])
    camelot: str | None = Field(examples=["8A"])
    key_confidence: float | None
    key_corrected: bool
    key_measured: str | None
    corrections: Corrections
    open_key: str | None = Field(examples=["1m"])
    integrated_lufs: float | None
    true_peak_dbtp: float | None
    loudness_range_lu: float | None
    energy: int | None = Field(description="1 to 10.")
    metre: int | None = Field(description="Beats in most bars.")
    grid: str | None = Field(
        description="constant: evenly spaced beats; variable: the analysis lists them."
    )
    first_downbeat_s: float | None = Field(
        description="Null where the grid was corrected: the analysis has it."
    )
    overview: str | None = Field(
        description="The low, middle and high band in 100 parts of the track: 300 bytes, base64."
    )
    job_id: UUID | None = Field(description="The job that processes it; only when just added.")


class TrackPage(Reply):
    """Newest first. ``total`` counts the whole library, whatever the filter."""

    items: list[Track]
    next_cursor: str | None
    total: int


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


class Job(Reply):
    """Long work that can be watched. ``progress`` runs from 0 to 1 over the whole job."""

    id: UUID
    kind: JobKind
    state: JobState
    step: str
    progress: float
    track_id: UUID | None
    result: dict[str, Any] | None = Field(
        examples=[{"tracks": 1, "sources": {"local": 0, "s3": 1}}]
    )
    problem: dict[str, Any] | None
    created_at: datetime
    changed_at: datetime


class JobList(Reply):
    """Newest first."""

    items: list[Job]


class Me(Reply):
    """Who the caller is, and where new tracks end up."""

    id: UUID
    name: str
    storage: FileSource


class Health(Reply):
    status: str = Field(examples=["ok"])


class Readiness(Reply):
    """Each part is ``ok`` or the code of its problem; ``s3_store`` is null without S3."""

    status: str = Field(description="ok, degraded (all but background work) or unavailable")
    database: str
    broker: str
    local_store: str
    s3_store: str | None
    s3_failing_since: datetime | None = Field(
        description="Since when every request to S3 has failed; null while one succeeds."
    )


def json_response(
    body: Reply, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The model as JSON."""
    return Response(
        body.model_dump_json(), status_code=status, media_type="application/json", headers=headers
    )


def track_body(row: TrackRow, *, job_id: UUID | None = None) -> Track:
    """What an owner sees of a row that has a file source."""
    assert row.file_source is not None
    path = track_path(row.id)
    facts = {name: getattr(row, name) for name in _SAME_NAMED}
    moved = corrections_of(row).touch_the_grid
    return Track(
        **facts,
        playable=True,
        cover_url=f"{path}/cover" if row.cover_key else None,
        audio_url=f"{path}/audio/url",
        analysis=AnalysisSummary(
            state=row.analysis_state,
            version=row.analysis_version,
            failure=row.analysis_failure,
            url=f"{path}/analysis" if row.analysis_key else None,
        ),
        bpm=row.corrected_bpm or row.bpm,
        bpm_corrected=row.corrected_bpm is not None,
        bpm_measured=row.bpm,
        key=row.corrected_key or row.musical_key,
        camelot=row.corrected_camelot or row.camelot,
        key_corrected=row.corrected_key is not None,
        key_measured=row.musical_key,
        corrections=_corrections(row),
        open_key=open_key(row.corrected_key) if row.corrected_key else row.open_key,
        metre=row.corrected_metre or row.metre,
        grid="constant" if row.corrected_anchor_s is not None else row.grid,
        first_downbeat_s=None if moved else row.first_downbeat_s,
        job_id=job_id,
    )


def _corrections(row: TrackRow) -> Corrections:
    shift_s = (row.corrected_shift_ms or 0.0) / 1000
    anchor_s, downbeat_s = row.corrected_anchor_s, row.corrected_downbeat_s
    return Corrections(
        bpm=row.corrected_bpm,
        anchor_s=None if anchor_s is None else round(anchor_s + shift_s, 6),
        grid_shift_ms=row.corrected_shift_ms,
        downbeat_s=None if downbeat_s is None else round(downbeat_s + shift_s, 6),
        metre=row.corrected_metre,
        key=row.corrected_key,
    )


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


def job_body(row: JobRow) -> Job:
    return Job(**{name: getattr(row, name) for name in Job.model_fields})


def track_path(track_id: UUID) -> str:
    return f"{BASE}/tracks/{track_id}"


def job_path(job_id: UUID) -> str:
    return f"{BASE}/jobs/{job_id}"


_SAME_NAMED = [
    name
    for name in Track.model_fields
    if name in TrackRow.model_fields
    and name not in {"bpm", "camelot", "open_key", "metre", "grid", "first_downbeat_s"}
]
_OF_RENDITION = [name for name in Rendition.model_fields if name in RenditionRow.model_fields]

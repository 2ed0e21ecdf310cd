"""A track as its owner sees it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from autodj.api.paths import track_path
from autodj.api.schemas.replies import Reply
from autodj.audio.keynames import open_key
from autodj.db import AnalysisState, FileSource, FileState, Origin, Visibility
from autodj.db import Track as TrackRow
from autodj.tracks.corrections.values import corrections_of
from autodj.tracks.told_addresses import told_address


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
    origin_url: str | None = Field(description="Without its query, which may hold a key.")
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
        description="Seconds; of an even grid down to -0.02. Null where the grid was corrected: "
        "the analysis has it."
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


def track_body(row: TrackRow, *, job_id: UUID | None = None) -> Track:
    """What an owner sees of a row that has a file source."""
    assert row.file_source is not None
    path = track_path(row.id)
    facts = {name: getattr(row, name) for name in _OF_TRACK}
    moved = corrections_of(row).touch_the_grid
    return Track(
        **facts,
        origin_url=told_address(row.origin_url).url if row.origin_url else None,
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


_TOLD_OTHERWISE = frozenset(
    {"bpm", "camelot", "open_key", "metre", "grid", "first_downbeat_s", "origin_url"}
)
_OF_TRACK = [
    name
    for name in Track.model_fields
    if name in TrackRow.model_fields and name not in _TOLD_OTHERWISE
]

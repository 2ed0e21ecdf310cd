"""The tables. Constraints hold on SQLite and Postgres alike, and are tested on both."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from autodj.db.types import (
    ACTIVE,
    AnalysisState,
    FileSource,
    FileState,
    JobKind,
    JobState,
    Origin,
    PublicState,
    ReanalysisState,
    RenditionName,
    UtcDateTime,
    Visibility,
    words,
)

# A CHECK passes on NULL, so every arm that needs a value says IS NOT NULL.
FILE_SHAPE = """
(file_state IN ('pending', 'failed', 'deleting') AND file_source IS NULL)
OR (file_state = 'stable' AND file_source IS NOT NULL AND (
    (file_source = 'local' AND file_path IS NOT NULL AND s3_object_key IS NULL)
    OR (file_source = 's3' AND s3_object_key IS NOT NULL AND file_path IS NULL)))
OR (file_state IN ('copying', 'cleaning') AND file_source IS NOT NULL
    AND file_path IS NOT NULL AND s3_object_key IS NOT NULL)
"""
FILE_CHECKS = {
    "file_state": (
        "file_state IN ('pending', 'stable', 'copying', 'cleaning', 'deleting', 'failed')"
    ),
    "file_source": "file_source IN ('local', 's3')",
    "file_shape": FILE_SHAPE,
    "clean_after": "file_state <> 'cleaning' OR clean_after IS NOT NULL",
    "readable": "file_source IS NULL OR (sha256 IS NOT NULL AND size_bytes > 0)",
}


RENDITION_CHECKS = {
    **FILE_CHECKS,
    "readable": (
        "file_source IS NULL OR (sha256 IS NOT NULL AND size_bytes IS NOT NULL AND size_bytes > 0"
        " AND extension IS NOT NULL AND content_type IS NOT NULL AND codec IS NOT NULL"
        " AND duration_s IS NOT NULL AND start_offset_s IS NOT NULL)"
    ),
}

# Few rows are so at any time. A query has to say it in these words to be given the index.
PENDING = f"file_state = '{FileState.PENDING}'"
MEASURED_ANEW = "reanalysis_id IS NOT NULL"
ACTIVE_JOBS = "state IN ({})".format(", ".join(f"'{state}'" for state in ACTIVE))


class User(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "users"

    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=String(64), unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Track(SQLModel, table=True):
    """One audio file of one owner, the facts about it, and where its bytes are."""

    __tablename__: ClassVar[Any] = "tracks"
    __table_args__: ClassVar[Any] = (
        *(CheckConstraint(rule, name=name) for name, rule in FILE_CHECKS.items()),
        Index("ix_tracks_due", "next_attempt_at"),
        Index(
            "ix_tracks_reanalysis",
            "reanalysis_state",
            "reanalysis_id",
            "created_at",
            "file_source",
            sqlite_where=text(MEASURED_ANEW),
            postgresql_where=text(MEASURED_ANEW),
        ),
        Index("uq_tracks_public_object_key", "public_object_key", unique=True),
        Index("ix_tracks_analysis_key", "analysis_key"),
        Index("ix_tracks_cover_key", "cover_key"),
        Index(
            "ix_tracks_pending",
            "created_at",
            sqlite_where=text(PENDING),
            postgresql_where=text(PENDING),
        ),
        Index("ix_tracks_owner_created", "owner_id", "created_at", "id"),
        Index(
            "uq_tracks_owner_bytes",
            "owner_id",
            "sha256",
            unique=True,
            sqlite_where=Column("file_source").is_not(None),
            postgresql_where=Column("file_source").is_not(None),
        ),
    )

    id: UUID = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="users.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1
    title: str = Field(sa_type=String(512))
    artist: str | None = Field(default=None, sa_type=String(512))
    album: str | None = Field(default=None, sa_type=String(512))
    original_name: str | None = Field(default=None, sa_type=String(512))
    origin: Origin = Field(sa_type=words(Origin))
    origin_url: str | None = Field(default=None, sa_type=Text)
    visibility: Visibility = Field(sa_type=words(Visibility), default=Visibility.PRIVATE)

    content_type: str = Field(sa_type=String(64))
    extension: str = Field(sa_type=String(8))
    codec: str = Field(sa_type=String(32))
    sample_rate_hz: int
    channels: int
    bit_rate_bps: int | None = None
    duration_s: float
    sha256: str = Field(sa_type=String(64))
    size_bytes: int = Field(sa_type=BigInteger)

    file_state: FileState = Field(sa_type=words(FileState))
    file_source: FileSource | None = Field(default=None, sa_type=words(FileSource))
    file_path: str | None = Field(default=None, sa_type=String(200), unique=True)
    s3_object_key: str | None = Field(default=None, sa_type=String(200), unique=True)
    generation: int = 0
    clean_after: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    failure: str | None = Field(default=None, sa_type=String(64))

    public_state: PublicState | None = Field(default=None, sa_type=words(PublicState))
    public_object_key: str | None = Field(default=None, sa_type=String(200))

    cover_key: str | None = Field(default=None, sa_type=String(200))
    analysis_state: AnalysisState = Field(sa_type=words(AnalysisState))
    analysis_version: int | None = None
    analysis_key: str | None = Field(default=None, sa_type=String(200))
    analysis_source: FileSource = Field(
        default=FileSource.LOCAL,
        sa_column=Column(words(FileSource), nullable=False, server_default="local"),
    )
    analysis_failure: str | None = Field(default=None, sa_type=String(64))
    bpm: float | None = None
    bpm_confidence: float | None = None
    bpm_alternative: float | None = None
    musical_key: str | None = Field(default=None, sa_type=String(16))
    camelot: str | None = Field(default=None, sa_type=String(3))
    key_confidence: float | None = None
    integrated_lufs: float | None = None
    true_peak_dbtp: float | None = None
    loudness_range_lu: float | None = None
    open_key: str | None = Field(default=None, sa_type=String(3))
    energy: int | None = None
    metre: int | None = None
    grid: str | None = Field(default=None, sa_type=String(8))
    first_downbeat_s: float | None = None
    overview: str | None = Field(default=None, sa_type=String(400))
    corrected_bpm: float | None = None
    corrected_key: str | None = Field(default=None, sa_type=String(16))
    corrected_camelot: str | None = Field(default=None, sa_type=String(3))
    corrected_anchor_s: float | None = None
    corrected_shift_ms: float | None = None
    corrected_downbeat_s: float | None = None
    corrected_metre: int | None = None
    reanalysis_state: ReanalysisState | None = Field(default=None, sa_type=words(ReanalysisState))
    reanalysis_id: UUID | None = None


class Rendition(SQLModel, table=True):
    """Another file of a track, made from it, that moves as the track's own file does.

    What was at ``t`` seconds of the rendition is at ``t + start_offset_s`` of the decoded
    original, where the beats are counted. The facts are empty until it is made.
    """

    __tablename__: ClassVar[Any] = "renditions"
    __table_args__: ClassVar[Any] = (
        *(CheckConstraint(rule, name=name) for name, rule in RENDITION_CHECKS.items()),
        UniqueConstraint("track_id", "name"),
        Index("ix_renditions_due", "next_attempt_at"),
    )

    id: UUID = Field(primary_key=True)
    track_id: UUID = Field(foreign_key="tracks.id")
    name: RenditionName = Field(sa_type=words(RenditionName))
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1

    content_type: str | None = Field(default=None, sa_type=String(64))
    extension: str | None = Field(default=None, sa_type=String(8))
    codec: str | None = Field(default=None, sa_type=String(32))
    sample_rate_hz: int | None = None
    channels: int | None = None
    bit_rate_bps: int | None = None
    duration_s: float | None = None
    start_offset_s: float | None = None
    sha256: str | None = Field(default=None, sa_type=String(64))
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)

    file_state: FileState = Field(sa_type=words(FileState))
    file_source: FileSource | None = Field(default=None, sa_type=words(FileSource))
    file_path: str | None = Field(default=None, sa_type=String(200), unique=True)
    s3_object_key: str | None = Field(default=None, sa_type=String(200), unique=True)
    generation: int = 0
    clean_after: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    failure: str | None = Field(default=None, sa_type=String(64))


class Job(SQLModel, table=True):
    """One piece of long work that somebody may watch: a fetch, or one track's processing."""

    __tablename__: ClassVar[Any] = "jobs"
    __table_args__: ClassVar[Any] = (
        Index("ix_jobs_due", "next_attempt_at"),
        Index("ix_jobs_changed", "changed_at"),
        Index("ix_jobs_owner_created", "owner_id", "created_at", "id"),
        Index("ix_jobs_track", "track_id"),
        Index(
            "ix_jobs_active",
            "owner_id",
            "created_at",
            "id",
            sqlite_where=text(ACTIVE_JOBS),
            postgresql_where=text(ACTIVE_JOBS),
        ),
    )

    id: UUID = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="users.id")
    kind: JobKind = Field(sa_type=words(JobKind))
    state: JobState = Field(sa_type=words(JobState))
    step: str = Field(sa_type=String(16))
    progress: float = 0.0
    track_id: UUID | None = None
    payload: dict[str, Any] = Field(sa_type=JSON, default_factory=dict)
    result: dict[str, Any] | None = Field(sa_type=JSON, default=None)
    problem: dict[str, Any] | None = Field(sa_type=JSON, default=None)
    created_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1
    next_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0


class IdempotencyKey(SQLModel, table=True):
    """What an Idempotency-Key was used for; ``status`` is empty while it is in flight."""

    __tablename__: ClassVar[Any] = "idempotency_keys"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("owner_id", "key"),
        Index("ix_idempotency_keys_created", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="users.id")
    key: str = Field(sa_type=String(255))
    fingerprint: str = Field(sa_type=String(64))
    status: int | None = None
    subject_id: UUID | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)


class LoginLink(SQLModel, table=True):
    """A one-time way in; only the hash of its token is kept."""

    __tablename__: ClassVar[Any] = "login_links"

    token_sha256: str = Field(sa_type=String(64), primary_key=True)
    user_id: UUID = Field(foreign_key="users.id")
    expires_at: datetime = Field(sa_type=UtcDateTime)

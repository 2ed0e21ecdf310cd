"""The frozen settings, by concern."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from autodj.settings.parsers import Retention


@dataclass(frozen=True, slots=True)
class S3Settings:
    bucket: str | None
    region: str
    access_key: str | None = field(repr=False)
    secret_key: str | None = field(repr=False)
    session_token: str | None = field(repr=False)
    use_iam_role: bool
    endpoint_url: str | None
    prefix: str
    expected_bucket_owner: str | None
    sse: str | None
    path_style: bool
    max_connections: int


@dataclass(frozen=True, slots=True)
class CdnSettings:
    """``origin`` is scheme and host; without ``key_pair_id`` links are plain."""

    origin: str | None
    key_pair_id: str | None
    private_key: str | None = field(repr=False)
    hash: str
    link_ttl_s: int


@dataclass(frozen=True, slots=True)
class LimitSettings:
    max_track_bytes: int
    max_track_duration_s: int
    max_file_bytes: int
    document_prefix: str
    fetch_total_s: int
    fetch_allow_private: bool


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    jobs: int
    analysis_timeout_s: int
    job_timeout_s: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process was told, parsed once."""

    production: bool
    secret: str = field(repr=False)
    public_url: str
    data_dir: Path
    log_level: str
    log_format: str
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    queue_name: str
    publish_to: str
    media_root: Path
    local_retention: Retention
    clean_grace_s: int
    max_local_senders: int
    s3: S3Settings
    cdn: CdnSettings
    limits: LimitSettings
    worker: WorkerSettings

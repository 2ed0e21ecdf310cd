"""The frozen settings, by concern."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from autodj.settings.baskets import Baskets
from autodj.settings.parsers import Retention
from autodj.settings.s3 import S3Settings

PAUSE_GRACE_S: Final = 300
"""How long a listener may pause, on top of the track's length, before a link is over."""


@dataclass(frozen=True, slots=True)
class CdnSettings:
    """``origin`` is scheme and host; without ``key_pair_id`` links are plain.

    The second key is another live one of the key group, while keys rotate.
    """

    origin: str | None
    key_pair_id: str | None
    private_key: str | None = field(repr=False)
    second_key_pair_id: str | None
    second_private_key: str | None = field(repr=False)
    hash: str
    link_ttl_s: int
    link_window_s: int
    public_links: bool
    distribution_id: str | None
    api_url: str | None

    @property
    def second_keys(self) -> dict[str, str]:
        """The PEM of the second key, if there is one, by its id."""
        if self.second_key_pair_id is None or self.second_private_key is None:
            return {}
        return {self.second_key_pair_id: self.second_private_key}


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
    reanalysis_at_once: int = 1


@dataclass(frozen=True, slots=True)
class RenditionSettings:
    """``mode`` is auto, always or never, ``format`` aac or mp3; ``preview_s`` of 0 makes none."""

    mode: str
    format: str
    bit_rate_bps: int
    lossless: bool
    preview_s: int
    preview_bit_rate_bps: int
    timeout_s: int


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
    local_accel_prefix: str | None
    max_connections: int
    body_total_s: int
    s3: S3Settings
    cdn: CdnSettings
    limits: LimitSettings
    worker: WorkerSettings
    renditions: RenditionSettings
    baskets: Baskets

    @property
    def longest_link_s(self) -> int:
        """Seconds after which no link to a track is good that was handed out before.

        What links lead to has to stay at least that long after readers were sent elsewhere.
        """
        cdn, limits = self.cdn, self.limits
        return cdn.link_window_s + cdn.link_ttl_s + limits.max_track_duration_s + PAUSE_GRACE_S

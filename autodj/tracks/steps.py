"""What a track needs next, decided from its row alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from autodj.db import AnalysisState, FileSource, FileState
from autodj.settings import Settings

FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)
MAX_ATTEMPTS = 8
FIRST_BACKOFF_S = 5
REST_S = 6 * 3600


class Step(StrEnum):
    """The work a row can ask for; each is one job."""

    ANALYZE = "analyze"
    PUBLISH = "publish"
    CLEAN = "clean"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Policy:
    """How tracks move: whether they go to S3, and how long the old copy stays.

    ``keep_local_s`` is counted from the flip; None keeps the local copy for ever.
    """

    publish_to_s3: bool
    keep_local_s: int | None
    lease_s: int
    analysis_version: int

    @classmethod
    def of(cls, settings: Settings, analysis_version: int) -> Policy:
        days = settings.local_retention.days
        return cls(
            publish_to_s3=settings.publish_to == "s3",
            keep_local_s=None if days is None else max(settings.clean_grace_s, days * 86400),
            lease_s=settings.worker.job_timeout_s + 30,
            analysis_version=analysis_version,
        )

    def clean_after(self, now: datetime) -> datetime:
        if self.keep_local_s is None:
            return FOR_EVER
        return now + timedelta(seconds=self.keep_local_s)


class Moving(Protocol):
    """The columns the decision reads."""

    file_state: FileState
    file_source: FileSource | None
    clean_after: datetime | None
    analysis_state: AnalysisState
    analysis_version: int | None
    attempts: int


def next_step(track: Moving, policy: Policy, now: datetime) -> Step | None:
    """The step that is due, or None: there is nothing to do, or it is not time yet."""
    match track.file_state:
        case FileState.DELETING:
            return Step.DELETE
        case FileState.COPYING:
            return Step.PUBLISH
        case FileState.STABLE | FileState.CLEANING if needs_analysis(track, policy):
            return Step.ANALYZE
        case FileState.STABLE if policy.publish_to_s3 and track.file_source is FileSource.LOCAL:
            return Step.PUBLISH
        case FileState.CLEANING if track.clean_after is not None and now >= track.clean_after:
            return Step.CLEAN
    return None


def needs_analysis(track: Moving, policy: Policy) -> bool:
    """Not measured yet, or by an older version; a file that failed is left alone."""
    if track.analysis_state is AnalysisState.PENDING:
        return True
    return (
        track.analysis_state is AnalysisState.DONE
        and (track.analysis_version or 0) < policy.analysis_version
    )


def wakes_at(track: Moving, policy: Policy, now: datetime) -> datetime | None:
    """When the row next wants attention: now, at the end of its grace, or never."""
    if next_step(track, policy, now) is not None:
        return now
    if track.file_state is FileState.CLEANING and track.clean_after != FOR_EVER:
        return track.clean_after
    return None


def backoff_s(attempts: int) -> int:
    """Seconds to wait after that many failures: doubling from 5 s.

    Whoever has failed ``MAX_ATTEMPTS`` times rests for six hours and starts afresh.
    """
    if attempts >= MAX_ATTEMPTS:
        return REST_S
    return FIRST_BACKOFF_S << max(attempts - 1, 0)

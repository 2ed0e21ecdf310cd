"""What a track needs next, decided from its row alone."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from autodj.db import (
    AnalysisState,
    FileSource,
    FileState,
    PublicState,
    ReanalysisState,
    Visibility,
)
from autodj.tracks.policy import FOR_EVER, Policy

MAX_ATTEMPTS = 8
FIRST_BACKOFF_S = 5
REST_S = 6 * 3600


class Step(StrEnum):
    """The work a row can ask for; each is one job."""

    ANALYZE = "analyze"
    PUBLISH = "publish"
    CLEAN = "clean"
    SHARE = "share"
    DELETE = "delete"
    RENDER = "render"


class Filed(Protocol):
    """The columns of any row with a file that a decision reads."""

    file_state: FileState
    file_source: FileSource | None
    clean_after: datetime | None


class Moving(Filed, Protocol):
    """The columns of a track that the decision reads."""

    analysis_state: AnalysisState
    analysis_version: int | None
    analysis_failure: str | None
    reanalysis_state: ReanalysisState | None
    analysis_key: str | None
    analysis_source: FileSource
    attempts: int
    visibility: Visibility
    public_state: PublicState | None


def next_step(track: Moving, policy: Policy, now: datetime) -> Step | None:
    """The step that is due, or None: there is nothing to do, or it is not time yet."""
    if track.file_state is FileState.DELETING:
        return Step.DELETE
    if is_public_too_long(track, policy):
        return Step.SHARE
    return _file_step(track, policy, now) or _public_step(track, policy)


def _file_step(track: Moving, policy: Policy, now: datetime) -> Step | None:
    match track.file_state:
        case FileState.STABLE | FileState.CLEANING if needs_analysis(track, policy):
            return Step.ANALYZE
    return move_step(track, policy, now) or _document_step(track)


def _document_step(track: Moving) -> Step | None:
    return Step.PUBLISH if is_document_astray(track) else None


def is_document_astray(track: Moving) -> bool:
    """Whether the analysis document is still to follow the track to S3."""
    return (
        track.file_source is FileSource.S3
        and track.analysis_key is not None
        and track.analysis_source is FileSource.LOCAL
    )


def move_step(row: Filed, policy: Policy, now: datetime) -> Step | None:
    """What any row with a file does on its way to S3."""
    match row.file_state:
        case FileState.COPYING:
            return Step.PUBLISH
        case FileState.STABLE if policy.publish_to_s3 and row.file_source is FileSource.LOCAL:
            return Step.PUBLISH
        case FileState.CLEANING if row.clean_after is not None and now >= row.clean_after:
            return Step.CLEAN
    return None


def _public_step(track: Moving, policy: Policy) -> Step | None:
    rests = track.file_state in {FileState.STABLE, FileState.CLEANING}
    lacks_copy = is_to_be_public(track, policy) and track.public_state is not PublicState.OPEN
    return Step.SHARE if rests and lacks_copy else None


def is_to_be_public(track: Moving, policy: Policy) -> bool:
    """Whether the track should have a public copy."""
    return (
        policy.public_links
        and track.visibility is Visibility.PUBLIC
        and track.file_source is FileSource.S3
    )


def is_public_too_long(track: Moving, policy: Policy) -> bool:
    """Whether there is a public copy that has to go: that is more urgent than any other step."""
    if track.public_state is None:
        return False
    return track.public_state is PublicState.CLOSING or not is_to_be_public(track, policy)


def needs_analysis(track: Moving, policy: Policy) -> bool:
    """Not measured yet, by an older version, or asked for; a file that failed is left alone."""
    if track.analysis_state is AnalysisState.PENDING:
        return True
    if track.reanalysis_state is ReanalysisState.BEGUN:
        return True
    return (
        track.analysis_state is AnalysisState.DONE
        and track.analysis_failure is None
        and (track.analysis_version or 0) < policy.analysis_version
    )


def wakes_at(track: Moving, policy: Policy, now: datetime) -> datetime | None:
    """When the row next wants attention: now, at the end of its grace, or never."""
    return _wakes_at(next_step(track, policy, now), track, now)


def next_rendition_step(rendition: Filed, policy: Policy, now: datetime) -> Step | None:
    """As ``next_step``, for a rendition: it is made before it moves."""
    match rendition.file_state:
        case FileState.DELETING:
            return Step.DELETE
        case FileState.PENDING:
            return Step.RENDER
    return move_step(rendition, policy, now)


def rendition_wakes_at(rendition: Filed, policy: Policy, now: datetime) -> datetime | None:
    """As ``wakes_at``, for a rendition."""
    return _wakes_at(next_rendition_step(rendition, policy, now), rendition, now)


def _wakes_at(step: Step | None, row: Filed, now: datetime) -> datetime | None:
    if step is not None:
        return now
    if row.file_state is FileState.CLEANING and row.clean_after != FOR_EVER:
        return row.clean_after
    return None


def backoff_s(attempts: int) -> int:
    """Seconds to wait after that many failures: doubling from 5 s.

    Whoever has failed ``MAX_ATTEMPTS`` times rests for six hours and starts afresh.
    """
    if attempts >= MAX_ATTEMPTS:
        return REST_S
    return FIRST_BACKOFF_S << max(attempts - 1, 0)

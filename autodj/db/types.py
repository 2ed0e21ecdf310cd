"""Column types and the states a row may be in."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import DateTime, Dialect, Enum
from sqlalchemy.types import TypeDecorator

from autodj.audio.recipes import RenditionName

__all__ = [
    "ACTIVE",
    "AnalysisState",
    "FileSource",
    "FileState",
    "JobKind",
    "JobState",
    "Origin",
    "ReanalysisState",
    "RenditionName",
    "UtcDateTime",
    "Visibility",
    "words",
]


class FileSource(StrEnum):
    """Where a track's bytes are read from now."""

    LOCAL = "local"
    S3 = "s3"


class FileState(StrEnum):
    """Where a track stands in the life of its bytes; see ARCHITECTURE.md."""

    PENDING = "pending"
    STABLE = "stable"
    COPYING = "copying"
    CLEANING = "cleaning"
    DELETING = "deleting"
    FAILED = "failed"


class AnalysisState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Origin(StrEnum):
    """How a track came in."""

    UPLOAD = "upload"
    URL = "url"
    FOLDER = "folder"


class Visibility(StrEnum):
    PRIVATE = "private"
    PUBLIC = "public"


class PublicState(StrEnum):
    """Where the public copy of a track stands; a track without one has no state.

    Only OPEN is ever told to readers, and what is CLOSING is never opened again.
    """

    MAKING = "making"
    OPEN = "open"
    CLOSING = "closing"


class ReanalysisState(StrEnum):
    """Where a track stands in a run that measures many anew; see ``db.reanalysis``.

    What is BEGUN is measured as soon as its row is due, whatever its analysis says.
    """

    WAITING = "waiting"
    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"


class JobKind(StrEnum):
    PROCESS = "process"
    FETCH = "fetch"
    REANALYSIS = "reanalysis"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self in {JobState.DONE, JobState.FAILED}


ACTIVE = tuple(state for state in JobState if not state.is_over)


def words(kind: type[StrEnum]) -> Enum:
    """A column of an enum's values as plain text, so that a new word needs no ALTER TYPE."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python on both engines; SQLite keeps no zone, so it is put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - the signature is SQLAlchemy's
    ) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

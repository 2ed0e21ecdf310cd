"""Work that can be watched."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from autodj.api.schemas.replies import Reply
from autodj.db import Job as JobRow
from autodj.db import JobKind, JobState


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


def job_body(row: JobRow) -> Job:
    return Job(**{name: getattr(row, name) for name in Job.model_fields})

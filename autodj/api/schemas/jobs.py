"""Work that can be watched."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from autodj.api.schemas.replies import Reply
from autodj.db import Job as JobRow
from autodj.db import JobKind, JobState, Visibility
from autodj.tracks.told_addresses import told_address


class FetchOrder(Reply):
    """What a fetch was asked for. Its URL is told without query, which may hold a key."""

    url: str = Field(examples=["https://example.org/a.mp3"])
    url_is_whole: bool = Field(description="Only then this URL can be asked for again.")
    visibility: Visibility


class Job(Reply):
    """Long work that can be watched. ``progress`` runs from 0 to 1 over the whole job."""

    id: UUID
    kind: JobKind
    state: JobState
    step: str
    progress: float
    order: FetchOrder | None = Field(description="Of a fetch.")
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
    told = {name: getattr(row, name) for name in Job.model_fields if name != "order"}
    return Job(**told, order=_order(row))


def _order(row: JobRow) -> FetchOrder | None:
    if row.kind is not JobKind.FETCH:
        return None
    address = told_address(row.payload["url"])
    return FetchOrder(
        url=address.url,
        url_is_whole=address.is_whole,
        visibility=Visibility(row.payload["visibility"]),
    )

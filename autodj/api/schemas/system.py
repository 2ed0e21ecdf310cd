"""Who asks, and how the server is."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from autodj.api.schemas.replies import Reply
from autodj.db import FileSource


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

"""Where things are found: what every path starts with, and the path of one thing."""

from __future__ import annotations

from uuid import UUID

BASE = "/api/v1"


def track_path(track_id: UUID) -> str:
    return f"{BASE}/tracks/{track_id}"


def job_path(job_id: UUID) -> str:
    return f"{BASE}/jobs/{job_id}"

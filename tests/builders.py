"""Rows for tests, with literal values that a test may override."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from autodj.db import AnalysisState, FileSource, FileState, Origin, Track, User

MOMENT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHA256 = "ab" * 32


def make_user(name: str | None = None) -> User:
    user_id = uuid4()
    return User(id=user_id, name=name or f"user-{user_id}", created_at=MOMENT)


def make_track(owner_id: UUID, **values: object) -> Track:
    """A stable local track; any column may be given."""
    track_id = uuid4()
    columns: dict[str, Any] = {
        "id": track_id,
        "owner_id": owner_id,
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "title": "Night Bus",
        "origin": Origin.UPLOAD,
        "content_type": "audio/mpeg",
        "extension": "mp3",
        "codec": "mp3",
        "sample_rate_hz": 44100,
        "channels": 2,
        "duration_s": 180.0,
        "sha256": uuid4().hex * 2,
        "size_bytes": 7_200_000,
        "file_state": FileState.STABLE,
        "file_source": FileSource.LOCAL,
        "file_path": f"tracks/{track_id}/0-{SHA256}.mp3",
        "analysis_state": AnalysisState.PENDING,
        **values,
    }
    return Track(**columns)

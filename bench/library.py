"""A library for the benches that ask the web process for audio."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import insert

from autodj.db import AnalysisState, FileSource, FileState, Origin, Track, open_database
from autodj.db.schema import upgrade
from autodj.storage.keys import track_key
from autodj.storage.local import LocalStorage
from autodj.users.login import ensure_user
from autodj.users.tokens import Audience, issue

FILE_BYTES = 8 * 1024 * 1024
TRACKS = "/api/v1/tracks"
SECRET = secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Library:
    """A database and a store: one track is here, the others are said to be on S3."""

    folder: Path
    database_url: str
    token: str
    local: Track
    on_s3: Track
    many: Sequence[UUID]

    @property
    def file(self) -> Path:
        """The bytes of the local track."""
        return self.folder / "media" / str(self.local.file_path)


async def build(folder: Path, database_url: str, *, cold: int) -> Library:
    """Fill an empty database; ``cold`` tracks are there only to be many."""
    await upgrade(database_url)
    content = secrets.token_bytes(FILE_BYTES)
    digest = hashlib.sha256(content).hexdigest()
    async with open_database(database_url) as db:
        user = await ensure_user(db, "bench")
        here, there = _track(user.id, digest, local=True), _track(user.id, "0" * 64, local=False)
        many = [_track(user.id, f"{number:064x}", local=False) for number in range(1, cold + 1)]
        async with db.transaction() as session:
            await session.execute(insert(Track), [row.model_dump() for row in (here, there, *many)])
    store = LocalStorage(folder / "media")
    await store.put(str(here.file_path), content, sha256=digest, content_type="audio/mpeg")
    token = issue(SECRET, user.id, Audience.API, now=datetime.now(UTC), ttl_s=86400)
    return Library(folder, database_url, token, here, there, [row.id for row in many])


def _track(owner_id: UUID, sha256: str, *, local: bool) -> Track:
    track_id, now = uuid4(), datetime.now(UTC)
    key = track_key(track_id, 0 if local else 1, sha256, "mp3")
    return Track(
        id=track_id,
        owner_id=owner_id,
        created_at=now,
        updated_at=now,
        title="Bench",
        origin=Origin.UPLOAD,
        content_type="audio/mpeg",
        extension="mp3",
        codec="mp3",
        sample_rate_hz=44100,
        channels=2,
        duration_s=240.0,
        sha256=sha256,
        size_bytes=FILE_BYTES,
        file_state=FileState.STABLE,
        file_source=FileSource.LOCAL if local else FileSource.S3,
        file_path=key if local else None,
        s3_object_key=None if local else key,
        analysis_state=AnalysisState.PENDING,
    )


def environment(library: Library, **more: str) -> dict[str, str]:
    return {
        "AUTODJ_SECRET": SECRET,
        "AUTODJ_DATA_DIR": str(library.folder),
        "DATABASE_URL": library.database_url,
        "LOG_LEVEL": "warning",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        **more,
    }

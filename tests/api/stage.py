"""The whole application on real parts, and people who use it."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import wave
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from starlette.testclient import TestClient

from autodj.api.app import create_app
from autodj.api.auth import SESSION_COOKIE
from autodj.db import FileSource, Job, JobKind, Track, jobs
from autodj.laptop.s3server import S3Server
from autodj.runtime import Runtime
from autodj.settings import Settings, load
from autodj.storage.keys import track_key
from autodj.users.tokens import Audience, issue
from tests.api.documented import Documented
from tests.builders import make_track, make_user

SECRET = "a-secret-of-the-tests-0123456789-ABCDEF"
PUBLIC_URL = "http://autodj.test"
NO_BROKER = "redis://127.0.0.1:1/0"
MAX_TRACK_BYTES = 2 * 1024 * 1024
FETCH_ORDER = {"url": "https://example.org/mix.flac", "visibility": "private"}

T = TypeVar("T")


@dataclass(frozen=True)
class Person:
    """A user and the two ways in which they are known."""

    id: UUID
    name: str
    secret: str = SECRET
    # A person has one token: those of another second would be other ones.
    known_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(Audience.API)}"}

    @property
    def session(self) -> dict[str, str]:
        return {"Cookie": f"{SESSION_COOKIE}={self.token(Audience.PAGE)}"}

    def token(self, audience: Audience) -> str:
        return issue(self.secret, self.id, audience, now=self.known_at, ttl_s=600)


@dataclass(frozen=True)
class Stage:
    """A running application; ``client`` speaks to it."""

    client: TestClient
    settings: Settings

    @property
    def runtime(self) -> Runtime:
        found: Runtime = self.client.app_state["web"].runtime
        return found

    def run(self, act: Callable[..., Awaitable[T]], *arguments: object) -> T:
        """Run a coroutine function inside the application's event loop."""
        assert self.client.portal is not None
        return self.client.portal.call(act, *arguments)

    def add(self, *rows: object) -> None:
        async def add() -> None:
            for row in rows:
                async with self.runtime.db.transaction() as session:
                    session.add(row)

        self.run(add)

    def person(self) -> Person:
        """Somebody new, with an empty library."""
        user = make_user()
        self.add(user)
        return Person(user.id, user.name)

    def track(self, owner: Person, **columns: object) -> Track:
        """A row without bytes."""
        track = make_track(owner.id, **columns)
        self.add(track)
        return track

    def stored(self, owner: Person, content: bytes, **columns: object) -> Track:
        """A row whose bytes are in the local store."""
        track_id: Any = columns.pop("id", None) or uuid4()
        digest = hashlib.sha256(content).hexdigest()
        key = track_key(track_id, 0, digest, "mp3")
        put = self.runtime.local.put
        self.run(lambda: put(key, content, sha256=digest, content_type="audio/mpeg"))
        facts: dict[str, Any] = {"sha256": digest, "size_bytes": len(content), "file_path": key}
        return self.track(owner, id=track_id, **facts, **columns)

    def on_s3(self, owner: Person, sha256: str, **columns: object) -> Track:
        """A row that says its bytes are on S3; nothing is put there."""
        track_id = uuid4()
        facts: dict[str, Any] = {
            "id": track_id,
            "file_source": FileSource.S3,
            "file_path": None,
            "s3_object_key": track_key(track_id, 1, sha256, "mp3"),
            "generation": 1,
            "sha256": sha256,
        }
        return self.track(owner, **(facts | columns))

    def job(self, owner: Person, **changes: object) -> Job:
        async def add() -> Job:
            now = await self.runtime.db.now()
            async with self.runtime.db.transaction() as session:
                return jobs.add(
                    session, owner_id=owner.id, kind=JobKind.PROCESS, step="analyze", now=now
                )

        job = self.run(add)
        if changes:
            self.change(job, **changes)
        return job

    def change(self, job: Job, **changes: object) -> None:
        async def change() -> None:
            now = await self.runtime.db.now()
            async with self.runtime.db.transaction() as session:
                await jobs.change(session, job.id, now=now, **changes)

        self.run(change)

    def files(self) -> set[str]:
        """Every file of the local store, temporary ones too."""
        root = self.runtime.local.root
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def settings_for(data_dir: Path, database_url: str, **environment: str) -> Settings:
    return load(
        {
            "AUTODJ_SECRET": SECRET,
            "AUTODJ_PUBLIC_URL": PUBLIC_URL,
            "AUTODJ_DATA_DIR": str(data_dir),
            "DATABASE_URL": database_url,
            "REDIS_URL": NO_BROKER,
            "MAX_TRACK_BYTES": str(MAX_TRACK_BYTES),
            **environment,
        }
    )


def s3_settings_for(folder: Path, migrated: Path, server: S3Server, bucket: str) -> Settings:
    """Of a site whose database is a copy of ``migrated`` and whose bucket is on a real server."""
    (folder / "autodj.db").write_bytes(migrated.read_bytes())
    return settings_for(
        folder,
        f"sqlite:///{folder}/autodj.db",
        S3_BUCKET_NAME=bucket,
        S3_ENDPOINT_URL=server.endpoint_url,
        AWS_ACCESS_KEY_ID=server.access_key,
        AWS_SECRET_ACCESS_KEY=server.secret_key,
        S3_PATH_STYLE="true",
        S3_SSE="none",
    )


@contextmanager
def staged(settings: Settings) -> Iterator[Stage]:
    """Start the application and stop it afterwards. Redirects are shown, not followed."""
    client = Documented(create_app(settings), base_url=PUBLIC_URL, follow_redirects=False)
    with client:
        yield Stage(client, settings)


def wav(seconds: float = 1.0, *, frequency_hz: float = 220.0, rate_hz: int = 8000) -> bytes:
    """A short tone. Another frequency makes other bytes."""
    count = int(seconds * rate_hz)
    step = 2 * math.pi * frequency_hz / rate_hz
    samples = [int(12000 * math.sin(step * index)) for index in range(count)]
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(struct.pack(f"<{count}h", *samples))
    return buffer.getvalue()

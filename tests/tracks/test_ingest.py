"""Nothing is acknowledged before it is safe, and nothing refused leaves a trace."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from autodj.audio.facts import DecodeLimits
from autodj.audio.sandbox import Sandbox
from autodj.db import Database, FileSource, FileState, JobState, Track, Visibility
from autodj.db import jobs as job_rows
from autodj.errors import AudioRejected, DiskFull, UnsupportedMedia
from autodj.jobs import Jobs
from autodj.storage.local import LocalStorage
from autodj.tracks.ingest import Ingested, ingest
from tests.tracks.conftest import land

TakeIn = Callable[..., Awaitable[Ingested]]


async def rows(db: Database) -> int:
    async with db.transaction() as session:
        return (await session.execute(select(func.count()).select_from(Track))).scalar_one()


def files(local: LocalStorage) -> list[str]:
    return sorted(
        str(path.relative_to(local.root)) for path in local.root.rglob("*") if path.is_file()
    )


async def test_a_track_is_stable_local_and_whole_when_it_is_acknowledged(
    take_in: TakeIn, local: LocalStorage, clip: Path
) -> None:
    ingested = await take_in(clip)
    track = ingested.track
    assert ingested.created
    assert (track.file_state, track.file_source) == (FileState.STABLE, FileSource.LOCAL)
    assert track.file_path is not None
    assert local.path(track.file_path).read_bytes() == clip.read_bytes()
    assert track.sha256 == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert track.duration_s == pytest.approx(6.0, abs=0.05)
    assert files(local) == sorted(filter(None, [track.file_path, track.cover_key]))


async def test_what_the_sender_says_wins_over_tags_and_the_name_is_the_last_resort(
    take_in: TakeIn, clip: Path
) -> None:
    ingested = await take_in(clip, title="Said", visibility=Visibility.PUBLIC)
    assert ingested.track.title == "Said"
    assert ingested.track.visibility is Visibility.PUBLIC


async def test_its_processing_can_be_watched_from_the_first_moment(
    take_in: TakeIn, db: Database, clip: Path
) -> None:
    ingested = await take_in(clip)
    assert ingested.job is not None
    async with db.transaction() as session:
        job = await job_rows.get(session, ingested.job.id)
    assert (job.state, job.step, job.track_id) == (JobState.QUEUED, "analyze", ingested.track.id)


async def test_the_same_bytes_twice_are_one_track(
    take_in: TakeIn, db: Database, local: LocalStorage, clip: Path
) -> None:
    first = await take_in(clip)
    before = files(local)
    second = await take_in(clip)
    assert second.track.id == first.track.id
    assert not second.created
    assert (await rows(db), files(local)) == (1, before)


async def test_the_same_bytes_at_the_same_time_are_one_track(
    take_in: TakeIn, db: Database, local: LocalStorage, clip: Path
) -> None:
    both = await asyncio.gather(take_in(clip), take_in(clip), take_in(clip))
    assert len({ingested.track.id for ingested in both}) == 1
    assert [ingested.created for ingested in both].count(True) == 1
    assert await rows(db) == 1
    assert len([name for name in files(local) if name.startswith("tracks/")]) == 1


@pytest.mark.parametrize(
    ("content", "error", "code"),
    [
        (b"", AudioRejected, "empty"),
        (b"\0" * 5000, UnsupportedMedia, "unsupported_media"),
        (b"<html>404</html>", UnsupportedMedia, "unsupported_media"),
        (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", AudioRejected, None),
    ],
)
async def test_bad_bytes_leave_no_row_and_no_file(
    take_in: TakeIn,
    db: Database,
    local: LocalStorage,
    tmp_path: Path,
    content: bytes,
    error: type[AudioRejected | UnsupportedMedia],
    code: str | None,
) -> None:
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(content)
    with pytest.raises(error) as caught:
        await take_in(bad)
    assert code in {None, caught.value.code}
    assert (await rows(db), files(local)) == (0, [])


async def test_a_full_disk_leaves_no_row_and_no_file(
    db: Database, local: LocalStorage, sandbox: Sandbox, jobs: Jobs, owner_id: UUID, clip: Path
) -> None:
    incoming = await land(local, clip)

    def full(step: str) -> None:
        if step == "rename":
            raise DiskFull

    with pytest.raises(DiskFull):
        await ingest(
            db,
            LocalStorage(local.root, step=full),
            sandbox,
            jobs,
            DecodeLimits(),
            owner_id=owner_id,
            incoming=incoming,
        )
    assert (await rows(db), files(local)) == (0, [])

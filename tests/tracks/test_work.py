"""A track's life as the workers drive it, on a real database, disk and S3 server."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from autodj.audio.facts import Analysis, Tags
from autodj.audio.identify import Container
from autodj.db import AnalysisState, FileSource, FileState, JobState, Track
from autodj.db import jobs as job_rows
from autodj.db import tracks as track_rows
from autodj.db.due import claim_due
from autodj.errors import (
    AudioRejected,
    DiskFull,
    IntegrityFault,
    NotFound,
    ObjectNotFound,
    StoreTimeout,
)
from autodj.storage.base import ByteRange, ObjectStat
from autodj.storage.checks import Sealed
from autodj.storage.local import LocalStorage
from autodj.storage.pouring import Sink
from autodj.storage.s3 import S3Storage
from autodj.tracks.analyze import readable
from autodj.tracks.ingest import Ingested
from autodj.tracks.publish import give_up, reserve
from autodj.tracks.reconcile import drop_dead_ingests, reconcile
from autodj.tracks.steps import MAX_ATTEMPTS, REST_S, Step, next_step
from autodj.tracks.sweeping import sweep_orphans
from autodj.tracks.work import Workbench, work
from tests.builders import make_track
from tests.tracks.conftest import SharedSandbox

TakeIn = Callable[..., Awaitable[Ingested]]


async def row(bench: Workbench, track_id: UUID) -> Track:
    async with bench.db.transaction() as session:
        return await track_rows.get(session, track_id)


async def run_to_rest(bench: Workbench, track_id: UUID) -> list[Step]:
    """Do step after step until the row asks for none."""
    done: list[Step] = []
    while True:
        step = next_step(await row(bench, track_id), bench.policy, await bench.db.now())
        if step is None:
            return done
        assert len(done) < 10
        done.append(step)
        await work(bench, track_id, step)


async def test_who_only_looks_waits_for_no_writer(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    """SQLite has one writer at a time; on PostgreSQL a reader that locks would wait as well."""
    track_id = (await take_in(clip)).track.id
    async with bench.db.transaction() as session:
        await session.execute(update(Track).values(updated_at=Track.updated_at))
        await work(bench, track_id, Step.CLEAN)
    assert (await row(bench, track_id)).attempts == 0


async def read_all(store: S3Storage, key: str) -> bytes:
    async with store.read(key) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_a_track_is_analysed_published_and_cleaned(
    bench: Workbench, real_s3: S3Storage, take_in: TakeIn, clip: Path
) -> None:
    ingested = await take_in(clip)
    track_id = ingested.track.id
    assert await run_to_rest(bench, track_id) == [Step.ANALYZE, Step.PUBLISH, Step.CLEAN]
    track = await row(bench, track_id)
    assert (track.file_state, track.file_source) == (FileState.STABLE, FileSource.S3)
    assert track.s3_object_key == f"tracks/{track_id}/1-{track.sha256}.flac"
    assert await read_all(real_s3, track.s3_object_key) == clip.read_bytes()
    assert not bench.local.path(str(ingested.track.file_path)).exists()
    assert track.analysis_source is FileSource.S3
    document = json.loads(gzip.decompress(await read_all(real_s3, str(track.analysis_key))))
    assert (document["bpm"], document["energy"]) == (track.bpm, track.energy)
    assert (track.metre, track.grid) == (document["metre"], document["grid"])
    assert track.first_downbeat_s == document["downbeats_s"][0]
    assert not bench.local.path(str(track.analysis_key)).exists()
    assert track.bpm == pytest.approx(120, abs=0.5)
    assert track.next_attempt_at is None
    assert ingested.job is not None
    async with bench.db.transaction() as session:
        job = await job_rows.get(session, ingested.job.id)
    assert (job.state, job.progress) == (JobState.DONE, 1.0)
    assert job.result == {"tracks": 1, "sources": {"local": 0, "s3": 1}}


async def test_the_analysis_document_lies_in_the_store_under_its_own_hash(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    track_id = (await take_in(clip)).track.id
    await work(bench, track_id, Step.ANALYZE)
    track = await row(bench, track_id)
    assert track.analysis_key is not None
    stored = bench.local.path(track.analysis_key).read_bytes()
    assert hashlib.sha256(stored).hexdigest() in track.analysis_key
    document = json.loads(gzip.decompress(stored))
    assert document["bpm"] == track.bpm
    assert document["beats_s"]


async def test_every_step_done_twice_and_at_once_is_done_once(
    bench: Workbench, real_s3: S3Storage, take_in: TakeIn, clip: Path
) -> None:
    track_id = (await take_in(clip)).track.id
    for step in (Step.ANALYZE, Step.PUBLISH, Step.CLEAN):
        await asyncio.gather(work(bench, track_id, step), work(bench, track_id, step))
        await work(bench, track_id, step)
    track = await row(bench, track_id)
    assert (track.file_state, track.file_source) == (FileState.STABLE, FileSource.S3)
    listed = [found.key async for found in real_s3.list(f"tracks/{track_id}/")]
    assert listed == [track.s3_object_key]


async def test_a_local_only_server_leaves_the_track_where_it_is(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    here = replace(bench, s3=None, policy=replace(bench.policy, publish_to_s3=False))
    ingested = await take_in(clip)
    assert await run_to_rest(here, ingested.track.id) == [Step.ANALYZE]
    assert ingested.job is not None
    async with bench.db.transaction() as session:
        job = await job_rows.get(session, ingested.job.id)
    assert job.result == {"tracks": 1, "sources": {"local": 1, "s3": 0}}


async def test_readers_keep_the_local_copy_until_the_bytes_on_s3_are_proven(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    class FlipsAByte(S3Storage):
        async def verify(self, key: str, *, sha256: str, size_bytes: int) -> ObjectStat:
            raise IntegrityFault

    assert isinstance(bench.s3, S3Storage)
    lying = FlipsAByte(bench.s3._client, bench.s3._config)
    track_id = (await take_in(clip)).track.id
    await work(bench, track_id, Step.ANALYZE)
    await work(replace(bench, s3=lying), track_id, Step.PUBLISH)
    track = await row(bench, track_id)
    assert (track.file_state, track.file_source) == (FileState.COPYING, FileSource.LOCAL)
    assert (track.failure, track.attempts) == ("integrity", 1)
    assert track.next_attempt_at is not None
    await work(bench, track_id, Step.PUBLISH)
    assert (await row(bench, track_id)).file_source is FileSource.S3


async def test_a_store_that_stays_away_is_given_up_and_the_track_stays_playable(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    class IsAway(S3Storage):
        async def put(self, *_: object, **__: object) -> ObjectStat:
            raise StoreTimeout

    assert isinstance(bench.s3, S3Storage)
    away = replace(bench, s3=IsAway(bench.s3._client, bench.s3._config))
    ingested = await take_in(clip)
    await work(bench, ingested.track.id, Step.ANALYZE)
    for _ in range(MAX_ATTEMPTS):
        await work(away, ingested.track.id, Step.PUBLISH)
    track = await row(bench, ingested.track.id)
    assert (track.file_state, track.file_source) == (FileState.STABLE, FileSource.LOCAL)
    assert (track.attempts, track.failure) == (0, "store_timeout")
    assert track.next_attempt_at is not None
    assert track.next_attempt_at > await bench.db.now() + timedelta(seconds=REST_S - 60)
    assert ingested.job is not None
    async with bench.db.transaction() as session:
        job = await job_rows.get(session, ingested.job.id)
    assert job.state is JobState.FAILED
    assert job.problem is not None
    assert job.problem["code"] == "store_timeout"


async def test_a_fault_nobody_foresaw_is_counted_on_the_row(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    class Breaks(S3Storage):
        async def put(self, *_: object, **__: object) -> ObjectStat:
            raise ZeroDivisionError

    assert isinstance(bench.s3, S3Storage)
    broken = replace(bench, s3=Breaks(bench.s3._client, bench.s3._config))
    track_id = (await take_in(clip)).track.id
    await work(bench, track_id, Step.ANALYZE)
    await work(broken, track_id, Step.PUBLISH)
    track = await row(bench, track_id)
    assert (track.failure, track.attempts) == ("internal", 1)
    assert track.file_source is FileSource.LOCAL


async def test_giving_up_beats_a_late_worker_of_the_same_generation(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    track = (await take_in(clip)).track
    late = await reserve(bench.db, track)
    assert bench.s3 is not None
    await give_up(bench.db, bench.s3, track.id, "store_timeout")
    assert (await row(bench, track.id)).s3_object_key is None
    with pytest.raises(ObjectNotFound):
        await bench.s3.stat(str(late.s3_object_key))


async def test_a_condemned_track_loses_its_objects_and_its_row(
    bench: Workbench, real_s3: S3Storage, take_in: TakeIn, clip: Path, owner_id: UUID
) -> None:
    track_id = (await take_in(clip)).track.id
    await work(bench, track_id, Step.ANALYZE)
    await work(bench, track_id, Step.PUBLISH)
    async with bench.db.transaction() as session:
        await track_rows.condemn(session, track_id, owner_id, now=await bench.db.now())
    await work(bench, track_id, Step.DELETE)
    with pytest.raises(NotFound):
        await row(bench, track_id)
    assert [found.key async for found in real_s3.list(f"tracks/{track_id}/")] == []
    assert [found.key async for found in bench.local.list()] == []


async def delete(bench: Workbench, track_id: UUID, owner_id: UUID) -> None:
    """As its owner and another worker do."""
    now = await bench.db.now()
    async with bench.db.transaction() as session:
        await track_rows.condemn(session, track_id, owner_id, now=now)
    await work(bench, track_id, Step.DELETE)


@pytest.mark.parametrize("late", ["tracks/", "analysis/"])
async def test_a_track_that_is_deleted_while_it_is_uploaded_leaves_no_object(
    bench: Workbench, real_s3: S3Storage, take_in: TakeIn, clip: Path, owner_id: UUID, late: str
) -> None:
    track_id = (await take_in(clip)).track.id
    await work(bench, track_id, Step.ANALYZE)

    class Slow(S3Storage):
        async def put(self, key: str, source: Path | bytes, **told: Any) -> ObjectStat:
            content = source if isinstance(source, bytes) else source.read_bytes()
            if key.startswith(late):
                await delete(bench, track_id, owner_id)
            return await super().put(key, content, **told)

    slow = replace(bench, s3=Slow(real_s3._client, real_s3._config))
    await work(slow, track_id, Step.PUBLISH)
    assert [found.key async for found in real_s3.list() if str(track_id) in found.key] == []
    assert [found.key async for found in bench.local.list()] == []


async def test_a_track_that_is_deleted_while_it_is_measured_leaves_no_document(
    bench: Workbench, take_in: TakeIn, clip: Path, owner_id: UUID
) -> None:
    track_id = (await take_in(clip)).track.id

    class Slow(SharedSandbox):
        async def tags(self, path: Path, container: Container) -> Tags:
            await delete(bench, track_id, owner_id)
            return Tags()

    await work(replace(bench, sandbox=Slow(bench.sandbox)), track_id, Step.ANALYZE)
    assert [found.key async for found in bench.local.list()] == []


async def test_who_cannot_measure_what_another_has_measured_takes_nothing_back(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    track_id = (await take_in(clip)).track.id

    class TooSlow(SharedSandbox):
        async def analyze(self, *_: object, **__: object) -> Analysis:
            await work(bench, track_id, Step.ANALYZE)
            raise AudioRejected("Decoding takes longer than is allowed.")

    await work(replace(bench, sandbox=TooSlow(bench.sandbox)), track_id, Step.ANALYZE)
    track = await row(bench, track_id)
    assert (track.analysis_state, track.analysis_failure) == (AnalysisState.DONE, None)


async def test_analysis_of_a_published_track_reads_s3_through_a_temporary_file(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    track_id = (await take_in(clip)).track.id
    await run_to_rest(bench, track_id)
    newer = replace(bench, policy=replace(bench.policy, analysis_version=99))
    track = await row(bench, track_id)
    assert next_step(track, newer.policy, await bench.db.now()) is Step.ANALYZE
    async with readable(bench.local, bench.s3, track) as path:
        assert path.read_bytes() == clip.read_bytes()
    assert not path.exists()
    before = track.updated_at
    await work(newer, track_id, Step.ANALYZE)
    track = await row(bench, track_id)
    assert track.updated_at > before
    assert track.analysis_state is AnalysisState.DONE
    assert list((bench.local.root / ".incoming").iterdir()) == []


async def test_audio_that_cannot_be_measured_is_recorded_and_the_track_goes_on(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    here = replace(bench, s3=None, policy=replace(bench.policy, publish_to_s3=False))
    track = (await take_in(clip)).track
    bench.local.path(str(track.file_path)).write_bytes(b"not audio any more")
    await work(here, track.id, Step.ANALYZE)
    track = await row(bench, track.id)
    assert track.analysis_state is AnalysisState.FAILED
    assert track.analysis_failure == "unsupported_media"
    assert (track.file_source, track.next_attempt_at) == (FileSource.LOCAL, None)


async def test_a_download_with_other_bytes_is_not_analysed(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    class FlipsAByte(S3Storage):
        @asynccontextmanager
        async def read_sealed(
            self, key: str, byte_range: ByteRange | None = None
        ) -> AsyncGenerator[Sealed]:
            async def other(sink: Sink) -> None:
                await asyncio.to_thread(sink, b"x" * sealed.size_bytes)

            async with super().read_sealed(key, byte_range) as sealed:
                yield replace(sealed, pour=other)

    track_id = (await take_in(clip)).track.id
    await run_to_rest(bench, track_id)
    assert isinstance(bench.s3, S3Storage)
    lying = FlipsAByte(bench.s3._client, bench.s3._config)
    with pytest.raises(IntegrityFault):
        async with readable(bench.local, lying, await row(bench, track_id)):
            pass
    assert list((bench.local.root / ".incoming").iterdir()) == []


async def test_a_row_whose_message_was_lost_is_sent_again_after_its_lease(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    await take_in(clip)
    first = await reconcile(bench.db, bench.local, bench.jobs, bench.policy)
    again = await reconcile(bench.db, bench.local, bench.jobs, bench.policy)
    assert (first.tracks_sent, again.tracks_sent) == (1, 0)
    impatient = replace(bench.policy, lease_s=0)
    await asyncio.sleep(0)
    async with bench.db.transaction() as session:
        (due,) = await claim_due(
            session,
            Track,
            now=await bench.db.now() + timedelta(seconds=61),
            lease_until=await bench.db.now(),
            limit=5,
        )
    assert due.title
    sent = await reconcile(bench.db, bench.local, bench.jobs, impatient)
    assert sent.tracks_sent == 1


async def test_an_ingest_that_died_is_dropped_with_its_bytes(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    track = (await take_in(clip)).track
    dead = Track(
        **{
            **track.model_dump(),
            "id": UUID(int=7),
            "file_path": f"tracks/{UUID(int=7)}/0-{track.sha256}.flac",
            "file_state": FileState.PENDING,
            "file_source": None,
        }
    )
    await bench.local.put(
        str(dead.file_path), clip.read_bytes(), sha256=track.sha256, content_type="audio/flac"
    )
    async with bench.db.transaction() as session:
        session.add(dead)
    now = await bench.db.now()
    assert await drop_dead_ingests(bench.db, bench.local, before=now - timedelta(hours=1)) == 0
    assert await drop_dead_ingests(bench.db, bench.local, before=now + timedelta(hours=1)) == 1
    kept = [found.key async for found in bench.local.list()]
    assert kept == sorted(filter(None, [track.file_path, track.cover_key]))


async def test_a_dead_ingest_that_the_disk_keeps_is_left_to_its_row_and_stops_nothing(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    class Keeps(LocalStorage):
        async def delete(self, key: str) -> None:
            if key == stuck.file_path:
                raise DiskFull
            await super().delete(key)

    taken = (await take_in(clip)).track
    stuck, other = (
        make_track(taken.owner_id, file_state=FileState.PENDING, file_source=None) for _ in range(2)
    )
    async with bench.db.transaction() as session:
        session.add_all([stuck, other])
    later = await bench.db.now() + timedelta(hours=1)
    assert await drop_dead_ingests(bench.db, Keeps(bench.local.root), before=later) == 1
    assert (await row(bench, stuck.id)).file_state is FileState.DELETING
    with pytest.raises(NotFound):
        await row(bench, other.id)
    await work(bench, stuck.id, Step.DELETE)
    with pytest.raises(NotFound):
        await row(bench, stuck.id)


async def test_the_sweep_takes_old_orphans_and_nothing_else(
    bench: Workbench, take_in: TakeIn, clip: Path
) -> None:
    track = (await take_in(clip)).track
    digest = hashlib.sha256(b"left behind").hexdigest()
    orphan = f"tracks/{UUID(int=9)}/3-{digest}.mp3"
    await bench.local.put(orphan, b"left behind", sha256=digest, content_type="audio/mpeg")
    document = "projects/7/prd/launch.json"
    await bench.local.put(document, b"left behind", sha256=digest, content_type="a/b")
    now = await bench.db.now()
    assert await sweep_orphans(bench.db, bench.local, before=now - timedelta(days=1)) == 0
    assert await sweep_orphans(bench.db, bench.local, before=now + timedelta(days=1)) == 1
    kept = [found.key async for found in bench.local.list()]
    assert kept == sorted(filter(None, [track.file_path, track.cover_key, document]))

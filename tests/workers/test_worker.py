"""The worker as it is deployed: the arq command, a real broker, real audio."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlalchemy import select
from structlog.testing import capture_logs

from autodj.audio.facts import DecodeLimits
from autodj.audio.sandbox import open_sandbox
from autodj.db import (
    AnalysisState,
    Database,
    FileState,
    JobKind,
    JobState,
    RenditionName,
    Track,
)
from autodj.db import jobs as job_rows
from autodj.db import renditions as rendition_rows
from autodj.db import tracks as track_rows
from autodj.errors import StoreDenied
from autodj.jobs import QUEUED_AT_MOST, open_jobs
from autodj.laptop.broker import Broker, open_broker
from autodj.runtime import open_runtime
from autodj.settings import load
from autodj.storage.base import ObjectStat
from autodj.storage.local import LocalStorage
from autodj.tracks import finished_jobs
from autodj.tracks.belonging import MARKER, claim, installation_of
from autodj.tracks.ingest import ingest
from autodj.tracks.reconcile import BATCH
from tests.builders import MOMENT, make_track, make_user
from tests.clips import make_clip
from tests.tracks.conftest import NO_BROKER, land
from workers.tasks import forget_finished_jobs, reconcile_rows, sweep_stores

ROOT = Path(__file__).parents[2]
QUEUE = "autodj"


@dataclass(frozen=True)
class Site:
    """One machine's parts without a worker."""

    db: Database
    local: LocalStorage
    broker: Broker
    environ: dict[str, str]


@pytest.fixture
async def site(db: Database, migrated_url: str, tmp_path: Path) -> AsyncGenerator[Site]:
    async with open_broker(tmp_path) as broker:
        environ = {
            "PATH": str(Path(sys.executable).parent),
            "AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf",
            "AUTODJ_DATA_DIR": str(tmp_path),
            "DATABASE_URL": migrated_url,
            "REDIS_URL": broker.url,
            "LOG_FORMAT": "text",
        }
        yield Site(db, LocalStorage(tmp_path / "media"), broker, environ)


async def take_in(site: Site, clip: Path) -> Track:
    user = make_user()
    async with site.db.transaction() as session:
        session.add(user)
    async with open_sandbox() as sandbox, open_jobs(site.broker.url, QUEUE) as jobs:
        ingested = await ingest(
            site.db,
            site.local,
            sandbox,
            jobs,
            DecodeLimits(),
            owner_id=user.id,
            incoming=await land(site.local, clip),
        )
    return ingested.track


async def burst(site: Site) -> str:
    """Run the worker until its queue is empty; what it logged."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "arq",
        "workers.settings.WorkerSettings",
        "--burst",
        cwd=ROOT,
        env=site.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 600)
    assert process.returncode == 0, output.decode()
    return output.decode()


def job_of(track: Track) -> str:
    return f"analyze_track:{track.id}:0"


async def queued(redis: Redis) -> set[str]:
    """The jobs that have a message."""
    return {key.decode().removeprefix("arq:job:") async for key in redis.scan_iter("arq:job:*")}


async def row(site: Site, track_id: UUID) -> Track:
    async with site.db.transaction() as session:
        return await track_rows.get(session, track_id)


async def test_the_worker_analyses_what_was_taken_in_whatever_became_of_the_message(
    site: Site, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "beat.wav", 6, bpm=100)
    lost = await take_in(site, clip)
    async with Redis.from_url(site.broker.url) as redis:
        assert await queued(redis) == {job_of(lost)}
        await redis.flushall()
        kept, held = await take_in(site, clip), await take_in(site, clip)
        assert await queued(redis) == {job_of(kept), job_of(held)}
        # Its worker died: arq holds it for as long as the slowest of all jobs may take.
        await redis.set(f"arq:in-progress:{job_of(held)}", b"1", ex=3600)
    output = await burst(site)
    for track in (lost, kept, held):
        done = await row(site, track.id)
        assert done.analysis_state is AnalysisState.DONE, output
        assert done.bpm == pytest.approx(100, abs=0.5)
        assert (done.file_state, done.next_attempt_at) == (FileState.STABLE, None)
        async with site.db.transaction() as session:
            [lossless] = await rendition_rows.of_track(session, track.id)
        assert (lossless.name, lossless.codec) == (RenditionName.LOSSLESS, "flac"), output
        assert (lossless.file_state, lossless.next_attempt_at) == (FileState.STABLE, None)


async def test_messages_are_json_and_not_pickle(site: Site, tmp_path: Path) -> None:
    track = await take_in(site, make_clip(tmp_path / "beat.wav", 2, bpm=100))
    async with Redis.from_url(site.broker.url) as redis:
        raw = await redis.get(f"arq:job:{job_of(track)}")
    assert raw.startswith(b"{")
    assert str(track.id).encode() in raw


async def somebody(site: Site) -> None:
    """Without a user there is no library, and nothing is swept."""
    async with site.db.transaction() as session:
        session.add(make_user())


async def test_the_nightly_sweep_takes_what_no_row_names(site: Site) -> None:
    await somebody(site)
    digest = hashlib.sha256(b"left behind").hexdigest()
    orphan = f"tracks/{UUID(int=9)}/3-{digest}.mp3"
    await site.local.put(orphan, b"left behind", sha256=digest, content_type="audio/mpeg")
    upload = site.local.incoming()
    upload.write_bytes(b"half an upload")
    two_days_ago = time.time() - 2 * 86400
    for path in (site.local.path(orphan), upload):
        os.utime(path, (two_days_ago, two_days_ago))
    async with open_runtime(load(site.environ)) as runtime:
        await sweep_stores({"runtime": runtime})
    assert [path.name for path in site.local.root.rglob("*") if path.is_file()] == [MARKER]


@pytest.mark.parametrize("whose", ["another's", "nobody's"])
async def test_the_nightly_sweep_takes_nothing_of_another_installation(
    site: Site, whose: str
) -> None:
    """A copy of this database, started elsewhere in the same place, has the same first user; a
    database made anew has another one, or none yet.
    """
    digest = hashlib.sha256(b"of somebody else").hexdigest()
    theirs = f"tracks/{UUID(int=9)}/3-{digest}.mp3"
    await site.local.put(theirs, b"of somebody else", sha256=digest, content_type="audio/mpeg")
    upload = site.local.incoming()
    upload.write_bytes(b"half an upload")
    two_days_ago = time.time() - 2 * 86400
    for path in (site.local.path(theirs), upload):
        os.utime(path, (two_days_ago, two_days_ago))
    if whose == "another's":
        await somebody(site)
        mine = await installation_of(site.db)
        await claim(site.local, replace(mine, database="postgresql:elsewhere:5432/autodj"))
    async with open_runtime(load(site.environ)) as runtime:
        with capture_logs() as logs:
            await sweep_stores({"runtime": runtime})
    assert upload.exists()
    assert (await site.local.stat(theirs)).size_bytes == len(b"of somebody else")
    failed = [each for each in logs if each["event"] == "sweep_failed"]
    assert {(each["what"], each["code"]) for each in failed} == {("place", "another_installation")}


async def going(site: Site, number: int) -> None:
    """So many tracks that are to be deleted, and nobody was told."""
    user = make_user()
    async with site.db.transaction() as session:
        session.add(user)
        await session.flush()
        session.add_all(
            make_track(
                user.id, file_state=FileState.DELETING, file_source=None, next_attempt_at=MOMENT
            )
            for _ in range(number)
        )


async def left(site: Site) -> Sequence[Track]:
    async with site.db.transaction() as session:
        return (await session.execute(select(Track))).scalars().all()


async def test_all_that_waits_is_done_without_waiting_for_the_next_minute(site: Site) -> None:
    await going(site, 2 * BATCH + 50)
    output = await burst(site)
    assert await left(site) == [], output


async def test_a_queue_that_is_full_is_not_filled_up(site: Site) -> None:
    await going(site, 3)
    async with Redis.from_url(site.broker.url) as redis:
        await redis.zadd(QUEUE, {f"job {number}": number for number in range(QUEUED_AT_MOST - 2)})
        async with open_runtime(load(site.environ)) as runtime:
            await reconcile_rows({"runtime": runtime})
        waits = await queued(redis)
    rows = await left(site)
    claimed = [each for each in rows if each.next_attempt_at != MOMENT]
    assert waits == {*(f"delete_track:{each.id}:0" for each in claimed), "reconcile_rows:1:0"}
    assert (len(rows), len(claimed)) == (3, 2)


async def test_while_the_broker_is_away_no_row_is_taken(site: Site) -> None:
    await going(site, 1)
    async with open_runtime(load(site.environ | {"REDIS_URL": NO_BROKER})) as runtime:
        await reconcile_rows({"runtime": runtime})
    assert [each.next_attempt_at for each in await left(site)] == [MOMENT]


async def test_jobs_that_were_over_for_a_month_are_forgotten(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finished_jobs, "ROWS_AT_ONCE", 2)
    user = make_user()
    async with site.db.transaction() as session:
        session.add(user)
    now = await site.db.now()
    for days, state in [*[(31, JobState.DONE)] * 5, (29, JobState.FAILED), (400, JobState.QUEUED)]:
        async with site.db.transaction() as session:
            job = job_rows.add(
                session,
                owner_id=user.id,
                kind=JobKind.PROCESS,
                step="analyze",
                now=now - timedelta(days=days),
            )
            job.state = state
    async with open_runtime(load(site.environ)) as runtime:
        with capture_logs() as logs:
            await forget_finished_jobs({"runtime": runtime})
    async with site.db.transaction() as session:
        left = await job_rows.latest(session, user.id, limit=9)
    assert [each.state for each in left] == [JobState.FAILED, JobState.QUEUED]
    assert [(each["event"], each["count"]) for each in logs] == [("finished_jobs_forgotten", 5)]


async def test_a_store_that_cannot_be_swept_keeps_the_sweep_from_no_other(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_store: LocalStorage, _prefix: str = "") -> AsyncGenerator[ObjectStat]:
        raise StoreDenied

    monkeypatch.setattr(LocalStorage, "list", denied)
    await somebody(site)
    upload = site.local.incoming()
    upload.write_bytes(b"half an upload")
    two_days_ago = time.time() - 2 * 86400
    os.utime(upload, (two_days_ago, two_days_ago))
    async with open_runtime(load(site.environ)) as runtime:
        with capture_logs() as logs:
            await sweep_stores({"runtime": runtime})
    assert not upload.exists()
    failed = [each for each in logs if each["event"] == "sweep_failed"]
    assert [(each["store"], each["code"]) for each in failed] == [("local", "store_denied")]


def test_the_sweep_may_take_longer_than_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a store too large to be listed in that time would be swept never to its end."""
    monkeypatch.setenv("AUTODJ_SECRET", "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf")
    worker = import_module("workers.settings")
    [sweep] = [each for each in worker.WorkerSettings.cron_jobs if "sweep" in each.name]
    assert sweep.timeout_s > 10 * worker.WorkerSettings.job_timeout

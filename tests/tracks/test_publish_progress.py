"""How far an upload is, as whoever watches the job sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from autodj.db import jobs as job_rows
from autodj.storage.base import ObjectStat, Progress
from autodj.storage.local import LocalStorage
from autodj.tracks.ingest import Ingested
from autodj.tracks.progress import REPORT_EVERY_S
from autodj.tracks.publish import UPLOAD_FROM, UPLOAD_TO, publish_track
from autodj.tracks.work import Workbench

TakeIn = Callable[..., Awaitable[Ingested]]


async def test_the_job_tells_the_share_of_the_bytes_that_have_arrived(
    bench: Workbench, take_in: TakeIn, clip: Path, tmp_path: Path
) -> None:
    ingested = await take_in(clip)
    assert ingested.job is not None
    job_id = ingested.job.id

    async def told() -> float:
        async with bench.db.transaction() as session:
            return (await job_rows.get(session, job_id)).progress

    seen: list[float] = []

    class Halting(LocalStorage):
        async def put(
            self, key: str, source: Path | bytes, *, progress: Progress | None = None, **more: Any
        ) -> ObjectStat:
            assert progress is not None
            progress(clip.stat().st_size // 2)
            while (share := await told()) <= UPLOAD_FROM:
                await asyncio.sleep(REPORT_EVERY_S / 4)
            seen.append(share)
            return await super().put(key, source, progress=progress, **more)

    await publish_track(
        bench.db, bench.local, Halting(tmp_path / "s3"), bench.policy, ingested.track.id
    )

    assert seen == [pytest.approx((UPLOAD_FROM + UPLOAD_TO) / 2, abs=0.01)]

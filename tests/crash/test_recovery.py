"""Races that the loop has found, each put between two steps by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from autodj.db import FileSource, FileState, Job, JobState, Track
from autodj.db import tracks as track_rows
from autodj.errors import Conflict, NotFound, StoreTimeout
from autodj.storage.base import ObjectStat
from autodj.storage.keys import track_key
from autodj.storage.local import LocalStorage
from autodj.tracks.ingest import discard
from autodj.tracks.policy import Policy
from autodj.tracks.publish import give_up, publish_track, reserve
from autodj.tracks.reconcile import drop_dead_ingests, reconcile
from autodj.tracks.steps import Step
from autodj.tracks.work import work
from bench.crash.actors import take_in
from bench.crash.arena import POLICY, Arena, Parts
from bench.crash.reading import Heard, listen


async def analysed(arena: Arena, parts: Parts) -> UUID:
    track_id, _ = await take_in(arena, parts, 1)
    await work(parts.bench, track_id, Step.ANALYZE)
    return track_id


async def row(parts: Parts, track_id: UUID) -> Track:
    async with parts.db.transaction() as session:
        return await track_rows.get(session, track_id)


async def job_states(parts: Parts) -> set[JobState]:
    async with parts.db.transaction() as session:
        return {job.state for job in (await session.execute(select(Job))).scalars()}


async def make_pending(parts: Parts, track: Track) -> Track:
    """Another row of the same owner whose bytes have just been put in place."""
    other = Track(
        **{
            **track.model_dump(),
            "id": UUID(int=7),
            "sha256": "cd" * 32,
            "file_path": f"tracks/{UUID(int=7)}/0-{'cd' * 32}.mp3",
            "cover_key": None,
            "file_state": FileState.PENDING,
            "file_source": None,
        }
    )
    async with parts.db.transaction() as session:
        session.add(other)
    path = parts.local.path(str(other.file_path))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"sound")
    return other


async def test_an_ingest_that_wakes_late_cannot_settle_while_its_bytes_are_removed(
    arena: Arena, parts: Parts
) -> None:
    class WakesTheLateOne(LocalStorage):
        async def delete(self, key: str) -> None:
            async with parts.db.transaction() as session:
                await track_rows.settle(session, UUID(int=7), now=await parts.db.now())

    late = await make_pending(parts, await row(parts, (await take_in(arena, parts, 1))[0]))
    with pytest.raises(Conflict):
        await discard(parts.db, WakesTheLateOne(arena.media), late)
    assert (await row(parts, late.id)).file_source is None


async def test_an_ingest_that_was_settled_after_all_keeps_its_bytes(
    arena: Arena, parts: Parts
) -> None:
    track = await row(parts, (await take_in(arena, parts, 1))[0])
    await discard(parts.db, parts.local, track)
    assert await listen(parts.db, parts.local, parts.s3, track.id) is Heard.WHOLE


async def test_a_discard_that_dies_half_way_is_finished_as_a_deletion(
    arena: Arena, parts: Parts
) -> None:
    class Dies(LocalStorage):
        async def delete(self, key: str) -> None:
            raise KeyboardInterrupt

    dead = await make_pending(parts, await row(parts, (await take_in(arena, parts, 1))[0]))
    parts.db.ahead += timedelta(hours=2)
    with pytest.raises(KeyboardInterrupt):
        await drop_dead_ingests(parts.db, Dies(arena.media), before=await parts.db.now())
    parts.jobs.steps.clear()
    await reconcile(parts.db, parts.local, parts.jobs, POLICY)
    assert (Step.DELETE, dead.id) in parts.jobs.steps
    await work(parts.bench, dead.id, Step.DELETE)
    with pytest.raises(NotFound):
        await row(parts, dead.id)
    assert not parts.local.path(str(dead.file_path)).exists()


async def test_a_key_with_other_bytes_is_left_for_the_next_generation(
    arena: Arena, parts: Parts
) -> None:
    track_id = await analysed(arena, parts)
    track = await row(parts, track_id)
    spoilt = arena.bucket / track_key(track_id, 1, track.sha256, track.extension)
    spoilt.parent.mkdir(parents=True)
    spoilt.write_bytes(b"other bytes")
    await work(parts.bench, track_id, Step.PUBLISH)
    track = await row(parts, track_id)
    assert (track.file_state, track.file_source) == (FileState.STABLE, FileSource.LOCAL)
    assert (track.failure, track.attempts) == ("object_exists", 1)
    assert track.next_attempt_at is not None
    assert not spoilt.exists()
    await work(parts.bench, track_id, Step.PUBLISH)
    track = await row(parts, track_id)
    assert (track.file_source, track.generation) == (FileSource.S3, 2)
    assert await listen(parts.db, parts.local, parts.s3, track_id) is Heard.WHOLE


async def test_a_bucket_that_forgets_what_it_took_counts_as_a_failure(
    arena: Arena, parts: Parts
) -> None:
    class Forgets(LocalStorage):
        async def put(self, key: str, *_: object, **__: object) -> ObjectStat:
            return ObjectStat(key, 1, await parts.db.now())

    track_id = await analysed(arena, parts)
    await work(replace(parts.bench, s3=Forgets(arena.bucket)), track_id, Step.PUBLISH)
    track = await row(parts, track_id)
    assert (track.failure, track.attempts) == ("object_not_found", 1)
    assert await listen(parts.db, parts.local, parts.s3, track_id) is Heard.WHOLE


async def test_a_local_copy_that_another_worker_has_cleaned_is_no_crash(
    arena: Arena, parts: Parts
) -> None:
    track_id = await analysed(arena, parts)
    track = await row(parts, track_id)
    path = parts.local.path(str(track.file_path))
    path.rename(arena.root / "elsewhere")
    await work(parts.bench, track_id, Step.PUBLISH)
    assert (await row(parts, track_id)).failure == "object_not_found"


@pytest.mark.parametrize("keep_local_s", [3600, None])
async def test_a_worker_that_dies_after_the_flip_leaves_no_job_running(
    arena: Arena, parts: Parts, keep_local_s: int | None
) -> None:
    policy: Policy = replace(POLICY, keep_local_s=keep_local_s)
    track_id = await analysed(arena, parts)
    await publish_track(parts.db, parts.local, parts.s3, policy, track_id)
    assert await job_states(parts) == {JobState.RUNNING}
    await reconcile(parts.db, parts.local, parts.jobs, policy)
    assert parts.jobs.steps[-1] == (Step.PUBLISH, track_id)  # the analysis has yet to follow
    await work(replace(parts.bench, policy=policy), track_id, Step.PUBLISH)
    assert await job_states(parts) == {JobState.DONE}
    track = await row(parts, track_id)
    assert track.next_attempt_at == (track.clean_after if keep_local_s else None)


async def test_a_track_deleted_meanwhile_stays_due_whatever_its_last_step_says(
    arena: Arena, parts: Parts
) -> None:
    track_id = await analysed(arena, parts)
    before, now = await row(parts, track_id), await parts.db.now()
    async with parts.db.transaction() as session:
        await track_rows.condemn(session, track_id, arena.owner_id, now=now)
    async with parts.db.transaction() as session:
        await track_rows.postpone(session, before, until=None, attempts=0, failure=None)
    assert (await row(parts, track_id)).next_attempt_at == now
    await work(parts.bench, track_id, Step.DELETE)
    assert await job_states(parts) == {JobState.FAILED}


async def test_giving_up_needs_no_store_that_answers(arena: Arena, parts: Parts) -> None:
    class IsAway(LocalStorage):
        async def delete(self, key: str) -> None:
            raise StoreTimeout

    track_id = await analysed(arena, parts)
    await reserve(parts.db, await row(parts, track_id))
    await give_up(parts.db, IsAway(arena.bucket), track_id, "store_timeout")
    track = await row(parts, track_id)
    assert (track.file_state, track.s3_object_key) == (FileState.STABLE, None)
    assert track.next_attempt_at is not None

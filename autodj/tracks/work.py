"""One step of one track, as a worker does it: run it, then say on the row what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from autodj.audio.facts import DecodeLimits
from autodj.audio.sandbox import Sandbox
from autodj.db import Database, FileState, Session, Track
from autodj.db import reanalysis as reanalysis_rows
from autodj.db import renditions as rendition_rows
from autodj.db import tracks as track_rows
from autodj.errors import (
    AutodjError,
    Conflict,
    NotFound,
    ObjectExists,
    ObjectNotFound,
    SourceUnreadable,
)
from autodj.jobs import Jobs
from autodj.storage.base import Storage
from autodj.storage.local import LocalStorage
from autodj.tracks.analyze import analyze_track
from autodj.tracks.deadline import in_time
from autodj.tracks.documents import publish_document
from autodj.tracks.holding import held
from autodj.tracks.policy import Policy
from autodj.tracks.progress import finish
from autodj.tracks.publish import clean, delete_track, give_up, publish_track
from autodj.tracks.reanalysis import follow_up
from autodj.tracks.sharing import Invalidator, share_track
from autodj.tracks.steps import MAX_ATTEMPTS, Step, backoff_s, next_step, wakes_at

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Workbench:
    """What the steps of a track work with."""

    db: Database
    local: LocalStorage
    s3: Storage | None
    sandbox: Sandbox
    jobs: Jobs
    limits: DecodeLimits
    policy: Policy
    caches: Invalidator | None = None


async def work(bench: Workbench, track_id: UUID, step: Step) -> None:
    """Do ``step`` if the row still asks for it, and enqueue the one after it.

    Failures are recorded on the row with the time of the next try, so nothing is raised for
    the queue to retry.
    """
    try:
        async with bench.db.read_session() as session:
            track = await track_rows.get(session, track_id)
        if next_step(track, bench.policy, await bench.db.now()) is not step:
            return
        within_s = bench.policy.step_timeout_s
        async with held(bench.db, Track, track_id), in_time(within_s):
            await _do(bench, step, track)
    except (ObjectNotFound, ObjectExists) as error:  # a store's words, not those of the row
        await _failed(bench, track_id, step, error)
    except (NotFound, Conflict) as gone:
        log.info("step_overtaken", track_id=str(track_id), step=step, reason=gone.code)
    except AutodjError as error:
        await _failed(bench, track_id, step, error)
    except Exception:
        # Whatever went wrong, the row counts the try, or it would come back for ever.
        log.exception("step_broke", track_id=str(track_id), step=step)
        await _failed(bench, track_id, step, AutodjError())
    else:
        await _continue(bench, track_id)


async def rest(session: Session, track: Track, policy: Policy, *, now: datetime) -> Step | None:
    """Say on the row when it wants its next step; the step that is due now, if one is.

    When none is, the track is to be read, and no rendition of it is to be made, its job is over;
    but not by the word of a row that was changed since it was read.
    """
    until = wakes_at(track, policy, now)
    said = await track_rows.postpone(session, track, until=until, attempts=0, failure=None)
    step = next_step(track, policy, now)
    if not said or step is not None or track.file_source is None:
        return step
    if not await rendition_rows.any_untried(session, track.id):
        await finish(session, track, now=now)
    return None


async def enqueue(jobs: Jobs, step: Step, track: Track) -> None:
    """Tell the workers of a step; the row stays the truth."""
    send = {
        Step.ANALYZE: jobs.analyze,
        Step.PUBLISH: jobs.publish,
        Step.CLEAN: jobs.clean,
        Step.SHARE: jobs.share,
        Step.DELETE: jobs.delete,
    }[step]
    # A share may follow a share of the same generation, and a job must not wait for itself.
    await send(track.id, track.version if step is Step.SHARE else track.generation)


async def send_renditions(bench: Workbench, track_id: UUID) -> None:
    """Tell the workers of what is to be made of the track; the rows stay the truth."""
    async with bench.db.read_session() as session:
        renditions = await rendition_rows.of_track(session, track_id)
    for rendition in renditions:
        if rendition.file_state is FileState.PENDING:
            await bench.jobs.render(rendition.id, rendition.generation)


async def _do(bench: Workbench, step: Step, track: Track) -> None:
    db, local, policy, track_id = bench.db, bench.local, bench.policy, track.id
    match step:
        case Step.ANALYZE:
            await analyze_track(
                db, local, bench.s3, bench.sandbox, bench.limits, track_id, policy.wishes
            )
            await send_renditions(bench, track_id)
        case Step.PUBLISH:
            s3 = _require_s3(bench, step)
            await publish_track(db, local, s3, policy, track_id)
            await publish_document(db, local, s3, track_id)
        case Step.CLEAN:
            await clean(db, local, track)
        case Step.SHARE:
            await share_track(db, _require_s3(bench, step), bench.caches, policy, track_id)
        case Step.DELETE:
            await delete_track(db, local, bench.s3, track_id, bench.caches)


def _require_s3(bench: Workbench, step: Step) -> Storage:
    if bench.s3 is None:
        raise SourceUnreadable(f"The step {step} wants S3, and none is configured")
    return bench.s3


async def _continue(bench: Workbench, track_id: UUID) -> None:
    now = await bench.db.now()
    try:
        async with bench.db.transaction() as session:
            track = await track_rows.get(session, track_id)
            step = await rest(session, track, bench.policy, now=now)
    except NotFound:
        return
    await follow_up(bench.db, bench.jobs, track)
    if step is not None:
        await enqueue(bench.jobs, step, track)


async def _failed(bench: Workbench, track_id: UUID, step: Step, error: AutodjError) -> None:
    try:
        async with bench.db.read_session() as session:
            attempts = (await track_rows.get(session, track_id)).attempts + 1
        log.warning(
            "step_failed", track_id=str(track_id), step=step, code=error.code, attempts=attempts
        )
        spent = attempts >= MAX_ATTEMPTS and step is not Step.DELETE
        # Other bytes under the key stay there for ever; the next generation has another key.
        spoilt = isinstance(error, ObjectExists)
        if step is Step.PUBLISH and bench.s3 is not None and (spent or spoilt):
            await give_up(bench.db, bench.s3, track_id, error.code)
        if step is Step.ANALYZE and spent:
            await _end_turn(bench, track_id)
        await _put_off(bench, track_id, error, attempts=attempts, spent=spent)
    except (NotFound, Conflict) as gone:
        log.info("step_overtaken", track_id=str(track_id), step=step, reason=gone.code)


async def _end_turn(bench: Workbench, track_id: UUID) -> None:
    """The others of its run need not wait for a track that cannot be measured now."""
    async with bench.db.transaction() as session:
        await reanalysis_rows.give_up(session, await track_rows.get(session, track_id))
    async with bench.db.read_session() as session:
        track = await track_rows.get(session, track_id)
    await follow_up(bench.db, bench.jobs, track)


async def _put_off(
    bench: Workbench, track_id: UUID, error: AutodjError, *, attempts: int, spent: bool
) -> None:
    now = await bench.db.now()
    until = now + timedelta(seconds=backoff_s(attempts))
    async with bench.db.transaction() as session:
        track = await track_rows.get(session, track_id)
        said = await track_rows.postpone(
            session, track, until=until, attempts=0 if spent else attempts, failure=error.code
        )
        if said and spent and track.file_source is not None:
            await finish(session, track, now=now, problem=error.problem())

"""A rendition as a worker tends it: step after step until its row asks for none."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog

from autodj.db import FileState, Rendition, moves
from autodj.db import renditions as rendition_rows
from autodj.errors import (
    AutodjError,
    Conflict,
    NotFound,
    ObjectExists,
    ObjectNotFound,
    SourceUnreadable,
)
from autodj.storage.base import Storage
from autodj.tracks.deadline import in_time
from autodj.tracks.holding import held
from autodj.tracks.policy import Policy
from autodj.tracks.publish import clean, give_up_file
from autodj.tracks.publish_rendition import publish_rendition
from autodj.tracks.render import finish_if_over, render
from autodj.tracks.rendition_removal import remove_rendition
from autodj.tracks.steps import (
    MAX_ATTEMPTS,
    Step,
    backoff_s,
    next_rendition_step,
    rendition_wakes_at,
)
from autodj.tracks.work import Workbench

log = structlog.get_logger(__name__)


async def tend(bench: Workbench, rendition_id: UUID) -> None:
    """Do what the rendition asks for now, and what follows from it.

    Failures are recorded on the row with the time of the next try, so nothing is raised for
    the queue to retry.
    """
    for _ in Step:
        try:
            rendition = await _read(bench, rendition_id)
            step = next_rendition_step(rendition, bench.policy, await bench.db.now())
        except NotFound:
            return
        if step is None or not await _done(bench, rendition, step):
            return


async def _done(bench: Workbench, rendition: Rendition, step: Step) -> bool:
    """Whether the step was done; else the row says when it is to be tried again."""
    told = {"rendition_id": str(rendition.id), "step": step}
    try:
        within_s = _within_s(bench.policy, step)
        async with held(bench.db, Rendition, rendition.id), in_time(within_s):
            await _do(bench, rendition, step)
    except (ObjectNotFound, ObjectExists) as error:  # a store's words, not those of the row
        await _failed(bench, rendition.id, step, error)
    except (NotFound, Conflict) as gone:
        log.info("step_overtaken", reason=gone.code, **told)
    except AutodjError as error:
        await _failed(bench, rendition.id, step, error)
    except Exception:
        # Whatever went wrong, the row counts the try, or it would come back for ever.
        log.exception("step_broke", **told)
        await _failed(bench, rendition.id, step, AutodjError())
    else:
        await rest_rendition(bench, rendition.id)
        return True
    return False


def _within_s(policy: Policy, step: Step) -> int:
    coding_s = policy.render_timeout_s if step is Step.RENDER else 0
    return coding_s + policy.step_timeout_s


async def rest_rendition(bench: Workbench, rendition_id: UUID) -> None:
    """Say on the row when it wants its next step."""
    now = await bench.db.now()
    try:
        async with bench.db.transaction() as session:
            rendition = await rendition_rows.get(session, rendition_id)
            until = rendition_wakes_at(rendition, bench.policy, now)
            await moves.postpone(
                session, rendition, until=until, attempts=0, failure=_lasting(rendition)
            )
    except NotFound:
        return


def _lasting(rendition: Rendition) -> str | None:
    return rendition.failure if rendition.file_state is FileState.FAILED else None


async def _do(bench: Workbench, rendition: Rendition, step: Step) -> None:
    db, local = bench.db, bench.local
    match step:
        case Step.RENDER:
            await render(
                db, local, bench.s3, bench.sandbox, bench.limits, bench.policy, rendition.id
            )
        case Step.PUBLISH:
            await publish_rendition(db, local, _s3(bench), bench.policy, rendition)
        case Step.CLEAN:
            await clean(db, local, rendition)
        case Step.DELETE:
            await remove_rendition(db, local, bench.s3, rendition)


def _s3(bench: Workbench) -> Storage:
    if bench.s3 is None:
        raise SourceUnreadable("Publishing wants S3, and none is configured")
    return bench.s3


async def _failed(bench: Workbench, rendition_id: UUID, step: Step, error: AutodjError) -> None:
    try:
        rendition = await _read(bench, rendition_id)
        attempts = rendition.attempts + 1
        log.warning(
            "step_failed",
            rendition_id=str(rendition_id),
            step=step,
            code=error.code,
            attempts=attempts,
        )
        spent = attempts >= MAX_ATTEMPTS
        # Other bytes under the key stay there for ever; the next generation has another key.
        spoilt = isinstance(error, ObjectExists)
        if step is Step.PUBLISH and bench.s3 is not None and (spent or spoilt):
            await give_up_file(bench.db, bench.s3, rendition, error.code)
        await _put_off(bench, rendition_id, error.code, attempts=attempts)
    except (NotFound, Conflict) as gone:
        log.info("step_overtaken", rendition_id=str(rendition_id), step=step, reason=gone.code)


async def _put_off(bench: Workbench, rendition_id: UUID, failure: str, *, attempts: int) -> None:
    """Nobody waits for a rendition that has failed once: the track's job ends without it."""
    now = await bench.db.now()
    until = now + timedelta(seconds=backoff_s(attempts))
    async with bench.db.transaction() as session:
        rendition = await rendition_rows.get(session, rendition_id)
        kept = min(attempts, MAX_ATTEMPTS)
        await moves.postpone(session, rendition, until=until, attempts=kept, failure=failure)
        await finish_if_over(session, rendition.track_id, bench.policy, now=now)


async def _read(bench: Workbench, rendition_id: UUID) -> Rendition:
    async with bench.db.read_session() as session:
        return await rendition_rows.get(session, rendition_id)

"""One rendition made from its track: acknowledged on its row only when its bytes are safe."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID

import structlog

from autodj.audio.facts import DecodeLimits
from autodj.audio.identify import BY_EXTENSION, identify
from autodj.audio.recipes import Made, Recipe
from autodj.audio.sandbox import Sandbox
from autodj.db import Database, FileState, Rendition, Session, Track
from autodj.db import renditions as rendition_rows
from autodj.db import tracks as track_rows
from autodj.errors import AudioRejected, Conflict, NotFound, UnsupportedMedia
from autodj.storage.base import Storage
from autodj.storage.disk import disk_errors
from autodj.storage.keys import rendition_key
from autodj.storage.local import LocalStorage
from autodj.tracks.analyze import readable
from autodj.tracks.policy import Policy
from autodj.tracks.progress import finish, report, watched
from autodj.tracks.rendition_plan import recipe_for
from autodj.tracks.steps import next_step

log = structlog.get_logger(__name__)

STARTS_AT = 0.8
"""Of a track's job, the share that is done when its renditions begin."""
_BLOCK_BYTES = 1 << 20
_HEADROOM_BYTES = 1 << 20
# Coded audio in another container, and FLAC of noise, are hardly larger than what they are of.
_MOST_GROWTH = 1.25


async def render(
    db: Database,
    local: LocalStorage,
    s3: Storage | None,
    sandbox: Sandbox,
    limits: DecodeLimits,
    policy: Policy,
    rendition_id: UUID,
) -> None:
    """PENDING to STABLE/LOCAL; to FAILED when these bytes cannot be rendered; to nothing when
    the track needs no such rendition. Store failures raise, and the row stays due.
    """
    async with db.read_session() as session:
        rendition = await rendition_rows.get(session, rendition_id)
        track = await track_rows.get(session, rendition.track_id)
    if rendition.file_state is not FileState.PENDING or track.file_source is None:
        return
    await report(db, track.id, "render", STARTS_AT)
    output = local.incoming()
    try:
        async with readable(local, s3, track) as path:
            recipe = await recipe_for(rendition.name, track, path, policy.wishes, local, s3)
            made = None
            if recipe is not None:
                made = await _make(db, sandbox, limits, policy, track, path, recipe, output)
        if recipe is None or made is None:
            await _drop(db, local, policy, rendition)
        else:
            await _keep(db, local, policy, rendition, recipe, made, output)
    except (AudioRejected, UnsupportedMedia) as rejection:
        await _reject(db, local, policy, rendition, rejection.code)
    finally:
        await asyncio.to_thread(output.unlink, missing_ok=True)


async def finish_if_over(
    session: Session, track_id: UUID, policy: Policy, *, now: datetime
) -> None:
    """End the track's job when neither the track nor a rendition of it is being worked on.

    The track's row is locked before it is looked at: of the last two, the later one sees that
    the other has ended.
    """
    await rendition_rows.touch_track(session, track_id, now=now)
    with suppress(NotFound):
        track = await track_rows.get(session, track_id)
        over = next_step(track, policy, now) is None
        if over and not await rendition_rows.any_untried(session, track_id):
            await finish(session, track, now=now)


async def _make(
    db: Database,
    sandbox: Sandbox,
    limits: DecodeLimits,
    policy: Policy,
    track: Track,
    path: Path,
    recipe: Recipe,
    output: Path,
) -> Made | None:
    container = await asyncio.to_thread(identify, path)

    async def tell(share: float) -> None:
        await report(db, track.id, "render", STARTS_AT + (1 - STARTS_AT) * share)

    with disk_errors(str(output.name)):
        return await watched(
            lambda hear: sandbox.render(
                path,
                container,
                recipe,
                output,
                limits,
                hear,
                timeout_s=policy.render_timeout_s,
                max_bytes=_most_bytes(track, recipe),
            ),
            tell,
        )


def _most_bytes(track: Track, recipe: Recipe) -> int:
    """More than the rendition can rightly take."""
    if recipe.bit_rate_bps is not None:
        seconds = track.duration_s if recipe.length_s is None else recipe.length_s
        expected = recipe.bit_rate_bps / 8 * seconds * 2
    else:
        expected = max(
            track.size_bytes, 3 * track.sample_rate_hz * track.channels * track.duration_s
        )
    return round(expected * _MOST_GROWTH) + _HEADROOM_BYTES


async def _keep(
    db: Database,
    local: LocalStorage,
    policy: Policy,
    rendition: Rendition,
    recipe: Recipe,
    made: Made,
    output: Path,
) -> None:
    sha256, size_bytes = await asyncio.to_thread(_hashed, output)
    generation = rendition.generation + 1
    path = rendition_key(rendition.track_id, rendition.name, generation, sha256, recipe.extension)
    facts = {
        **made.to_document(),
        "content_type": BY_EXTENSION[recipe.extension].content_type,
        "extension": recipe.extension,
        "sha256": sha256,
        "size_bytes": size_bytes,
    }
    now = await db.now()
    async with db.transaction() as session:
        await rendition_rows.hold(session, rendition, facts, file_path=path, now=now)
        held = await rendition_rows.get(session, rendition.id)
    await _delete_earlier(local, rendition)
    await local.adopt(path, output, sha256=sha256, size_bytes=size_bytes)
    try:
        now = await db.now()
        async with db.transaction() as session:
            await rendition_rows.settle(session, held, now=now)
            await finish_if_over(session, held.track_id, policy, now=now)
    except Conflict:  # the track is being deleted, or another worker was quicker
        await local.delete(path)
        raise
    log.info("rendered", track_id=str(rendition.track_id), name=rendition.name, key=path)


async def _drop(db: Database, local: LocalStorage, policy: Policy, rendition: Rendition) -> None:
    now = await db.now()
    async with db.transaction() as session:
        if not await rendition_rows.erase(session, rendition):
            raise Conflict("Another worker was quicker")
        await finish_if_over(session, rendition.track_id, policy, now=now)
    await _delete_earlier(local, rendition)
    log.info("rendition_not_needed", track_id=str(rendition.track_id), name=rendition.name)


async def _reject(
    db: Database, local: LocalStorage, policy: Policy, rendition: Rendition, failure: str
) -> None:
    now = await db.now()
    async with db.transaction() as session:
        await rendition_rows.fail(session, rendition, failure=failure, now=now)
        await finish_if_over(session, rendition.track_id, policy, now=now)
    await _delete_earlier(local, rendition)
    log.warning(
        "render_failed",
        track_id=str(rendition.track_id),
        name=rendition.name,
        code=failure,
    )


async def _delete_earlier(local: LocalStorage, before: Rendition) -> None:
    """Delete what a try left that died before it was settled. The row has moved first: until
    then that try may be alive, and settle these very bytes.
    """
    if before.file_path is not None:
        await local.delete(before.file_path)


def _hashed(path: Path) -> tuple[str, int]:
    digest, size_bytes = hashlib.sha256(), 0
    with disk_errors(path.name), path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            size_bytes += len(block)
    return digest.hexdigest(), size_bytes

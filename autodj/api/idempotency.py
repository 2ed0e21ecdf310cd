"""Idempotency-Key: the same request sent twice happens once and is told the same twice."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid4

import structlog
from starlette.requests import Request

from autodj.db import Database, idempotency
from autodj.errors import DatabaseUnavailable, InvalidRequest
from autodj.tracks import holding

log = structlog.get_logger("autodj.idempotency")

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request led to: a status, and the track or job that it is about."""

    status: int
    subject_id: UUID
    replayed: bool = False


def key_of(request: Request) -> str | None:
    """The request's key; InvalidRequest when it is not one."""
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise InvalidRequest(f"{HEADER} must be one word of 1 to 255 visible ASCII characters.")
    return given[0]


def fingerprint(**parts: str | None) -> str:
    """What makes two requests the same, as a hash."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


async def once(
    db: Database,
    owner_id: UUID,
    key: str | None,
    request_fingerprint: str,
    act: Callable[[UUID], Awaitable[Outcome]],
) -> Outcome:
    """Do it, or say what it led to when the key was used for the same before.

    A failure frees the key. Raises StillRunning while the first request is, KeyReused when the
    key belongs to another request. ``act`` is given an id of its own for the request; it is the
    same when the request is made again because nobody knows what the first one led to.
    """
    if key is None:
        return await act(uuid4())
    now = await db.now()
    async with db.transaction() as session:
        claim = await idempotency.claim(session, owner_id, key, request_fingerprint, now=now)
    if claim.status is not None and claim.subject_id is not None:
        return Outcome(claim.status, claim.subject_id, replayed=True)
    try:
        async with holding.beating(partial(_hold, db, claim.id), every_s=holding.BEAT_S):
            outcome = await act(claim.id)
    except Exception:  # whatever it was, the client may try the same again
        with suppress(DatabaseUnavailable):
            async with db.transaction() as session:
                await idempotency.release(session, claim.id)
        raise
    try:
        async with db.transaction() as session:
            await idempotency.finish(
                session, claim.id, status=outcome.status, subject_id=outcome.subject_id
            )
    except DatabaseUnavailable as error:  # what was done is done, and may be told
        log.warning("answer_not_recorded", claim_id=str(claim.id), cause=repr(error.__cause__))
    return outcome


async def _hold(db: Database, claim_id: UUID) -> None:
    now = await db.now()
    async with db.transaction() as session:
        await idempotency.hold(session, claim_id, now=now)

"""A key whose database, or whose request, went away in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx2 import Response
from sqlalchemy import select
from sqlmodel import col

from autodj.api.idempotency import Outcome, once
from autodj.db import Database, IdempotencyKey, idempotency
from autodj.errors import DatabaseUnavailable
from autodj.tracks import holding
from tests.api.stage import Person, Stage, wav
from tests.builders import make_user

TRACKS = "/api/v1/tracks"
Send = Callable[[Stage, Person], Response]


def upload(stage: Stage, owner: Person, content: bytes = b"") -> Response:
    return _send(stage, owner, files={"file": ("tone.wav", content or wav())})


def fetch(stage: Stage, owner: Person) -> Response:
    return _send(stage, owner, json={"url": "https://example.org/mix.flac"})


def _send(stage: Stage, owner: Person, **body: Any) -> Response:
    return stage.client.post(TRACKS, headers={**owner.bearer, "Idempotency-Key": "k1"}, **body)


async def fails(*_: object, **__: object) -> None:
    raise DatabaseUnavailable


def outlast(stage: Stage, owner: Person) -> None:
    """As long goes by as nothing may be heard of a request that runs."""

    async def age() -> None:
        async with stage.runtime.db.transaction() as session:
            query = select(IdempotencyKey).where(col(IdempotencyKey.owner_id) == owner.id)
            claim = (await session.execute(query)).scalar_one()
            claim.created_at -= timedelta(seconds=60)

    stage.run(age)


@pytest.mark.parametrize(("send", "told"), [(upload, [201, 200, 200]), (fetch, [202, 202, 202])])
def test_an_answer_that_could_not_be_recorded_is_given_and_the_key_leads_to_the_same(
    either_stage: Stage, monkeypatch: pytest.MonkeyPatch, send: Send, told: list[int]
) -> None:
    stage, owner = either_stage, either_stage.person()
    with monkeypatch.context() as away:
        away.setattr(idempotency, "finish", fails)
        first = send(stage, owner)
    assert send(stage, owner).json()["code"] == "still_running"
    outlast(stage, owner)
    answers = [first, send(stage, owner), send(stage, owner)]
    assert [answer.status_code for answer in answers] == told
    assert len({answer.json()["id"] for answer in answers}) == 1
    jobs = stage.client.get("/api/v1/jobs", headers=owner.bearer).json()["items"]
    assert len(jobs) == 1


def test_a_refusal_is_told_though_its_key_could_not_be_freed(
    stage: Stage, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(idempotency, "release", fails)
        assert upload(stage, owner, b"RIFF").status_code == 422
    outlast(stage, owner)
    assert upload(stage, owner, b"RIFF").status_code == 422


async def test_a_key_is_held_for_as_long_as_its_request_runs(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "BEAT_S", 0.01)
    user = make_user()
    async with db.transaction() as session:
        session.add(user)

    async def heard_of() -> datetime:
        async with db.transaction() as session:
            found = await session.execute(select(col(IdempotencyKey.created_at)))
            return found.scalar_one()

    async def runs(subject_id: UUID) -> Outcome:
        began = await heard_of()
        while await heard_of() <= began:
            await asyncio.sleep(0.01)
        return Outcome(201, subject_id)

    outcome = await once(db, user.id, "k1", "f" * 64, runs)
    assert await once(db, user.id, "k1", "f" * 64, runs) == replace(outcome, replayed=True)

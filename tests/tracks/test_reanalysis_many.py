"""A library that is larger than one statement may change is measured anew all the same."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from autodj.audio.facts import ANALYSIS_VERSION
from autodj.db import AnalysisState, Database, JobKind, jobs, moves
from autodj.db import reanalysis as rows
from autodj.db.reanalysis import Which
from tests.builders import MOMENT, make_track


async def test_tracks_are_marked_and_let_go_some_at_a_time(
    db: Database, owner_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed: list[int] = []
    real = moves.count

    async def count(*given: Any) -> int:
        changed.append(await real(*given))
        return changed[-1]

    monkeypatch.setattr(rows, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr("autodj.db.reanalysis.count", count)
    measured = {"analysis_state": AnalysisState.DONE, "analysis_version": ANALYSIS_VERSION}
    async with db.transaction() as session:
        session.add_all([make_track(owner_id, **measured) for _ in range(5)])
        job = jobs.add(session, owner_id=owner_id, kind=JobKind.REANALYSIS, step="x", now=MOMENT)
    async with db.transaction() as session:
        marked = await rows.mark(session, owner_id, job.id, Which.ALL, version=9, now=MOMENT)
        assert (marked, sum((await rows.counts(session, job.id)).values())) == (5, 5)
        await rows.end(session, job.id)
        assert await rows.counts(session, job.id) == {}
    assert (sum(changed), max(changed)) == (10, 2)

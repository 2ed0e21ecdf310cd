"""What a row asks for next, as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from autodj.db import AnalysisState, FileSource, FileState, PublicState, Visibility
from autodj.settings import Retention, load
from autodj.tracks.policy import FOR_EVER, Policy
from autodj.tracks.steps import MAX_ATTEMPTS, REST_S, Step, backoff_s, next_step, wakes_at
from tests.builders import MOMENT, make_track

TO_S3 = Policy(publish_to_s3=True, keep_local_s=60, lease_s=90, analysis_version=3)
LOCAL_ONLY = Policy(publish_to_s3=False, keep_local_s=60, lease_s=90, analysis_version=3)
PENDING, STABLE, COPYING = FileState.PENDING, FileState.STABLE, FileState.COPYING
CLEANING, DELETING, FAILED = FileState.CLEANING, FileState.DELETING, FileState.FAILED
LOCAL, S3 = FileSource.LOCAL, FileSource.S3
MEASURED = {"analysis_state": AnalysisState.DONE, "analysis_version": 3}
GRACE_OVER = {"clean_after": MOMENT}
IN_GRACE = {"clean_after": MOMENT + timedelta(seconds=1)}


@pytest.mark.parametrize(
    ("state", "source", "columns", "to_s3", "local_only"),
    [
        (PENDING, None, {}, None, None),
        (FAILED, None, {}, None, None),
        (STABLE, LOCAL, {}, Step.ANALYZE, Step.ANALYZE),
        (STABLE, LOCAL, MEASURED, Step.PUBLISH, None),
        (STABLE, LOCAL, {"analysis_state": AnalysisState.FAILED}, Step.PUBLISH, None),
        (STABLE, LOCAL, {**MEASURED, "analysis_version": 2}, Step.ANALYZE, Step.ANALYZE),
        (COPYING, LOCAL, {}, Step.PUBLISH, Step.PUBLISH),
        (CLEANING, S3, {**MEASURED, **GRACE_OVER}, Step.CLEAN, Step.CLEAN),
        (CLEANING, S3, {**MEASURED, **IN_GRACE}, None, None),
        (CLEANING, S3, GRACE_OVER, Step.ANALYZE, Step.ANALYZE),
        (STABLE, S3, MEASURED, None, None),
        (STABLE, S3, {}, Step.ANALYZE, Step.ANALYZE),
        (DELETING, None, {}, Step.DELETE, Step.DELETE),
    ],
)
def test_the_row_decides_its_next_step(
    state: FileState,
    source: FileSource | None,
    columns: dict[str, object],
    to_s3: Step | None,
    local_only: Step | None,
) -> None:
    track = make_track(uuid4(), file_state=state, file_source=source, **columns)
    assert next_step(track, TO_S3, MOMENT) is to_s3
    assert next_step(track, LOCAL_ONLY, MOMENT) is local_only


OPEN_LINKS = replace(TO_S3, public_links=True)
PUBLIC, PRIVATE = Visibility.PUBLIC, Visibility.PRIVATE
MAKING, OPEN, CLOSING = PublicState.MAKING, PublicState.OPEN, PublicState.CLOSING


@pytest.mark.parametrize(
    ("state", "source", "visibility", "copy", "columns", "wanted", "switched_off"),
    [
        (STABLE, S3, PUBLIC, None, MEASURED, Step.SHARE, None),
        (STABLE, S3, PUBLIC, MAKING, MEASURED, Step.SHARE, Step.SHARE),
        (STABLE, S3, PUBLIC, OPEN, MEASURED, None, Step.SHARE),
        (STABLE, S3, PUBLIC, CLOSING, MEASURED, Step.SHARE, Step.SHARE),
        (STABLE, S3, PRIVATE, None, MEASURED, None, None),
        (STABLE, S3, PRIVATE, MAKING, MEASURED, Step.SHARE, Step.SHARE),
        (STABLE, S3, PRIVATE, OPEN, {}, Step.SHARE, Step.SHARE),
        (STABLE, S3, PUBLIC, None, {}, Step.ANALYZE, Step.ANALYZE),
        (CLEANING, S3, PUBLIC, None, {**MEASURED, **IN_GRACE}, Step.SHARE, None),
        (CLEANING, S3, PUBLIC, None, {**MEASURED, **GRACE_OVER}, Step.CLEAN, Step.CLEAN),
        (CLEANING, S3, PRIVATE, OPEN, {**MEASURED, **GRACE_OVER}, Step.SHARE, Step.SHARE),
        (STABLE, LOCAL, PUBLIC, None, MEASURED, Step.PUBLISH, Step.PUBLISH),
        (STABLE, LOCAL, PUBLIC, OPEN, MEASURED, Step.SHARE, Step.SHARE),
        (COPYING, LOCAL, PUBLIC, OPEN, MEASURED, Step.SHARE, Step.SHARE),
        (COPYING, LOCAL, PUBLIC, None, MEASURED, Step.PUBLISH, Step.PUBLISH),
        (DELETING, None, PUBLIC, OPEN, {}, Step.DELETE, Step.DELETE),
        (PENDING, None, PUBLIC, None, {}, None, None),
    ],
)
def test_a_public_copy_comes_last_and_goes_first(
    state: FileState,
    source: FileSource | None,
    visibility: Visibility,
    copy: PublicState | None,
    columns: dict[str, object],
    wanted: Step | None,
    switched_off: Step | None,
) -> None:
    track = make_track(
        uuid4(),
        file_state=state,
        file_source=source,
        visibility=visibility,
        public_state=copy,
        **columns,
    )
    assert next_step(track, OPEN_LINKS, MOMENT) is wanted
    assert next_step(track, TO_S3, MOMENT) is switched_off


def test_a_row_in_its_grace_wakes_when_it_ends_and_a_kept_copy_never() -> None:
    waiting = make_track(uuid4(), file_state=CLEANING, file_source=S3, **MEASURED, **IN_GRACE)
    kept = make_track(
        uuid4(), file_state=CLEANING, file_source=S3, **MEASURED, clean_after=FOR_EVER
    )
    assert wakes_at(waiting, TO_S3, MOMENT) == waiting.clean_after
    assert wakes_at(kept, TO_S3, MOMENT) is None


def test_a_row_with_a_step_to_do_wakes_now() -> None:
    assert wakes_at(make_track(uuid4()), TO_S3, MOMENT) == MOMENT


@pytest.mark.parametrize(
    ("retention", "grace_s", "kept_s"),
    [
        (Retention(0), 100, 100),
        (Retention(2), 100, 2 * 86400),
        (Retention(1), 2 * 86400, 2 * 86400),
    ],
)
def test_the_local_copy_stays_for_the_longer_of_grace_and_retention(
    retention: Retention, grace_s: int, kept_s: int
) -> None:
    text = "delete" if retention.days == 0 else f"{retention.days}d"
    settings = load(
        {
            "AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf",
            "CLEAN_GRACE_S": str(grace_s),
            "LOCAL_RETENTION": text,
        }
    )
    policy = Policy.of(settings, analysis_version=1)
    assert policy.clean_after(MOMENT) == MOMENT + timedelta(seconds=kept_s)


def test_keep_means_for_ever() -> None:
    policy = Policy(publish_to_s3=True, keep_local_s=None, lease_s=1, analysis_version=1)
    assert policy.clean_after(MOMENT) == FOR_EVER


def test_the_wait_doubles_and_ends_in_a_long_rest() -> None:
    waits = [backoff_s(attempts) for attempts in range(1, MAX_ATTEMPTS + 1)]
    assert waits == [5, 10, 20, 40, 80, 160, 320, REST_S]

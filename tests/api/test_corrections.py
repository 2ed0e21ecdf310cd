"""Tempo, grid, bars and key as people set them, over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from autodj.db import AnalysisState, Track
from autodj.db import tracks as track_rows
from tests.api.stage import Person, Stage
from tests.api.test_exports import measured
from tests.readers import read_rekordbox
from tests.tracks.test_exports import STEADY

TRACKS = "/api/v1/tracks"
NONE = {
    "bpm": None,
    "anchor_s": None,
    "grid_shift_ms": None,
    "downbeat_s": None,
    "metre": None,
    "key": None,
}


def grown(stage: Stage, owner: Person) -> Track:
    return measured(stage, owner, first_downbeat_s=1.25, duration_s=21.0, metre=4, grid="constant")


def patch(stage: Stage, owner: Person, track_id: UUID, **changes: object) -> dict[str, Any]:
    answer = stage.client.patch(f"{TRACKS}/{track_id}", json=changes, headers=owner.bearer)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def document(stage: Stage, owner: Person, track_id: UUID) -> dict[str, Any]:
    found: dict[str, Any] = stage.client.get(
        f"{TRACKS}/{track_id}/analysis", headers=owner.bearer
    ).json()
    return found


def test_a_track_tells_what_was_measured_and_what_was_set(stage: Stage, owner: Person) -> None:
    track = grown(stage, owner)
    shown = stage.client.get(f"{TRACKS}/{track.id}", headers=owner.bearer).json()
    assert shown["corrections"] == NONE
    patch(stage, owner, track.id, tempo="double", nudge_ms=12.5, key="a minor")
    patch(stage, owner, track.id, downbeat_s=5.0, metre=3)
    shown = stage.client.get(f"{TRACKS}/{track.id}", headers=owner.bearer).json()
    assert (shown["bpm"], shown["bpm_measured"], shown["bpm_corrected"]) == (240.0, 120.0, True)
    assert (shown["key"], shown["key_measured"], shown["camelot"]) == ("A minor", "Db minor", "8A")
    assert (shown["metre"], shown["grid"]) == (3, "constant")
    set_ = {"bpm": 240.0, "grid_shift_ms": 12.5, "downbeat_s": 5.0, "metre": 3, "key": "A minor"}
    assert shown["corrections"] == {**NONE, **set_}


def test_what_a_track_says_was_set_sets_it_again(stage: Stage, owner: Person) -> None:
    track = grown(stage, owner)
    before = patch(stage, owner, track.id, bpm=121.0, nudge_ms=-7.0, downbeat_s=3.2)
    assert before["corrections"]["anchor_s"] == 1.243
    patch(stage, owner, track.id, **NONE)
    again = patch(stage, owner, track.id, **before["corrections"])
    assert again["corrections"] == before["corrections"]


def test_the_document_is_as_corrected_and_its_tag_another(stage: Stage, owner: Person) -> None:
    track = grown(stage, owner)
    url = f"{TRACKS}/{track.id}/analysis"
    seen = [stage.client.get(url, headers=owner.bearer).headers["etag"]]
    for changes in ({"nudge_ms": -15.0}, {"downbeat_s": 0.8}, {"key": "A minor"}):
        patch(stage, owner, track.id, **changes)
        stale = {**owner.bearer, "If-None-Match": seen[-1]}
        answer = stage.client.get(url, headers=stale)
        assert answer.status_code == 200
        seen.append(answer.headers["etag"])
        fresh = {**owner.bearer, "If-None-Match": seen[-1]}
        assert stage.client.get(url, headers=fresh).status_code == 304
    assert len(set(seen)) == len(seen)
    read = answer.json()
    assert read["beats_s"][:3] == [0.235, 0.735, 1.235]
    assert read["downbeats_s"][0] == 0.735
    assert (read["key"], read["open_key"]) == ("A minor", "1m")
    assert read["measured"]["key"] == "Db minor"
    patch(stage, owner, track.id, **NONE)
    assert stage.client.get(url, headers=owner.bearer).headers["etag"] == seen[0]
    assert document(stage, owner, track.id)["beats_s"] == list(STEADY)


def test_exports_have_the_corrected_grid(stage: Stage, owner: Person, tmp_path: Path) -> None:
    track = grown(stage, owner)
    patch(stage, owner, track.id, bpm=121.0, nudge_ms=10, metre=3)
    url = f"{TRACKS}/{track.id}/export"
    answer = stage.client.get(f"{url}?format=rekordbox", headers=owner.bearer)
    (tmp_path / "set.xml").write_bytes(answer.content)
    read = read_rekordbox(tmp_path / "set.xml").get_track(0)
    [tempo] = read.tempos
    assert (tempo["Bpm"], tempo["Metro"], read["AverageBpm"]) == (121.0, "3/4", 121.0)
    steps = (1.26 - tempo["Inizio"]) / (60 / 121)
    assert steps == pytest.approx(round(steps), abs=0.003)
    jams = stage.client.get(f"{url}?format=jams", headers=owner.bearer).json()
    beats = next(each for each in jams["annotations"] if each["namespace"] == "beat")["data"]
    assert [each["value"] for each in beats if abs(each["time"] - 1.26) < 0.001] == [1]


def test_a_new_analysis_changes_no_correction(either_stage: Stage) -> None:
    stage, owner = either_stage, either_stage.person()
    track = grown(stage, owner)
    set_ = patch(
        stage, owner, track.id, bpm=121.0, nudge_ms=4, downbeat_s=3.0, metre=3, key="C major"
    )["corrections"]

    async def measure() -> None:
        facts = {"analysis_state": AnalysisState.DONE, "bpm": 60.0, "first_downbeat_s": 0.3}
        now = await stage.runtime.db.now()
        async with stage.runtime.db.transaction() as session:
            await track_rows.save_analysis(session, track.id, {**facts, "metre": 4}, now=now)

    stage.run(measure)
    shown = stage.client.get(f"{TRACKS}/{track.id}", headers=owner.bearer).json()
    assert shown["corrections"] == set_
    assert (shown["bpm"], shown["bpm_measured"], shown["metre"]) == (121.0, 60.0, 3)


@pytest.mark.parametrize(
    ("correction", "pointer"),
    [
        ({"tempo": "triple"}, "/tempo"),
        ({"tempo": None}, "/tempo"),
        ({"tempo": "double", "bpm": 100}, "/tempo"),
        ({"anchor_s": 1.0}, "/anchor_s"),
        ({"anchor_s": -1.0, "bpm": 100}, "/anchor_s"),
        ({"anchor_s": 22.0, "bpm": 100}, "/anchor_s"),
        ({"grid_shift_ms": 2001}, "/grid_shift_ms"),
        ({"nudge_ms": -2001}, "/nudge_ms"),
        ({"nudge_ms": None}, "/nudge_ms"),
        ({"nudge_ms": 1, "grid_shift_ms": 1}, "/nudge_ms"),
        ({"downbeat_s": -0.1}, "/downbeat_s"),
        ({"downbeat_s": 21.5}, "/downbeat_s"),
        ({"metre": 1}, "/metre"),
        ({"metre": 13}, "/metre"),
        ({"metre": 3.5}, "/metre"),
        ({"corrections": {}}, "/corrections"),
    ],
)
def test_a_correction_of_the_grid_that_may_not_be_changes_nothing(
    stage: Stage, owner: Person, correction: dict[str, object], pointer: str
) -> None:
    path = f"{TRACKS}/{grown(stage, owner).id}"
    version = stage.client.get(path, headers=owner.bearer).json()["version"]
    headers = {**owner.bearer, "Content-Type": "application/json"}
    answer = stage.client.patch(path, content=json.dumps(correction), headers=headers)
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert stage.client.get(path, headers=owner.bearer).json()["version"] == version


def test_a_tempo_that_is_not_known_cannot_be_doubled(stage: Stage, owner: Person) -> None:
    path = f"{TRACKS}/{stage.track(owner).id}"
    answer = stage.client.patch(path, json={"tempo": "double"}, headers=owner.bearer)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": "/tempo", "detail": "there is no tempo to change: set bpm"}
    ]


def test_nobody_corrects_or_measures_what_is_not_theirs(stage: Stage, owner: Person) -> None:
    track, stranger = grown(stage, owner), stage.person()
    url = f"{TRACKS}/{track.id}"
    answers = [
        stage.client.patch(url, json={"nudge_ms": 5}, headers=stranger.bearer),
        stage.client.post(f"{url}/reanalysis", headers=stranger.bearer),
        stage.client.post(
            "/api/v1/reanalysis",
            json={"which": "all", "track_ids": [str(track.id)]},
            headers=stranger.bearer,
        ),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    shown = stage.client.get(url, headers=owner.bearer).json()
    assert shown["corrections"] == NONE


def test_a_library_is_measured_again_by_a_job(stage: Stage) -> None:
    owner = stage.person()
    done: dict[str, Any] = {"analysis_state": AnalysisState.DONE, "analysis_version": 1}
    for _ in range(3):
        stage.track(owner, **done)
    failed = stage.track(owner, analysis_state=AnalysisState.FAILED, analysis_failure="too_long")
    url = "/api/v1/reanalysis"
    counts = stage.client.get(url, headers=owner.bearer).json()
    assert counts == {
        "analysis_version": stage.runtime.policy.analysis_version,
        "tracks": 4,
        "outdated": 3,
        "failed": 1,
        "unfinished": 0,
    }
    answer = stage.client.post(url, json={}, headers=owner.bearer)
    assert answer.status_code == 202
    job = stage.client.get(answer.headers["location"], headers=owner.bearer).json()
    assert (job["kind"], job["state"]) == ("reanalysis", "running")
    assert job["result"] == {"tracks": 3, "done": 0, "failed": 0}
    assert stage.client.get(url, headers=owner.bearer).json()["unfinished"] == 3
    answer = stage.client.post(f"{TRACKS}/{failed.id}/reanalysis", headers=owner.bearer)
    assert (answer.status_code, answer.json()["track_id"]) == (202, str(failed.id))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"which": "some"}, "/which"),
        ({"track_ids": []}, "/track_ids"),
        ({"track_ids": ["x"]}, "/track_ids/0"),
        ({"tracks": []}, "/tracks"),
        ({"track_ids": [str(uuid4())] * 1001}, "/track_ids"),
    ],
)
def test_what_cannot_be_measured_is_told(
    stage: Stage, owner: Person, body: dict[str, object], pointer: str
) -> None:
    answer = stage.client.post("/api/v1/reanalysis", json=body, headers=owner.bearer)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]

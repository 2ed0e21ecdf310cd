"""What was measured, and the picture: to their owner, small, and only when new."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest

from autodj.api.analysis import READINGS
from autodj.db import AnalysisState, Track
from autodj.db import tracks as track_rows
from autodj.storage.keys import analysis_key, cover_key
from tests.api.stage import Person, Stage

DOCUMENT = {
    "version": 1,
    "bpm": 120.0,
    "beats_s": [0.5, 1.0],
    "waveform": {"points_per_s": 50.0, "peak": [0, 255], "min": [0, -128], "max": [1, 100]},
}
PICTURE = b"\xff\xd8\xff\xe0 a picture"


def put(stage: Stage, key: str, content: bytes) -> None:
    path = stage.runtime.local.path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def analysed(stage: Stage, owner: Person) -> Track:
    track = stage.track(owner)
    packed = gzip.compress(json.dumps(DOCUMENT).encode(), mtime=0)
    key = analysis_key(track.id, hashlib.sha256(packed).hexdigest())
    put(stage, key, packed)
    update(stage, track, analysis_state=AnalysisState.DONE, analysis_key=key, analysis_version=1)
    return track


def update(stage: Stage, track: Track, **facts: object) -> None:
    async def save() -> None:
        now = await stage.runtime.db.now()
        async with stage.runtime.db.transaction() as session:
            await track_rows.save_analysis(session, track.id, facts, now=now)

    stage.run(save)


@pytest.mark.parametrize("encoding", ["gzip", "identity", "br, gzip;q=0.5", "", "*"])
def test_the_document_arrives_the_same_in_any_coding(
    stage: Stage, owner: Person, encoding: str
) -> None:
    url = f"/api/v1/tracks/{analysed(stage, owner).id}/analysis"
    answer = stage.client.get(url, headers={**owner.bearer, "Accept-Encoding": encoding})
    assert answer.status_code == 200
    assert answer.json() == DOCUMENT
    packed = answer.headers.get("content-encoding") == "gzip"
    assert packed == (encoding not in {"identity", ""})
    assert answer.headers["vary"] == "Accept-Encoding, Authorization, Cookie"
    assert answer.headers["cache-control"] == "private, max-age=0, must-revalidate"
    again = stage.client.get(url, headers={**owner.bearer, "If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("state", "word"),
    [(AnalysisState.PENDING, "not measured yet"), (AnalysisState.FAILED, "could")],
)
def test_where_there_is_no_analysis_the_hint_says_why(
    stage: Stage, owner: Person, state: AnalysisState, word: str
) -> None:
    track = stage.track(owner, analysis_state=state)
    answer = stage.client.get(f"/api/v1/tracks/{track.id}/analysis", headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert word in answer.json()["hint"]


def test_the_track_says_where_its_analysis_and_its_picture_are(stage: Stage, owner: Person) -> None:
    track = analysed(stage, owner)
    update(stage, track, cover_key=cover_key(track.id, "ab" * 32), bpm=120.0)
    shown = stage.client.get(f"/api/v1/tracks/{track.id}", headers=owner.bearer).json()
    assert shown["analysis"] == {
        "state": "done",
        "version": 1,
        "failure": None,
        "url": f"/api/v1/tracks/{track.id}/analysis",
    }
    assert shown["cover_url"] == f"/api/v1/tracks/{track.id}/cover"
    assert shown["bpm"] == 120.0


def test_a_document_that_is_gone_is_an_alarm(stage: Stage, owner: Person) -> None:
    track = stage.track(owner)
    update(stage, track, analysis_key=analysis_key(track.id, "cd" * 32))
    answer = stage.client.get(f"/api/v1/tracks/{track.id}/analysis", headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (503, "source_unreadable")


@pytest.mark.parametrize("name", ["analysis", "waveform.json"])
def test_a_document_that_is_replaced_meanwhile_is_followed_and_has_its_own_tag(
    stage: Stage, owner: Person, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    track = analysed(stage, owner)
    url = f"/api/v1/tracks/{track.id}/{name}"
    wanted = stage.client.get(url, headers=owner.bearer)
    real, stale = track_rows.get_owned, [analysis_key(track.id, "ef" * 32)]

    async def behind(*arguments: object, **keywords: object) -> Track:
        row: Track = await real(*arguments, **keywords)  # type: ignore[arg-type]  # passed through
        if stale:
            row.analysis_key = stale.pop()
        return row

    monkeypatch.setattr(track_rows, "get_owned", behind)
    answer = stage.client.get(url, headers=owner.bearer)
    assert (answer.status_code, answer.json()) == (200, wanted.json())
    assert answer.headers["etag"] == wanted.headers["etag"]
    assert not stale


@pytest.mark.parametrize(("moves", "status"), [(READINGS - 1, 200), (READINGS, 503)])
def test_a_document_that_is_replaced_again_and_again_is_followed_for_a_while(
    stage: Stage, owner: Person, monkeypatch: pytest.MonkeyPatch, moves: int, status: int
) -> None:
    track = analysed(stage, owner)
    url = f"/api/v1/tracks/{track.id}/analysis"
    real = track_rows.get_owned
    stale = [analysis_key(track.id, f"{number:064x}") for number in range(moves)]

    async def behind(*arguments: object, **keywords: object) -> Track:
        row: Track = await real(*arguments, **keywords)  # type: ignore[arg-type]  # passed through
        if stale:
            row.analysis_key = stale.pop()
        return row

    monkeypatch.setattr(track_rows, "get_owned", behind)
    answer = stage.client.get(url, headers=owner.bearer)
    assert answer.status_code == status
    assert (answer.json() == DOCUMENT) == (status == 200)


def test_the_picture_is_sent_once(stage: Stage, owner: Person) -> None:
    track = stage.track(owner)
    key = cover_key(track.id, hashlib.sha256(PICTURE).hexdigest())
    put(stage, key, PICTURE)
    update(stage, track, cover_key=key)
    url = f"/api/v1/tracks/{track.id}/cover"
    answer = stage.client.get(url, headers=owner.session)
    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, max-age=86400"
    again = stage.client.get(
        url, headers={**owner.session, "If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304


def test_a_track_without_a_picture_has_none(stage: Stage, owner: Person) -> None:
    answer = stage.client.get(f"/api/v1/tracks/{stage.track(owner).id}/cover", headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

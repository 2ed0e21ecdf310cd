"""Outlines for other players, and documents that lie on S3."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from autodj.db import AnalysisState, FileSource, Track
from autodj.laptop.s3server import S3Server
from autodj.storage.base import Described
from autodj.storage.keys import analysis_key
from tests.api.stage import Person, Stage, s3_settings_for, staged

WAVEFORM = {
    "points_per_s": 50.0,
    "peak": [0, 255] * 50,
    "low": [0] * 100,
    "mid": [0] * 100,
    "high": [0] * 100,
    "min": [0, -128] * 50,
    "max": [1, 100] * 50,
}
DOCUMENT: dict[str, Any] = {
    "version": 3,
    "duration_s": 2.0,
    "bpm": 120.0,
    "bpm_confidence": 0.9,
    "bpm_alternative": None,
    "beats_s": [0.5, 1.0, 1.5],
    "downbeats_s": [0.5],
    "metre": 4,
    "grid": "constant",
    "key": "A minor",
    "camelot": "8A",
    "key_confidence": 0.5,
    "integrated_lufs": -9.0,
    "true_peak_dbtp": -1.0,
    "waveform": WAVEFORM,
}
PACKED = gzip.compress(json.dumps(DOCUMENT).encode(), mtime=0)
SHA256 = hashlib.sha256(PACKED).hexdigest()
WHERE = {FileSource.LOCAL: "here", FileSource.S3: "on S3"}


@pytest.fixture(scope="module")
def s3_stage(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    settings = s3_settings_for(folder, migrated_sqlite, s3_server, "documents")
    with staged(settings) as stage:
        s3 = stage.runtime.s3
        assert s3 is not None
        stage.run(s3.ensure_bucket)
        yield stage


def measured(stage: Stage, owner: Person, source: FileSource, **columns: object) -> Track:
    """A track whose document is in that store."""
    there = {"file_source": source, "file_path": None, "s3_object_key": f"tracks/{owner.id}"}
    track = stage.track(owner, **({} if source is FileSource.LOCAL else there), **columns)
    key = analysis_key(track.id, SHA256, 3, "0a1b2c3d")
    store: Any = stage.runtime.local if source is FileSource.LOCAL else stage.runtime.s3
    described = Described(content_encoding="gzip")

    async def put() -> None:
        kind = "application/json"
        await store.put(key, PACKED, sha256=SHA256, content_type=kind, described=described)
        facts = {
            "analysis_state": AnalysisState.DONE,
            "analysis_key": key,
            "analysis_source": source,
        }
        async with stage.runtime.db.transaction() as session:
            row = await session.get(Track, track.id)
            assert row is not None
            for name, value in facts.items():
                setattr(row, name, value)

    stage.run(put)
    return track


def ask(stage: Stage, owner: Person, track: Track, what: str, **headers: str) -> httpx2.Response:
    url = f"/api/v1/tracks/{track.id}/{what}"
    return stage.client.get(url, headers={**owner.bearer, **headers}, follow_redirects=False)


@pytest.fixture
def ada(s3_stage: Stage) -> Person:
    s3_stage.client.cookies.clear()
    return s3_stage.person()


def test_a_document_on_s3_is_fetched_from_there_as_what_it_is(s3_stage: Stage, ada: Person) -> None:
    track = measured(s3_stage, ada, FileSource.S3)
    answer = ask(s3_stage, ada, track, "analysis", **{"Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.content) == (307, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    fetched = httpx2.get(answer.headers["location"])
    assert fetched.json() == DOCUMENT
    assert fetched.headers["content-encoding"] == "gzip"
    assert fetched.headers["content-type"] == "application/json"
    assert "immutable" in fetched.headers["cache-control"]


def test_who_cannot_read_gzip_or_asks_not_to_be_sent_on_is_answered_here(
    s3_stage: Stage, ada: Person
) -> None:
    track = measured(s3_stage, ada, FileSource.S3)
    plain = ask(s3_stage, ada, track, "analysis", **{"Accept-Encoding": "identity"})
    assert (plain.status_code, plain.json()) == (200, DOCUMENT)
    assert "content-encoding" not in plain.headers
    here = ask(s3_stage, ada, track, "analysis?redirect=0", **{"Accept-Encoding": "gzip"})
    assert (here.status_code, here.json()) == (200, DOCUMENT)
    etag = here.headers["etag"]
    assert etag == f'W/"{SHA256}"'
    assert ask(s3_stage, ada, track, "analysis", **{"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("source", WHERE, ids=WHERE.values())
def test_a_corrected_document_is_put_together_here_and_has_another_tag(
    s3_stage: Stage, ada: Person, source: FileSource
) -> None:
    track = measured(s3_stage, ada, source, corrected_key="C major", corrected_camelot="8B")
    answer = ask(s3_stage, ada, track, "analysis", **{"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert (answer.json()["key"], answer.json()["measured"]["key"]) == ("C major", "A minor")
    assert answer.json()["waveform"] == WAVEFORM
    assert answer.headers["etag"].startswith(f'W/"{SHA256}-')
    plain = ask(s3_stage, ada, track, "analysis", **{"Accept-Encoding": "identity"})
    assert plain.json() == answer.json()


def test_a_document_on_s3_is_part_of_an_export(s3_stage: Stage, ada: Person) -> None:
    track = measured(s3_stage, ada, FileSource.S3, bpm=120.0)
    answer = ask(s3_stage, ada, track, "export?format=jams")
    spaces = [each["namespace"] for each in answer.json()["annotations"]]
    assert "beat" in spaces


@pytest.mark.parametrize("source", WHERE, ids=WHERE.values())
def test_the_outline_comes_as_json_and_as_bytes(
    s3_stage: Stage, ada: Person, source: FileSource
) -> None:
    track = measured(s3_stage, ada, source)
    text = ask(s3_stage, ada, track, "waveform.json")
    assert text.headers["content-type"] == "application/json"
    assert text.json() == {
        "version": 2,
        "channels": 1,
        "sample_rate": 44100,
        "samples_per_pixel": 882,
        "bits": 8,
        "length": 100,
        "data": [0, 1, -128, 100] * 50,
    }
    data = ask(s3_stage, ada, track, "waveform.dat")
    assert data.headers["content-type"] == "application/octet-stream"
    assert struct.unpack_from("<iIiiIi", data.content) == (2, 1, 44100, 882, 100, 1)
    assert list(struct.unpack("<200b", data.content[24:])) == text.json()["data"]


@pytest.mark.parametrize(
    ("query", "length"),
    [("points=30", 25), ("points=1", 1), ("points_per_s=10", 20), ("points_per_s=2&points=3", 2)],
)
def test_an_outline_is_as_coarse_as_is_asked(
    s3_stage: Stage, ada: Person, query: str, length: int
) -> None:
    track = measured(s3_stage, ada, FileSource.LOCAL)
    answer = ask(s3_stage, ada, track, f"waveform.json?{query}")
    assert answer.json()["length"] == length
    assert answer.json()["data"] == [-128, 100] * length
    etag = answer.headers["etag"]
    again = ask(s3_stage, ada, track, f"waveform.json?{query}", **{"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    whole = ask(s3_stage, ada, track, "waveform.json", **{"If-None-Match": etag})
    assert whole.status_code == 200


def test_an_outline_that_cannot_be_is_refused(s3_stage: Stage, ada: Person) -> None:
    track = measured(s3_stage, ada, FileSource.LOCAL)
    assert ask(s3_stage, ada, track, "waveform.dat?points=0").status_code == 422
    assert ask(s3_stage, ada, track, "waveform.dat?points_per_s=51").status_code == 422
    bare = s3_stage.track(ada)
    assert ask(s3_stage, ada, bare, "waveform.dat").status_code == 404
    assert ask(s3_stage, s3_stage.person(), track, "waveform.dat").status_code == 404


def test_a_document_behind_a_cdn_is_signed_for_whoever_may_hear_the_track(
    cdn_stage: Stage,
) -> None:
    owner = cdn_stage.person()
    key = analysis_key(owner.id, SHA256, 3, "0a1b2c3d")
    track = cdn_stage.track(
        owner,
        file_source=FileSource.S3,
        file_path=None,
        s3_object_key=f"tracks/{owner.id}",
        visibility="public",
        analysis_key=key,
        analysis_source=FileSource.S3,
    )
    answer = ask(cdn_stage, owner, track, "analysis", **{"Accept-Encoding": "gzip, br"})
    assert answer.status_code == 307
    location = answer.headers["location"]
    assert location.startswith(f"https://d111111abcdef8.cloudfront.net/{key}?Expires=")
    assert "&Signature=" in location
    assert ask(cdn_stage, cdn_stage.person(), track, "analysis").status_code == 404


def test_lists_show_the_small_facts(s3_stage: Stage, ada: Person) -> None:
    facts: dict[str, object] = {
        "open_key": "1m",
        "loudness_range_lu": 5.5,
        "energy": 7,
        "metre": 3,
        "grid": "variable",
        "first_downbeat_s": 0.5,
        "overview": "AAEC",
    }
    track = measured(s3_stage, ada, FileSource.LOCAL, **facts)
    [shown] = s3_stage.client.get("/api/v1/tracks", headers=ada.bearer).json()["items"]
    assert {name: shown[name] for name in facts} == facts
    changes = {"corrected_key": "C major", "corrected_metre": 4}
    corrected = s3_stage.track(ada, **facts, **changes)
    shown = s3_stage.client.get(f"/api/v1/tracks/{corrected.id}", headers=ada.bearer).json()
    assert (shown["open_key"], shown["metre"], shown["first_downbeat_s"]) == ("1d", 4, None)
    assert track.id != corrected.id

"""The library in other programs' formats, over HTTP."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import m3u8
import pytest

from autodj.api import exports
from autodj.db import AnalysisState, Track, library
from autodj.db import tracks as track_rows
from autodj.storage.keys import analysis_key
from tests.api.stage import Person, Stage
from tests.builders import make_track
from tests.readers import read_rekordbox
from tests.tracks.test_exports import ANALYSIS


def measured(stage: Stage, owner: Person, **columns: object) -> Track:
    track = stage.track(owner, bpm=120.0, musical_key="Db minor", camelot="12A", **columns)
    packed = gzip.compress(json.dumps(ANALYSIS.to_document()).encode(), mtime=0)
    key = analysis_key(track.id, hashlib.sha256(packed).hexdigest())
    path = stage.runtime.local.path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed)

    async def save() -> None:
        now = await stage.runtime.db.now()
        facts = {"analysis_state": AnalysisState.DONE, "analysis_key": key, "analysis_version": 2}
        async with stage.runtime.db.transaction() as session:
            await track_rows.save_analysis(session, track.id, facts, now=now)

    stage.run(save)
    return track


def read_xml(tmp_path: Path, content: bytes) -> Any:
    (tmp_path / "set.xml").write_bytes(content)
    return read_rekordbox(tmp_path / "set.xml")


def test_the_library_arrives_as_rekordbox_reads_it(
    stage: Stage, owner: Person, tmp_path: Path
) -> None:
    measured(stage, owner, title="Night Bus", original_name="night.mp3")
    stage.track(owner, title="Not measured", corrected_bpm=99.0)
    stage.track(stage.person(), title="Somebody else's")
    url = "/api/v1/export?format=rekordbox&folder=/home/ada/Music/"
    answer = stage.client.get(url, headers=owner.bearer)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["content-disposition"] == 'attachment; filename="autodj.xml"'
    assert "no-store" in answer.headers["cache-control"]
    xml = read_xml(tmp_path, answer.content)
    found = {track["Name"]: track for track in xml.get_tracks()}
    assert set(found) == {"Night Bus", "Not measured"}
    assert found["Night Bus"]["Location"].endswith("home/ada/Music/night.mp3")
    assert len(found["Night Bus"].tempos) == 1
    assert len(found["Night Bus"].marks) == 5
    assert found["Not measured"]["AverageBpm"] == 99.0
    assert found["Not measured"].tempos == []


def test_a_corrected_tempo_wins(stage: Stage, owner: Person, tmp_path: Path) -> None:
    track = measured(stage, owner, corrected_bpm=60.0)
    url = f"/api/v1/tracks/{track.id}/export?format=rekordbox"
    xml = read_xml(tmp_path, stage.client.get(url, headers=owner.bearer).content)
    [tempo] = xml.get_track(0).tempos
    assert tempo["Bpm"] == 60.0


def test_a_playlist_can_be_narrowed_and_names_files_or_links(stage: Stage, owner: Person) -> None:
    stage.stored(owner, b"fast bytes", title="Fast", bpm=174.0, original_name="fast.mp3")
    stage.stored(owner, b"slow bytes", title="Slow", bpm=90.0)
    url = "/api/v1/export?format=m3u8&bpm_min=100"
    answer = stage.client.get(url, headers=owner.bearer)
    assert answer.headers["content-type"] == "audio/x-mpegurl"
    [linked] = m3u8.loads(answer.text).segments
    assert linked.title == "Fast"
    assert stage.client.get(linked.uri).content == b"fast bytes"
    named = stage.client.get(f"{url}&folder=C:%5CMusic", headers=owner.bearer)
    assert [each.uri for each in m3u8.loads(named.text).segments] == ["C:\\Music\\fast.mp3"]


def test_a_track_arrives_as_jams(stage: Stage, owner: Person) -> None:
    track = measured(stage, owner, title="Night Bus")
    answer = stage.client.get(f"/api/v1/tracks/{track.id}/export?format=jams", headers=owner.bearer)
    assert answer.headers["content-disposition"] == 'attachment; filename="Night Bus.jams"'
    spaces = [each["namespace"] for each in answer.json()["annotations"]]
    assert spaces == ["beat", "tempo", "key_mode", "segment_open"]


def test_more_than_a_page_is_exported_whole(stage: Stage, owner: Person) -> None:
    stage.add(*[make_track(owner.id, title=f"{number}") for number in range(201)])
    answer = stage.client.get("/api/v1/export?format=m3u8&folder=/m", headers=owner.bearer)
    assert len(m3u8.loads(answer.text).segments) == 201


def test_more_than_an_export_takes_is_refused(
    stage: Stage, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PAGE", 2)
    monkeypatch.setattr(exports, "MAX_TRACKS", 3)
    url = "/api/v1/export?format=m3u8&folder=/m"
    stage.add(*[make_track(owner.id) for _ in range(3)])
    answer = stage.client.get(url, headers=owner.bearer)
    assert len(m3u8.loads(answer.text).segments) == 3
    stage.add(make_track(owner.id))
    answer = stage.client.get(url, headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_track_that_is_measured_again_meanwhile_keeps_its_grid(
    stage: Stage, owner: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(stage, owner, title="Night Bus")
    real = library.page

    async def behind(*arguments: Any, **keywords: Any) -> Sequence[Track]:
        rows = await real(*arguments, **keywords)
        for row in rows:
            row.analysis_key = analysis_key(row.id, "ef" * 32)
        return rows

    monkeypatch.setattr(library, "page", behind)
    answer = stage.client.get("/api/v1/export?format=rekordbox", headers=owner.bearer)
    assert len(read_xml(tmp_path, answer.content).get_track(0).tempos) == 1


def test_an_analysis_that_is_gone_leaves_the_rest(
    stage: Stage, owner: Person, tmp_path: Path
) -> None:
    track = measured(stage, owner, title="Night Bus")
    for path in stage.runtime.local.root.rglob("*"):
        if path.is_file() and str(track.id) in str(path):
            path.unlink()
    url = f"/api/v1/tracks/{track.id}/export?format=rekordbox"
    answer = stage.client.get(url, headers=owner.bearer)
    assert answer.status_code == 200
    assert read_xml(tmp_path, answer.content).get_track(0)["Name"] == "Night Bus"


@pytest.mark.parametrize(
    "query", ["", "?format=jams", "?format=tags", "?format=m3u8&key=H", "?format=m3u8&limit=3"]
)
def test_what_the_library_is_not_exported_as_is_refused(
    stage: Stage, owner: Person, query: str
) -> None:
    answer = stage.client.get(f"/api/v1/export{query}", headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


def test_a_strangers_track_is_not_there(stage: Stage, owner: Person) -> None:
    track = stage.track(stage.person())
    url = f"/api/v1/tracks/{track.id}/export?format=jams"
    assert stage.client.get(url, headers=owner.bearer).status_code == 404
    assert stage.client.get(url).status_code == 401
    assert stage.client.get("/api/v1/export?format=m3u8").status_code == 401

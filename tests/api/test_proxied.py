"""Bytes that S3 gives to nobody but us reach the listener through us, with ranges and all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from autodj.cdn.headers import DELIVERY_HEADERS
from autodj.db import FileSource, Track
from autodj.laptop.s3server import S3Server
from autodj.storage.keys import track_key
from autodj.tracks import deliver
from autodj.tracks.links import Way
from tests.api.stage import Person, Stage, s3_settings_for, staged

BYTES = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(BYTES).hexdigest()
ETAG = f'"{DIGEST}"'


@dataclass(frozen=True)
class Scene:
    stage: Stage
    owner: Person
    track: Track

    @property
    def path(self) -> str:
        return f"/api/v1/tracks/{self.track.id}/audio"


@pytest.fixture(scope="module")
def scene(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("stage")
    settings = s3_settings_for(folder, migrated_sqlite, s3_server, "played-through-us")
    with staged(settings) as stage:
        owner, s3, track_id = stage.person(), stage.runtime.s3, uuid4()
        assert s3 is not None
        stage.run(s3.ensure_bucket)
        put, key = s3.put, track_key(track_id, 1, DIGEST, "mp3")
        stage.run(lambda: put(key, BYTES, sha256=DIGEST, content_type="audio/mpeg"))
        facts: dict[str, Any] = {"id": track_id, "sha256": DIGEST, "size_bytes": len(BYTES)}
        there = {"file_source": FileSource.S3, "file_path": None, "s3_object_key": key}
        yield Scene(stage, owner, stage.track(owner, **facts, **there, generation=1))


@pytest.fixture(autouse=True)
def nobody_else_has_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "way_of", lambda *_: Way.PROXIED)


@pytest.mark.parametrize(
    ("method", "headers", "status", "expected"),
    [
        ("GET", {}, 200, BYTES),
        ("HEAD", {}, 200, b""),
        ("GET", {"Range": "bytes=0-0"}, 206, BYTES[:1]),
        ("GET", {"Range": "bytes=-10"}, 206, BYTES[-10:]),
        ("GET", {"Range": "bytes=5000-"}, 206, BYTES[5000:]),
        ("GET", {"Range": "bytes=10-19", "If-Range": '"other"'}, 200, BYTES),
        ("GET", {"If-None-Match": ETAG}, 304, b""),
    ],
)
def test_bytes_are_sent_as_asked(
    scene: Scene, method: str, headers: dict[str, str], status: int, expected: bytes
) -> None:
    answer = scene.stage.client.request(
        method, f"{scene.path}/stream", headers=scene.owner.bearer | headers
    )
    assert (answer.status_code, answer.content) == (status, expected)
    assert answer.headers["etag"] == ETAG
    assert answer.headers["cache-control"] == "private, max-age=0, must-revalidate"
    assert {name: answer.headers[name] for name in DELIVERY_HEADERS} == DELIVERY_HEADERS
    assert answer.headers.get("content-type") == (None if status == 304 else "audio/mpeg")
    if method == "GET" and status != 304:
        assert answer.headers["content-length"] == str(len(expected))
    if headers.get("Range") == "bytes=-10":
        first = len(BYTES) - 10
        assert answer.headers["content-range"] == f"bytes {first}-{len(BYTES) - 1}/{len(BYTES)}"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Range": f"bytes={len(BYTES)}-"}, 416), ({"If-Match": '"other"'}, 412)],
)
def test_a_refusal_can_be_read_by_a_page(
    scene: Scene, headers: dict[str, str], status: int
) -> None:
    answer = scene.stage.client.get(f"{scene.path}/stream", headers=scene.owner.bearer | headers)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "*"


def test_the_link_leads_to_us_and_plays(scene: Scene) -> None:
    link = scene.stage.client.get(f"{scene.path}/url", headers=scene.owner.bearer).json()
    assert urlsplit(link["url"]).path == f"{scene.path}/stream"
    for _ in range(2):
        answer = scene.stage.client.get(link["url"], headers={"Range": "bytes=0-9"})
        assert (answer.status_code, answer.content) == (206, BYTES[:10])


def test_an_object_that_is_gone_is_an_alarm_before_the_headers(scene: Scene) -> None:
    facts = {"file_source": FileSource.S3, "file_path": None, "generation": 1}
    track_id = uuid4()
    key = track_key(track_id, 1, DIGEST, "mp3")
    lost = scene.stage.track(scene.owner, **facts, id=track_id, s3_object_key=key)
    answer = scene.stage.client.get(
        f"/api/v1/tracks/{lost.id}/audio/stream", headers=scene.owner.bearer
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "source_unreadable")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_every_body_takes_a_place_and_gives_it_back(scene: Scene) -> None:
    files = scene.stage.client.app_state["web"].files
    free = files.free_places
    try:
        files.free_places = 0
        full = scene.stage.client.get(f"{scene.path}/stream", headers=scene.owner.bearer)
        assert (full.status_code, full.json()["code"]) == (503, "unavailable")
        files.free_places = 1
        for _ in range(3):
            answer = scene.stage.client.get(f"{scene.path}/stream", headers=scene.owner.bearer)
            assert answer.content == BYTES
        assert files.free_places == 1
    finally:
        files.free_places = free

"""The other files of a track, as a client finds and plays them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest

from autodj.db import FileSource, FileState, Rendition, RenditionName, Track
from autodj.storage.keys import rendition_key
from tests.api.stage import Person, Stage, settings_for, staged, wav
from tests.builders import MOMENT

ORIGINAL, PLAYBACK, LOSSLESS, PREVIEW = (
    wav(1, frequency_hz=hz) for hz in (220.0, 330.0, 440.0, 550.0)
)
TYPES = {"m4a": "audio/mp4", "flac": "audio/flac"}


@pytest.fixture
def owner(stage: Stage) -> Person:
    return stage.person()


def made(
    stage: Stage, track: Track, name: RenditionName, content: bytes, extension: str
) -> Rendition:
    """A rendition whose bytes are in the local store."""
    digest = hashlib.sha256(content).hexdigest()
    key = rendition_key(track.id, name, 1, digest, extension)
    put = stage.runtime.local.put
    stage.run(lambda: put(key, content, sha256=digest, content_type=TYPES[extension]))
    row = Rendition(
        id=uuid4(),
        track_id=track.id,
        name=name,
        created_at=MOMENT,
        updated_at=MOMENT,
        content_type=TYPES[extension],
        extension=extension,
        codec="aac" if extension == "m4a" else "flac",
        duration_s=1.5,
        start_offset_s=0.012 if name is RenditionName.PLAYBACK else 0.0,
        sha256=digest,
        size_bytes=len(content),
        file_state=FileState.STABLE,
        file_source=FileSource.LOCAL,
        file_path=key,
        generation=1,
    )
    stage.add(row)
    return row


@pytest.fixture
def aiff(stage: Stage, owner: Person) -> Track:
    track = stage.stored(owner, ORIGINAL, content_type="audio/aiff", extension="aiff")
    made(stage, track, RenditionName.PLAYBACK, PLAYBACK, "m4a")
    made(stage, track, RenditionName.LOSSLESS, LOSSLESS, "flac")
    made(stage, track, RenditionName.PREVIEW, PREVIEW, "m4a")
    return track


def url(track: Track) -> str:
    return f"/api/v1/tracks/{track.id}/audio/url"


@pytest.mark.parametrize(
    ("query", "accept", "rendition", "content"),
    [
        ({}, "*/*", "playback", PLAYBACK),
        ({}, "application/json", "playback", PLAYBACK),
        ({}, "audio/flac", "lossless", LOSSLESS),
        ({}, "audio/aiff", "original", ORIGINAL),
        ({"rendition": "preview"}, "audio/flac", "preview", PREVIEW),
        ({"rendition": "lossless"}, "*/*", "lossless", LOSSLESS),
        ({"rendition": "original"}, "audio/mp4", "original", ORIGINAL),
    ],
)
def test_a_link_leads_to_the_file_that_was_asked_for(
    stage: Stage,
    owner: Person,
    aiff: Track,
    query: dict[str, str],
    accept: str,
    rendition: str,
    content: bytes,
) -> None:
    headers = {**owner.bearer, "Accept": accept}
    answer = stage.client.get(url(aiff), params=query, headers=headers)
    assert answer.status_code == 200
    assert "Accept" in answer.headers["vary"].split(", ")
    link = answer.json()
    assert (link["rendition"], link["size_bytes"]) == (rendition, len(content))
    assert link["start_offset_s"] == (0.012 if rendition == "playback" else 0.0)
    for _ in range(2):  # the second is answered ahead of the router, where it can be
        played = stage.client.get(link["url"])
        assert (played.status_code, played.content) == (200, content)
        assert played.headers["etag"] == link["etag"]
        assert played.headers["content-type"] == link["content_type"]


def test_the_stream_itself_chooses_as_the_link_does(
    stage: Stage, owner: Person, aiff: Track
) -> None:
    path = f"/api/v1/tracks/{aiff.id}/audio/stream"
    default = stage.client.get(path, headers=owner.bearer)
    assert default.content == PLAYBACK
    assert stage.client.get(f"{path}?rendition=preview", headers=owner.bearer).content == PREVIEW
    assert 'm4a"' in default.headers["content-disposition"]


def test_a_link_keeps_leading_to_the_original_when_a_rendition_is_made_later(
    stage: Stage, owner: Person
) -> None:
    track = stage.stored(owner, ORIGINAL)
    link = stage.client.get(url(track), headers=owner.bearer).json()
    assert link["rendition"] == "original"
    made(stage, track, RenditionName.PLAYBACK, PLAYBACK, "m4a")
    assert stage.client.get(link["url"]).content == ORIGINAL
    newer = stage.client.get(url(track), headers={**owner.bearer, "Accept": "audio/mp4"}).json()
    assert newer["rendition"] == "playback"


def test_the_link_of_one_rendition_opens_no_other(stage: Stage, owner: Person, aiff: Track) -> None:
    link = stage.client.get(f"{url(aiff)}?rendition=preview", headers=owner.bearer).json()
    parts = urlsplit(link["url"])
    given = dict(parse_qsl(parts.query))
    for other in ("lossless", "original", None):
        changed = {**given, "rendition": other} if other else given
        if other is None:
            del changed["rendition"]
        refused = stage.client.get(parts.path, params=changed)
        assert (refused.status_code, refused.json()["code"]) == (403, "link_tampered")


@pytest.mark.parametrize("name", ["lossless", "karaoke", ""])
def test_a_rendition_that_is_not_there_is_not_found(stage: Stage, owner: Person, name: str) -> None:
    track = stage.stored(owner, ORIGINAL)
    answer = stage.client.get(url(track), params={"rendition": name}, headers=owner.bearer)
    assert answer.status_code == 404
    assert "rendition" in answer.json()["detail"]


def test_the_list_shows_what_is_made_and_what_failed(
    stage: Stage, owner: Person, aiff: Track
) -> None:
    listed = stage.client.get(f"/api/v1/tracks/{aiff.id}/renditions", headers=owner.bearer).json()
    assert [each["name"] for each in listed["items"]] == ["lossless", "playback", "preview"]
    playback = listed["items"][1]
    assert (playback["state"], playback["ready"], playback["source"]) == ("stable", True, "local")
    assert playback["start_offset_s"] == 0.012
    link = stage.client.get(playback["audio_url"], headers=owner.bearer).json()
    assert link["rendition"] == "playback"


def test_renditions_are_made_on_request_and_belong_to_the_owner(
    stage: Stage, owner: Person
) -> None:
    track = stage.stored(owner, ORIGINAL)
    path = f"/api/v1/tracks/{track.id}/renditions"
    for stranger, status in ((None, 401), (stage.person(), 404)):
        headers = stranger.bearer if stranger else {}
        assert stage.client.get(path, headers=headers).status_code == status
        assert stage.client.post(path, headers=headers).status_code == status
    assert stage.client.get(path, headers=owner.bearer).json() == {"items": []}
    ordered = stage.client.post(path, headers=owner.bearer)
    assert ordered.status_code == 202
    assert {each["state"] for each in ordered.json()["items"]} == {"pending"}
    again = stage.client.post(path, headers=owner.bearer).json()
    assert again == ordered.json()
    refused = stage.client.get(f"{url(track)}?rendition=preview", headers=owner.bearer)
    assert refused.status_code == 404


@pytest.fixture
def without(tmp_path: Path, migrated_url: str) -> Iterator[Stage]:
    with staged(settings_for(tmp_path / "none", migrated_url, RENDITIONS="never")) as opened:
        yield opened


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_a_server_that_makes_none_says_so(without: Stage) -> None:
    owner = without.person()
    track = without.stored(owner, ORIGINAL)
    answer = without.client.post(f"/api/v1/tracks/{track.id}/renditions", headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")

"""Showing a track to everybody and taking it back, as callers of the API see it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from autodj.cdn.policy import check_link
from autodj.db import AnalysisState, FileSource, PublicState, Track, Visibility, tracks
from autodj.jobs import Jobs
from tests.api.stage import Person, Stage
from tests.builders import make_track

API = "/api/v1/tracks"
ORIGIN = "https://d111111abcdef8.cloudfront.net"


def on_s3(stage: Stage, owner: Person, **columns: object) -> Track:
    track_id, sha256 = uuid4(), uuid4().hex * 2
    track = make_track(
        owner.id,
        **{
            "id": track_id,
            "sha256": sha256,
            "file_source": FileSource.S3,
            "file_path": None,
            "s3_object_key": f"tracks/{track_id}/1-{sha256}.mp3",
            "analysis_state": AnalysisState.DONE,
            **columns,
        },
    )
    stage.add(track)
    return track


def in_public(stage: Stage, owner: Person) -> Track:
    track = on_s3(stage, owner, visibility=Visibility.PUBLIC)
    key = f"public/{track.id}/{'0' * 32}-{track.sha256}.mp3"

    async def put_there() -> None:
        async with stage.runtime.db.transaction() as session:
            row = await tracks.get(session, track.id)
            row.public_state, row.public_object_key = PublicState.OPEN, key
            row.version += 1

    stage.run(put_there)
    return track


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[UUID, int]]:
    """What the workers are told to share."""
    told: list[tuple[UUID, int]] = []

    async def share(self: Jobs, track_id: UUID, version: int) -> None:
        del self
        told.append((track_id, version))

    monkeypatch.setattr(Jobs, "share", share)
    return told


def test_everybody_gets_a_plain_link_to_a_public_copy(cdn_stage: Stage) -> None:
    track = in_public(cdn_stage, cdn_stage.person())
    answer = cdn_stage.client.get(f"{API}/{track.id}/audio/url")
    link = answer.json()
    assert link["url"] == f"{ORIGIN}/public/{track.id}/{'0' * 32}-{track.sha256}.mp3"
    assert (link["expires_at"], link["source"]) == (None, "s3")
    sent_on = cdn_stage.client.get(f"{API}/{track.id}/audio/stream", follow_redirects=False)
    assert (sent_on.status_code, sent_on.headers["location"]) == (307, link["url"])


def test_a_public_track_without_a_copy_has_a_signed_link(cdn_stage: Stage) -> None:
    track = on_s3(cdn_stage, cdn_stage.person(), visibility=Visibility.PUBLIC)
    link = cdn_stage.client.get(f"{API}/{track.id}/audio/url").json()
    assert link["url"].startswith(f"{ORIGIN}/{track.s3_object_key}?Expires=")
    cdn = cdn_stage.runtime.links.cdn
    assert cdn is not None
    end = check_link(link["url"], now=datetime.now(UTC), public_keys=cdn.public_keys())
    assert f"{end:%Y-%m-%dT%H:%M:%SZ}" == link["expires_at"]


def test_who_takes_a_track_back_has_a_signed_link_at_once_and_nobody_else_has_any(
    cdn_stage: Stage, shared: list[tuple[UUID, int]]
) -> None:
    owner = cdn_stage.person()
    track = in_public(cdn_stage, owner)
    path = f"{API}/{track.id}"
    assert cdn_stage.client.get(f"{path}/audio/url").json()["expires_at"] is None

    answer = cdn_stage.client.patch(path, json={"visibility": "private"}, headers=owner.bearer)

    assert answer.status_code == 200
    assert shared == [(track.id, answer.json()["version"])]
    assert cdn_stage.client.get(f"{path}/audio/url").status_code == 401
    link = cdn_stage.client.get(f"{path}/audio/url", headers=owner.bearer).json()
    assert link["url"].startswith(f"{ORIGIN}/{track.s3_object_key}?Expires=")


def test_another_correction_tells_the_workers_nothing(
    cdn_stage: Stage, shared: list[tuple[UUID, int]]
) -> None:
    owner = cdn_stage.person()
    track = on_s3(cdn_stage, owner)
    answer = cdn_stage.client.patch(
        f"{API}/{track.id}", json={"title": "Other"}, headers=owner.bearer
    )
    assert (answer.status_code, shared) == (200, [])


def test_without_public_links_a_change_of_visibility_is_only_that(
    stage: Stage, owner: Person, shared: list[tuple[UUID, int]]
) -> None:
    track = stage.track(owner)
    answer = stage.client.patch(
        f"{API}/{track.id}", json={"visibility": "public"}, headers=owner.bearer
    )
    assert (answer.status_code, shared) == (200, [])

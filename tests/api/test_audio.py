"""A listener gets the bytes from where they are now, or is told plainly why not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen
from uuid import UUID, uuid4

import pytest

from autodj.api import stream
from autodj.api.descriptors import OpenFile
from autodj.api.schemas.links import AudioLink
from autodj.api.state import Web
from autodj.cdn.headers import DELIVERY_HEADERS
from autodj.cdn.policy import check_link
from autodj.db import FileSource, FileState, Track, Visibility, tracks
from autodj.db.playables import Playable
from autodj.errors import ObjectNotFound
from autodj.laptop.s3server import S3Server
from autodj.storage.keys import track_key
from autodj.tracks.local_links import local_url
from tests.api.conftest import CDN_KEY
from tests.api.stage import PUBLIC_URL, Person, Stage, s3_settings_for, settings_for, staged
from tests.builders import make_track

BYTES = bytes(range(256)) * 40
DIGEST = hashlib.sha256(BYTES).hexdigest()


def path_of(track: Track, rest: str = "stream") -> str:
    return f"/api/v1/tracks/{track.id}/audio/{rest}".removesuffix("/")


@pytest.fixture
def local(stage: Stage, owner: Person) -> Track:
    return stage.stored(owner, BYTES, title="Nacht/bus 🚌", duration_s=120.0)


# The link


def test_a_local_track_gets_a_link_to_this_server_that_ends(
    stage: Stage, owner: Person, local: Track
) -> None:
    answer = stage.client.get(path_of(local, "url"), headers=owner.bearer)
    link = AudioLink.model_validate_json(answer.content, strict=True, extra="forbid")
    assert (link.source, link.content_type, link.size_bytes) == ("local", "audio/mpeg", len(BYTES))
    assert (link.etag, link.duration_s, link.cacheable) == (f'"{DIGEST}"', 120.0, False)
    assert link.url.startswith(f"{PUBLIC_URL}{path_of(local)}?expires=")
    assert link.expires_at is not None
    left = link.expires_at - datetime.now(UTC)
    # A listening, a pause, and what is left of the window in which everybody gets this link.
    assert timedelta(seconds=3600 + 120 + 300) <= left <= timedelta(seconds=3600 + 120 + 600)
    assert link.renew_at is not None
    assert link.expires_at - link.renew_at == timedelta(seconds=3600 + 120 + 300)
    again = stage.client.get(path_of(local, "url"), headers=stage.person().bearer)
    assert again.status_code == 404
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["vary"] == "Authorization, Cookie, Accept"


def test_the_link_needs_nothing_else(stage: Stage, owner: Person, local: Track) -> None:
    url = stage.client.get(path_of(local, "url"), headers=owner.bearer).json()["url"]
    answer = stage.client.get(url, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (206, BYTES[:10])


def test_a_track_on_s3_gets_a_link_that_the_cdn_signed(cdn_stage: Stage) -> None:
    owner = cdn_stage.person()
    track = cdn_stage.on_s3(owner, DIGEST)
    answer = cdn_stage.client.get(path_of(track, "url"), headers=owner.bearer)
    link = AudioLink.model_validate_json(answer.content, strict=True, extra="forbid")
    assert link.source == "s3"
    assert link.url.startswith(f"https://d111111abcdef8.cloudfront.net/{track.s3_object_key}?")
    asked = parse_qs(urlsplit(link.url).query)
    assert set(asked) >= {"Expires", "Signature", "Key-Pair-Id"}
    assert link.expires_at is not None
    assert int(asked["Expires"][0]) == int(link.expires_at.timestamp())
    keys = {"K2JCJMDEHXQW5F": CDN_KEY.public_key()}
    assert check_link(link.url, now=datetime.now(UTC), public_keys=keys) == link.expires_at


def test_a_plain_cdn_link_may_be_kept(migrated_sqlite: Any, tmp_path: Any) -> None:
    database = tmp_path / "autodj.db"
    database.write_bytes(migrated_sqlite.read_bytes())
    settings = settings_for(
        tmp_path, f"sqlite:///{database}", CLOUDFRONT_DOMAIN="cdn.example.org", S3_PREFIX="dj"
    )
    with staged(settings) as stage:
        owner = stage.person()
        track = stage.on_s3(owner, DIGEST)
        link = stage.client.get(path_of(track, "url"), headers=owner.bearer).json()
    assert link["url"] == f"https://cdn.example.org/dj/{track.s3_object_key}"
    assert (link["expires_at"], link["cacheable"]) == (None, True)


async def test_without_a_cdn_the_store_itself_signs(
    migrated_sqlite: Any, tmp_path: Any, s3_server: S3Server
) -> None:
    settings = s3_settings_for(tmp_path, migrated_sqlite, s3_server, "played-directly")
    with staged(settings) as stage:
        owner, s3 = stage.person(), stage.runtime.s3
        assert s3 is not None
        assert stage.client.get("/readyz").json()["s3_store"] == "bucket_missing"
        stage.run(s3.ensure_bucket)
        assert stage.client.get("/readyz").json()["s3_store"] == "ok"
        track = stage.on_s3(owner, DIGEST, size_bytes=len(BYTES))
        put, key = s3.put, str(track.s3_object_key)
        stage.run(lambda: put(key, BYTES, sha256=DIGEST, content_type="audio/mpeg"))
        sent = stage.client.get(path_of(track), headers=owner.bearer)
    assert sent.status_code == 307
    ranged = Request(sent.headers["location"], headers={"Range": "bytes=100-199"})
    with urlopen(ranged) as answer:
        assert (answer.status, answer.read()) == (206, BYTES[100:200])
    with urlopen(sent.headers["location"]) as answer:
        assert hashlib.sha256(answer.read()).hexdigest() == track.sha256


# The stream


@pytest.mark.parametrize("name", ["stream", ""])
def test_a_track_on_s3_sends_the_player_to_the_cdn(cdn_stage: Stage, name: str) -> None:
    owner = cdn_stage.person()
    track = cdn_stage.on_s3(owner, DIGEST)
    for call in (cdn_stage.client.get, cdn_stage.client.head):
        answer = call(path_of(track, name), headers={**owner.bearer, "Range": "bytes=0-9"})
        assert (answer.status_code, answer.content) == (307, b"")
        location = answer.headers["location"]
        assert location.startswith("https://d111111abcdef8.cloudfront.net/")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["access-control-allow-origin"] == "*"


def test_head_can_ask_about_the_bytes_without_being_sent_on(cdn_stage: Stage) -> None:
    owner = cdn_stage.person()
    track = cdn_stage.on_s3(owner, DIGEST)
    answer = cdn_stage.client.head(f"{path_of(track)}?redirect=0", headers=owner.bearer)
    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(track.size_bytes)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["etag"] == f'"{track.sha256}"'
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "query", ["redirect=x", "redirect=", "redirect=2", "redirect=0&redirect=1"]
)
def test_a_redirect_that_is_neither_yes_nor_no_is_refused(
    cdn_stage: Stage, method: str, query: str
) -> None:
    owner = cdn_stage.person()
    track = cdn_stage.on_s3(owner, DIGEST)
    answer = cdn_stage.client.request(method, f"{path_of(track)}?{query}", headers=owner.bearer)
    assert answer.status_code == 422
    assert answer.headers["access-control-allow-origin"] == "*"
    if method == "GET":
        assert [each["pointer"] for each in answer.json()["errors"]] == ["/redirect"]


@pytest.mark.parametrize(
    ("headers", "status", "expected"),
    [
        ({}, 200, BYTES),
        ({"Range": "bytes=0-0"}, 206, BYTES[:1]),
        ({"Range": "bytes=-1"}, 206, BYTES[-1:]),
        ({"Range": "bytes=5000-"}, 206, BYTES[5000:]),
        ({"Range": "bytes=0-99999999999999999999"}, 206, BYTES),
        ({"Range": "bytes=1-2,4-5"}, 200, BYTES),
        ({"Range": "items=0-1"}, 200, BYTES),
        ({"Range": "bytes=5-2"}, 200, BYTES),
        ({"Range": "bytes=10-19", "If-Range": '"other"'}, 200, BYTES),
        ({"Range": "bytes=10-19", "If-Range": f'"{DIGEST}"'}, 206, BYTES[10:20]),
        ({"If-None-Match": f'"{DIGEST}"'}, 304, b""),
        ({"If-None-Match": '"other"'}, 200, BYTES),
        ({"If-Match": f'"{DIGEST}"'}, 200, BYTES),
    ],
)
@pytest.mark.parametrize("name", ["stream", ""])
def test_local_bytes_are_sent_as_asked(
    stage: Stage,
    owner: Person,
    local: Track,
    name: str,
    headers: dict[str, str],
    status: int,
    expected: bytes,
) -> None:
    answer = stage.client.get(path_of(local, name), headers=owner.bearer | headers)
    assert (answer.status_code, answer.content) == (status, expected)
    assert answer.headers["etag"] == f'"{DIGEST}"'
    assert answer.headers["cache-control"] == "private, max-age=0, must-revalidate"
    assert answer.headers["x-content-type-options"] == "nosniff"
    if status != 304:
        assert answer.headers["content-length"] == str(len(expected))
        assert answer.headers["content-type"] == "audio/mpeg"


def test_head_describes_local_bytes(stage: Stage, owner: Person, local: Track) -> None:
    for query in ("", "?redirect=0"):
        answer = stage.client.head(f"{path_of(local)}{query}", headers=owner.bearer)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(len(BYTES))
        assert answer.headers["accept-ranges"] == "bytes"


def test_a_saved_file_has_the_tracks_name(stage: Stage, owner: Person, local: Track) -> None:
    named = stage.client.head(path_of(local), headers=owner.bearer).headers["content-disposition"]
    assert named.startswith('inline; filename="')
    assert named.endswith("%F0%9F%9A%8C.mp3")
    assert "/" not in named.partition("filename*")[0]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Range": f"bytes={len(BYTES)}-"}, 416, "range_not_satisfiable"),
        ({"Range": "bytes=-0"}, 416, "range_not_satisfiable"),
        ({"If-Match": '"other"'}, 412, "precondition_failed"),
    ],
)
def test_a_refused_range_is_a_problem(
    stage: Stage, owner: Person, local: Track, headers: dict[str, str], status: int, code: str
) -> None:
    answer = stage.client.get(path_of(local), headers=owner.bearer | headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(BYTES)}"


@dataclass(frozen=True)
class Sent:
    """What a player may be sent: headers of this status beside those that all have."""

    status: int
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    known: bool = True
    has: Mapping[str, str] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    of: str = "local"


TYPE, TAG = {"content-type": "audio/mpeg"}, {"etag": f'"{DIGEST}"'}
KEPT = {"cache-control": "private, max-age=0, must-revalidate"}
NOT_KEPT = {"cache-control": "no-store"}
PROBLEM = NOT_KEPT | {"content-type": "application/problem+json"}
RANGED = {"Range": "bytes=10-19"}
SPAN = {"content-range": f"bytes 10-19/{len(BYTES)}", "content-length": "10"}
SENT = {
    "the whole": Sent(200, has=TYPE | TAG | KEPT | {"content-length": str(len(BYTES))}),
    "a head": Sent(200, "HEAD", has=TYPE | TAG | KEPT | {"content-length": str(len(BYTES))}),
    "a head of a track on S3": Sent(
        200, "HEAD", query="redirect=0", has=TYPE | TAG | KEPT, of="on S3"
    ),
    "a range": Sent(206, headers=RANGED, has=TYPE | TAG | KEPT | SPAN),
    "what you have": Sent(
        304, headers={"If-None-Match": f'"{DIGEST}"'}, has=TAG | KEPT, lacks=("content-type",)
    ),
    "the way to the CDN": Sent(307, has=NOT_KEPT, lacks=("etag",), of="on S3"),
    "no login": Sent(401, known=False, has=PROBLEM, lacks=("etag",)),
    "a bad link": Sent(403, query="expires=1&signature=2", has=PROBLEM, lacks=("etag",)),
    "nothing": Sent(404, has=PROBLEM, lacks=("etag",), of="nobody"),
    "other bytes": Sent(412, headers={"If-Match": '"other"'}, has=PROBLEM),
    "no such range": Sent(
        416,
        headers={"Range": f"bytes={len(BYTES)}-"},
        has=PROBLEM | {"content-range": f"bytes */{len(BYTES)}"},
    ),
    "lost bytes": Sent(503, has=PROBLEM | {"retry-after": "5"}, lacks=("etag",), of="lost"),
}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT.keys())
def test_a_page_may_read_every_answer_and_a_cache_keeps_none_too_long(
    cdn_stage: Stage, sent: Sent
) -> None:
    owner = cdn_stage.person()
    tracks_of: dict[str, Callable[[], Track]] = {
        "local": lambda: cdn_stage.stored(owner, BYTES),
        "on S3": lambda: cdn_stage.on_s3(owner, DIGEST),
        "nobody": make_track_of_nobody,
        "lost": lambda: cdn_stage.track(owner),
    }
    path = path_of(tracks_of[sent.of]())
    given = {**sent.headers, **(owner.bearer if sent.known else {}), "Origin": "https://a.test"}
    for name in ("the first", "the same again"):
        answer = cdn_stage.client.request(sent.method, f"{path}?{sent.query}", headers=given)
        assert answer.status_code == sent.status, name
        for header, value in DELIVERY_HEADERS.items():
            assert answer.headers.get_list(header) == [value], (name, header)
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert {header: answer.headers.get(header) for header in sent.has} == sent.has
        assert not set(sent.lacks) & set(answer.headers)
        # Nothing depends on who asks, so one stored answer fits every later request.
        assert "origin" not in answer.headers.get("vary", "").lower()


def make_track_of_nobody() -> Track:
    return make_track(uuid4())


# Who may listen


def test_everybody_hears_what_is_public(stage: Stage, owner: Person) -> None:
    track = stage.stored(owner, BYTES, visibility=Visibility.PUBLIC)
    other = stage.person()
    for headers in ({}, other.bearer, other.session, {"Cookie": "autodj_session=over"}):
        assert stage.client.get(path_of(track, "url"), headers=headers).status_code == 200
        assert stage.client.get(path_of(track), headers=headers).content == BYTES
    wrong = {"Authorization": "Bearer nonsense"}
    assert stage.client.get(path_of(track), headers=wrong).status_code == 401


def test_to_somebody_unknown_a_private_track_and_none_look_alike(
    stage: Stage, local: Track
) -> None:
    told = []
    for track_id in (local.id, uuid4()):
        answer = stage.client.get(f"/api/v1/tracks/{track_id}/audio/url")
        assert answer.status_code == 401
        body = answer.json()
        told.append({name: body[name] for name in body if name not in {"instance", "request_id"}})
    assert told[0] == told[1]


def signed(track_id: UUID, ends_in_s: int, stage: Stage) -> dict[str, str]:
    ends = datetime.now(UTC) + timedelta(seconds=ends_in_s)
    query = parse_qs(urlsplit(local_url(stage.runtime.links, track_id, ends)).query)
    return {name: value for name, [value] in query.items()}


TAMPERED: dict[str, tuple[Callable[[dict[str, str]], dict[str, str]], str]] = {
    "a later end": (lambda q: q | {"expires": str(int(q["expires"]) + 1)}, "link_tampered"),
    "no end": (lambda q: {"signature": q["signature"]}, "link_tampered"),
    "no signature": (lambda q: {"expires": q["expires"]}, "link_tampered"),
    "an empty signature": (lambda q: q | {"signature": ""}, "link_tampered"),
    "a shorter signature": (lambda q: q | {"signature": q["signature"][:-1]}, "link_tampered"),
    "a signature that is not ASCII": (lambda q: q | {"signature": "é" * 64}, "link_tampered"),
    "an end in other digits": (lambda q: q | {"expires": "٣"}, "link_tampered"),
    "an end with a sign": (lambda q: q | {"expires": f"+{q['expires']}"}, "link_tampered"),
    "a huge end": (lambda q: q | {"expires": "9" * 5000}, "link_tampered"),
}


@pytest.mark.parametrize(("change", "code"), TAMPERED.values(), ids=TAMPERED.keys())
def test_a_link_that_was_changed_is_refused(
    stage: Stage, local: Track, change: Callable[[dict[str, str]], dict[str, str]], code: str
) -> None:
    good = signed(local.id, 60, stage)
    assert stage.client.get(path_of(local), params=good).status_code == 200
    answer = stage.client.get(path_of(local), params=change(good))
    assert (answer.status_code, answer.json()["code"]) == (403, code)


def test_a_link_that_is_over_is_refused(stage: Stage, local: Track) -> None:
    answer = stage.client.get(path_of(local), params=signed(local.id, -1, stage))
    assert (answer.status_code, answer.json()["code"]) == (403, "link_expired")


def test_a_link_opens_its_own_track_only(stage: Stage, owner: Person, local: Track) -> None:
    other = stage.stored(owner, BYTES + b"!")
    answer = stage.client.get(path_of(other), params=signed(local.id, 60, stage))
    assert (answer.status_code, answer.json()["code"]) == (403, "link_tampered")


def test_a_link_to_a_deleted_track_leads_nowhere(stage: Stage, owner: Person, local: Track) -> None:
    link = signed(local.id, 60, stage)
    stage.client.delete(f"/api/v1/tracks/{local.id}", headers=owner.bearer)
    assert stage.client.get(path_of(local), params=link).status_code == 404


def test_a_bad_link_is_not_saved_by_a_good_login(stage: Stage, owner: Person, local: Track) -> None:
    link = signed(local.id, -1, stage)
    assert stage.client.get(path_of(local), params=link, headers=owner.bearer).status_code == 403


# When the bytes move or are not there


def test_a_file_that_is_gone_is_an_alarm_and_not_a_404(
    stage: Stage, owner: Person, local: Track
) -> None:
    stage.runtime.local.path(str(local.file_path)).unlink()
    answer = stage.client.get(path_of(local), headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (503, "source_unreadable")
    assert int(answer.headers["retry-after"]) > 0


def test_a_file_of_another_size_is_not_announced_as_whole(
    stage: Stage, owner: Person, local: Track
) -> None:
    stage.runtime.local.path(str(local.file_path)).write_bytes(BYTES[:-1])
    answer = stage.client.get(path_of(local), headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (503, "source_unreadable")


def test_a_track_on_s3_without_any_s3_is_an_alarm(stage: Stage, owner: Person) -> None:
    track = stage.on_s3(owner, DIGEST)
    for name in ("url", "stream"):
        answer = stage.client.get(path_of(track, name), headers=owner.bearer)
        assert (answer.status_code, answer.json()["code"]) == (503, "source_unreadable")


def test_a_track_that_moves_between_row_and_file_is_followed(
    cdn_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = cdn_stage.person()
    track = cdn_stage.stored(owner, BYTES)
    opened = stream._open

    async def too_late(web: Web, played: Playable) -> OpenFile:
        # The reader has its row; then the track is published and its file cleaned away.
        await _publish(cdn_stage, track)
        return await opened(web, played)

    monkeypatch.setattr(stream, "_open", too_late)
    answer = cdn_stage.client.get(path_of(track), headers=owner.bearer)
    assert answer.status_code == 307
    assert f"/{track.id}/1-{DIGEST}.mp3?" in answer.headers["location"]


def test_a_track_that_moves_all_the_time_is_given_up(
    cdn_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = cdn_stage.person()
    track = cdn_stage.stored(owner, BYTES)
    tries: list[int] = []

    async def moving(_: Web, played: Playable) -> OpenFile:
        tries.append(played.generation)
        async with cdn_stage.runtime.db.transaction() as session:
            (await tracks.get(session, track.id)).generation += 1
        raise ObjectNotFound

    monkeypatch.setattr(stream, "_open", moving)
    answer = cdn_stage.client.get(path_of(track), headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (503, "source_unreadable")
    assert tries == list(range(stream.MAX_MOVES + 1))


async def _publish(stage: Stage, track: Track) -> None:
    async with stage.runtime.db.transaction() as session:
        row = await tracks.get(session, track.id)
        row.file_state, row.file_source = FileState.STABLE, FileSource.S3
        row.s3_object_key = track_key(track.id, 1, track.sha256, "mp3")
        row.file_path, row.generation = None, 1
    stage.runtime.local.path(str(track.file_path)).unlink()

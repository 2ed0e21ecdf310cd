"""Every operation, called by everybody: who gets in is what the document says."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from autodj.api.app import OPERATIONS
from autodj.api.auth import SESSION_COOKIE
from autodj.api.contract import SAFE_METHODS, Access, Operation
from autodj.db import JobKind, JobState, Visibility
from autodj.errors import Cancelled
from autodj.users.tokens import Audience, issue
from tests.api.stage import FETCH_ORDER, SECRET, Person, Stage, wav


@dataclass(frozen=True)
class Scene:
    """People, and things of the owner's for each operation to be about."""

    stage: Stage
    owner: Person
    other: Person
    tracks: Mapping[Visibility, UUID]
    job_id: UUID

    def url(self, operation: Operation, visibility: Visibility) -> str:
        track_id = self.tracks[visibility]
        if operation.name == "delete_track":
            track_id = add_track(self.stage, self.owner, visibility)
        path = operation.plain_path.replace("{path}", "docs.js") + QUERIES.get(operation.name, "")
        return path.replace("{track_id}", str(track_id)).replace("{job_id}", str(self.job_id))


def add_track(stage: Stage, owner: Person, visibility: Visibility) -> UUID:
    """A track with a picture and an analysis."""
    track_id, local = uuid4(), stage.runtime.local
    keys = {
        "cover_key": f"covers/{track_id}/{'ab' * 32}.jpg",
        "analysis_key": f"analysis/{track_id}/{'ab' * 32}.json.gz",
    }
    for key in keys.values():
        local.path(key).parent.mkdir(parents=True)
        local.path(key).write_bytes(
            gzip.compress(b'{"waveform": {"points_per_s": 50.0, "peak": []}}')
        )
    content = b"ID3" + track_id.bytes
    return stage.stored(owner, content, visibility=visibility, id=track_id, **keys).id


BODIES: dict[str, dict[str, Any]] = {
    "correct_track": {"json": {"title": "Corrected"}},
    "reanalyze_tracks": {"json": {}},
    "add_track": {"content": wav(0.5), "headers": {"Content-Type": "audio/wav"}},
}
QUERIES = {
    "audio_urls": "?id={track_id}",
    "export_library": "?format=m3u8",
    "export_track": "?format=m3u8",
}
# The success of each that is not 200, for somebody who may.
SUCCESS = {
    "delete_track": 204,
    "login": 401,
    "logout": 204,
    "make_renditions": 202,
    "reanalyze_track": 202,
    "reanalyze_tracks": 202,
}


def claims(person: Person, **changes: object) -> dict[str, object]:
    now = datetime.now(UTC)
    whole: dict[str, object] = {
        "iss": "autodj",
        "aud": Audience.API.value,
        "sub": str(person.id),
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(minutes=5),
    }
    return whole | changes


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def expired(person: Person) -> str:
    then = datetime.now(UTC) - timedelta(hours=1)
    return issue(SECRET, person.id, Audience.API, now=then, ttl_s=60)


NOBODY: dict[str, Callable[[Person], dict[str, str]]] = {
    "anonymous": lambda _: {},
    "with a session that is over": lambda owner: {
        "Cookie": f"{SESSION_COOKIE}="
        + issue(
            SECRET, owner.id, Audience.PAGE, now=datetime.now(UTC) - timedelta(days=40), ttl_s=60
        )
    },
    "with a program's token as a session": lambda owner: {
        "Cookie": f"{SESSION_COOKIE}={owner.token(Audience.API)}"
    },
}
IMPOSTORS: dict[str, Callable[[Person], dict[str, str]]] = {
    "expired": lambda owner: bearer(expired(owner)),
    "the page's token": lambda owner: bearer(owner.token(Audience.PAGE)),
    "unsigned": lambda owner: bearer(jwt.encode(claims(owner), "", algorithm="none")),
    "signed by another": lambda owner: bearer(
        jwt.encode(claims(owner), "another-secret-" * 4, algorithm="HS256")
    ),
    "without an end": lambda owner: bearer(
        jwt.encode(
            {k: v for k, v in claims(owner).items() if k != "exp"}, SECRET, algorithm="HS256"
        )
    ),
    "basic": lambda owner: {"Authorization": f"Basic {owner.token(Audience.API)}"},
    "no scheme": lambda owner: {"Authorization": owner.token(Audience.API)},
    "empty": lambda _: {"Authorization": ""},
}
OWNERS: dict[str, Callable[[Person], dict[str, str]]] = {
    "by token": lambda owner: owner.bearer,
    "by session": lambda owner: owner.session | {"Sec-Fetch-Site": "same-origin"},
}


def call(
    scene: Scene, operation: Operation, visibility: Visibility, headers: dict[str, str]
) -> tuple[int, Any]:
    """The status, and the problem if it is one; a stream without end is not read."""
    body = BODIES.get(operation.name, {})
    arguments = {**body, "headers": {**body.get("headers", {}), **headers}}
    url = scene.url(operation, visibility)
    with scene.stage.client.stream(operation.method, url, **arguments) as answer:
        if operation.name == "watch_jobs" and answer.status_code == 200:
            return 200, None
        content = answer.read()
        if answer.status_code == 401 and operation.access is not Access.OPEN:
            assert answer.headers["www-authenticate"] == 'Bearer realm="autodj"'
    is_problem = answer.headers.get("content-type") == "application/problem+json"
    # Adding what was added in another cell is the same success.
    status = 200 if answer.status_code == 201 else answer.status_code
    return status, json.loads(content) if is_problem and content else None


def told(problem: dict[str, object] | None) -> dict[str, object] | None:
    """What a problem says, without what every request has of its own."""
    if problem is None:
        return None
    return {name: problem[name] for name in problem if name not in {"instance", "request_id"}}


def success(operation: Operation) -> int:
    return SUCCESS.get(operation.name, 200)


@pytest.fixture(scope="module")
def scene(sqlite_stage: Stage) -> Scene:
    owner = sqlite_stage.person()
    return Scene(
        stage=sqlite_stage,
        owner=owner,
        other=sqlite_stage.person(),
        tracks={each: add_track(sqlite_stage, owner, each) for each in Visibility},
        # One that is over, so that watching it ends, and may be cancelled again and again.
        job_id=sqlite_stage.job(
            owner,
            kind=JobKind.FETCH,
            payload=FETCH_ORDER,
            state=JobState.FAILED,
            problem=Cancelled().problem(),
        ).id,
    )


each_operation = pytest.mark.parametrize(
    ("operation", "visibility"),
    [
        pytest.param(each, visibility, id=f"{each.name}-{visibility}")
        for each in OPERATIONS
        for visibility in Visibility
        # Being public matters only where it may.
        if each.access is Access.OPTIONAL or visibility is Visibility.PRIVATE
    ],
)


@each_operation
@pytest.mark.parametrize("way", OWNERS)
def test_owners_get_in(
    scene: Scene, operation: Operation, visibility: Visibility, way: str
) -> None:
    status, problem = call(scene, operation, visibility, OWNERS[way](scene.owner))
    assert status == success(operation), problem


@each_operation
@pytest.mark.parametrize("way", NOBODY)
def test_somebody_unknown_gets_what_is_open(
    scene: Scene, operation: Operation, visibility: Visibility, way: str
) -> None:
    status, problem = call(scene, operation, visibility, NOBODY[way](scene.owner))
    is_public = operation.access is Access.OPTIONAL and visibility is Visibility.PUBLIC
    if operation.access is Access.OPEN or is_public:
        assert status == success(operation)
    else:
        assert status == 401
        assert operation.method == "HEAD" or problem["code"] == "unauthenticated"


@each_operation
@pytest.mark.parametrize("way", IMPOSTORS)
def test_a_bad_token_is_refused_in_the_same_words(
    scene: Scene, operation: Operation, visibility: Visibility, way: str
) -> None:
    status, problem = call(scene, operation, visibility, IMPOSTORS[way](scene.owner))
    if operation.access is Access.OPEN:
        assert status == success(operation)
        return
    assert status == 401
    _, anonymous = call(scene, operation, visibility, {"Authorization": "Bearer x"})
    assert told(problem) == told(anonymous)


@each_operation
def test_others_get_what_is_public_and_their_own(
    scene: Scene, operation: Operation, visibility: Visibility
) -> None:
    status, problem = call(scene, operation, visibility, scene.other.bearer)
    is_public = operation.access is Access.OPTIONAL and visibility is Visibility.PUBLIC
    is_about_one = operation.path_parameters and operation.access is not Access.OPEN
    if is_about_one and not is_public:
        assert status == 404
        absent = operation.plain_path.replace("{track_id}", str(scene.owner.id))
        absent = absent.replace("{job_id}", str(scene.owner.id)) + QUERIES.get(operation.name, "")
        body = BODIES.get(operation.name, {})
        answer = scene.stage.client.request(
            operation.method, absent, **body, headers=scene.other.bearer
        )
        assert answer.status_code == 404
        assert operation.method == "HEAD" or told(problem) == told(answer.json())
    else:
        assert status == success(operation)


@pytest.mark.parametrize("path", ["/api/v1/tracks", "/api/v1/jobs"])
def test_lists_hold_nothing_of_others(stage: Stage, owner: Person, path: str) -> None:
    stage.track(owner)
    stage.job(owner)
    assert stage.client.get(path, headers=stage.person().bearer).json()["items"] == []
    assert len(stage.client.get(path, headers=owner.bearer).json()["items"]) == 1


# The page's cookie and other sites

CHANGES = [
    each
    for each in OPERATIONS
    if each.method not in SAFE_METHODS and each.access is not Access.OPEN
]
SENT_BY: dict[str, tuple[dict[str, str], bool]] = {
    "nobody says": ({}, False),
    "our page": ({"Sec-Fetch-Site": "same-origin"}, True),
    "our page in an older browser": ({"Origin": "http://autodj.test"}, True),
    "our page, port and all": ({"Origin": "http://AUTODJ.test:80"}, True),
    "another site": ({"Sec-Fetch-Site": "cross-site"}, False),
    "a neighbour": ({"Sec-Fetch-Site": "same-site"}, False),
    "a person": ({"Sec-Fetch-Site": "none"}, False),
    "another site that names our origin": (
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://autodj.test"},
        False,
    ),
    "another origin": ({"Origin": "http://evil.test"}, False),
    "another port": ({"Origin": "http://autodj.test:8080"}, False),
    "another scheme": ({"Origin": "https://autodj.test"}, False),
    "a name that begins like ours": ({"Origin": "http://autodj.test.evil.test"}, False),
    "a sandbox": ({"Origin": "null"}, False),
    "nonsense": ({"Origin": "http://[::"}, False),
    "a mad port": ({"Origin": "http://autodj.test:99999"}, False),
}


@pytest.mark.parametrize("operation", CHANGES, ids=lambda each: each.name)
@pytest.mark.parametrize(("headers", "allowed"), SENT_BY.values(), ids=SENT_BY.keys())
def test_only_our_own_page_changes_things_with_the_cookie(
    scene: Scene, operation: Operation, headers: dict[str, str], allowed: bool
) -> None:
    private = Visibility.PRIVATE
    status, problem = call(scene, operation, private, scene.owner.session | headers)
    if allowed:
        assert status == success(operation)
    else:
        assert (status, problem["code"]) == (403, "cross_site")
    status, _ = call(scene, operation, private, scene.owner.bearer | headers)
    assert status == success(operation)


def test_reading_with_the_cookie_needs_no_origin(stage: Stage, owner: Person) -> None:
    headers = owner.session | {"Sec-Fetch-Site": "cross-site"}
    assert stage.client.get("/api/v1/me", headers=headers).status_code == 200


def test_a_token_wins_over_a_cookie(stage: Stage, owner: Person) -> None:
    other = stage.person()
    headers = other.bearer | owner.session
    assert stage.client.get("/api/v1/me", headers=headers).json()["id"] == str(other.id)
    headers = bearer("nonsense") | owner.session
    assert stage.client.get("/api/v1/me", headers=headers).status_code == 401


def test_two_tokens_are_none(stage: Stage, owner: Person) -> None:
    headers = [*owner.bearer.items(), *owner.bearer.items()]
    assert stage.client.get("/api/v1/me", headers=headers).status_code == 401


def test_a_good_token_of_somebody_who_is_gone_is_refused(stage: Stage, owner: Person) -> None:
    gone = Person(stage.track(owner).id, "gone")
    assert stage.client.get("/api/v1/me", headers=gone.bearer).status_code == 401
    added = stage.client.post(
        "/api/v1/tracks", json={"url": "https://example.org/a.mp3"}, headers=gone.bearer
    )
    assert added.status_code == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/v1/reanalysis", {}), ("/api/v1/tracks", {"url": "https://example.org/a.mp3"})],
)
def test_a_token_that_outlived_its_user_begins_nothing(
    either_stage: Stage, path: str, body: dict[str, str]
) -> None:
    gone = Person(uuid4(), "gone")
    answer = either_stage.client.post(path, json=body, headers=gone.bearer)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")

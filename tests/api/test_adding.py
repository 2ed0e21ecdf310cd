"""What is acknowledged is safe and can be played; what is refused leaves nothing."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from httpx2 import Response

from autodj.api.idempotency import fingerprint
from autodj.db import idempotency
from tests.api.stage import MAX_TRACK_BYTES, Person, Stage, wav

TRACKS = "/api/v1/tracks"
TONE = wav()
RAW = {"Content-Type": "audio/wav"}


def upload(
    stage: Stage, owner: Person, content: bytes = TONE, *, key: str | None = None, **fields: str
) -> Response:
    headers = owner.bearer | ({"Idempotency-Key": key} if key else {})
    return stage.client.post(
        TRACKS, files={"file": ("tone.wav", content)}, data=fields, headers=headers
    )


def total(stage: Stage, owner: Person) -> int:
    found: int = stage.client.get(TRACKS, headers=owner.bearer).json()["total"]
    return found


def test_an_uploaded_file_can_be_played_from_the_answer_on(either_stage: Stage) -> None:
    stage, owner = either_stage, either_stage.person()
    added = upload(stage, owner, title=" Said ", artist="Ada", visibility="public")
    assert added.status_code == 201, added.text
    track = added.json()
    assert added.headers["location"] == f"{TRACKS}/{track['id']}"
    assert (track["title"], track["artist"], track["visibility"]) == ("Said", "Ada", "public")
    assert (track["original_name"], track["origin"]) == ("tone.wav", "upload")
    assert (track["codec"], track["channels"], track["duration_s"]) == ("pcm_s16le", 1, 1.0)
    assert track["sha256"] == hashlib.sha256(TONE).hexdigest()
    played = stage.client.get(f"{TRACKS}/{track['id']}/audio/stream", headers=owner.bearer)
    assert (played.status_code, played.content) == (200, TONE)
    job = stage.client.get(f"/api/v1/jobs/{track['job_id']}", headers=owner.bearer).json()
    assert (job["state"], job["kind"], job["track_id"]) == ("queued", "process", track["id"])


@pytest.mark.parametrize("media_type", ["audio/wav", "audio/mpeg", "application/octet-stream"])
def test_the_bare_bytes_are_taken_whatever_they_are_called(
    stage: Stage, owner: Person, media_type: str
) -> None:
    added = stage.client.post(
        f"{TRACKS}?name=a%2Fb%2Fmy%20tone.wav&album=One",
        content=TONE,
        headers={**owner.bearer, "Content-Type": media_type},
    )
    assert added.status_code == 201, added.text
    track = added.json()
    assert (track["title"], track["original_name"]) == ("my tone", "my tone.wav")
    assert (track["album"], track["content_type"]) == ("One", "audio/wav")


def test_content_disposition_may_name_the_bare_bytes(stage: Stage, owner: Person) -> None:
    named = {"Content-Disposition": "attachment; filename*=UTF-8''n%C3%A4chtlich.wav"}
    added = stage.client.post(TRACKS, content=TONE, headers={**owner.bearer, **RAW, **named})
    assert added.json()["original_name"] == "nächtlich.wav"


def test_the_page_adds_with_its_cookie(stage: Stage, owner: Person) -> None:
    added = stage.client.post(
        TRACKS,
        files={"file": ("tone.wav", TONE)},
        headers={**owner.session, "Origin": stage.settings.public_url},
    )
    assert added.status_code == 201


def test_the_same_bytes_again_are_the_first_track(either_stage: Stage) -> None:
    stage, owner, other = either_stage, either_stage.person(), either_stage.person()
    first = upload(stage, owner, title="First")
    before = stage.files()
    again = upload(stage, owner, title="Second")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "job_id": None}
    assert again.headers["location"] == first.headers["location"]
    assert (total(stage, owner), stage.files()) == (1, before)
    assert upload(stage, other).status_code == 201


def test_the_same_bytes_at_the_same_time_are_one_track(either_stage: Stage) -> None:
    stage, owner = either_stage, either_stage.person()
    before = stage.files()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: upload(stage, owner), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (total(stage, owner), len(stage.files() - before)) == (1, 1)


def test_uploads_need_no_broker(stage: Stage, owner: Person) -> None:
    assert stage.client.get("/readyz").json()["broker"] == "broker_unavailable"
    assert upload(stage, owner).status_code == 201


# Idempotency-Key


def test_a_repeated_request_is_told_the_same(either_stage: Stage) -> None:
    stage, owner = either_stage, either_stage.person()
    first = upload(stage, owner, key="k1", title="One")
    again = upload(stage, owner, key="k1", title="One")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert upload(stage, owner, title="One").status_code == 200


def test_a_key_belongs_to_its_request(either_stage: Stage) -> None:
    stage, owner, other = either_stage, either_stage.person(), either_stage.person()
    upload(stage, owner, key="k1", title="One")
    for changed in (
        upload(stage, owner, wav(frequency_hz=330), key="k1", title="One"),
        upload(stage, owner, key="k1", title="Two"),
        stage.client.post(
            TRACKS,
            json={"url": "https://example.org/a.mp3"},
            headers={**owner.bearer, "Idempotency-Key": "k1"},
        ),
    ):
        assert (changed.status_code, changed.json()["code"]) == (422, "idempotency_key_reused")
    assert upload(stage, other, key="k1", title="Two").status_code == 201
    assert total(stage, owner) == 1


def test_a_failure_frees_the_key(stage: Stage, owner: Person) -> None:
    assert upload(stage, owner, b"RIFF", key="k1").status_code == 422
    assert upload(stage, owner, b"RIFF", key="k1").status_code == 422
    assert upload(stage, owner, TONE, key="k1").status_code == 201


def test_one_key_at_the_same_time_happens_once(either_stage: Stage) -> None:
    stage, owner = either_stage, either_stage.person()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: upload(stage, owner, key="k1"), range(4)))
    statuses = {answer.status_code for answer in answers}
    assert 201 in statuses
    assert statuses <= {201, 409}
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"still_running"}
    assert upload(stage, owner, key="k1").status_code == 201
    assert total(stage, owner) == 1


def test_a_key_whose_first_request_still_runs_has_to_wait(either_stage: Stage) -> None:
    stage, owner = either_stage, either_stage.person()
    url = "https://example.org/mix.flac"

    async def begin() -> None:
        now = await stage.runtime.db.now()
        same = fingerprint(kind="fetch", url=url, visibility="private")
        async with stage.runtime.db.transaction() as session:
            await idempotency.claim(session, owner.id, "k1", same, now=now)

    stage.run(begin)
    headers = {**owner.bearer, "Idempotency-Key": "k1"}
    answer = stage.client.post(TRACKS, json={"url": url}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "still_running")
    assert stage.client.get("/api/v1/jobs", headers=owner.bearer).json() == {"items": []}


def test_a_key_whose_track_was_deleted_says_so(stage: Stage, owner: Person) -> None:
    first = upload(stage, owner, key="k1")
    stage.client.delete(first.headers["location"], headers=owner.bearer)
    again = upload(stage, owner, key="k1")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert upload(stage, owner, key="k2").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(stage: Stage, owner: Person, key: str) -> None:
    headers = [*owner.bearer.items(), ("Idempotency-Key", key.encode())]
    answer = stage.client.post(TRACKS, files={"file": ("a.wav", TONE)}, headers=headers)  # type: ignore[arg-type]  # bytes, as no str header can hold these
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert total(stage, owner) == 0


def test_the_longest_key_is_a_key(stage: Stage, owner: Person) -> None:
    assert upload(stage, owner, key="!" + "~" * 254).status_code == 201


# URLs


def test_a_url_becomes_a_job(either_stage: Stage) -> None:
    stage, owner = either_stage, either_stage.person()
    headers = {**owner.bearer, "Idempotency-Key": "fetch-1"}
    body = {"url": "https://example.org/mix.flac", "visibility": "public"}
    asked = stage.client.post(TRACKS, json=body, headers=headers)
    assert asked.status_code == 202
    job = asked.json()
    assert asked.headers["location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["kind"], job["state"], job["track_id"]) == ("fetch", "queued", None)
    assert stage.client.get(asked.headers["location"], headers=owner.bearer).json() == job
    again = stage.client.post(TRACKS, json=body, headers=headers)
    assert (again.status_code, again.json()["id"]) == (202, job["id"])


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("file:///etc/passwd", "url_not_allowed"),
        ("ftp://example.org/a.mp3", "url_not_allowed"),
        ("http://2130706433/a.mp3", "url_not_allowed"),
        ("http://user@example.org/a.mp3", "url_not_allowed"),
        ("https://example.org:8443/a.mp3", "url_not_allowed"),
        ("", "url_not_allowed"),
        ("x" * 9000, "invalid_field"),
    ],
)
def test_a_url_that_is_never_fetched_is_refused_at_once(
    stage: Stage, owner: Person, url: str, code: str
) -> None:
    answer = stage.client.post(TRACKS, json={"url": url}, headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert stage.client.get("/api/v1/jobs", headers=owner.bearer).json() == {"items": []}


# What is refused


def zip_file() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.mp3", TONE)
    return buffer.getvalue()


def wav_header(*, channels: int = 1, rate_hz: int = 8000, bits: int = 16, size: int = 0) -> bytes:
    fmt = struct.pack("<HHIIHH", 1, channels, rate_hz, 0, 2, bits)
    return (
        b"RIFF" + struct.pack("<I", size + 36) + b"WAVEfmt " + struct.pack("<I", 16) + fmt
        + b"data" + struct.pack("<I", size)
    )  # fmt: skip


HOSTILE: dict[str, tuple[Callable[[], bytes], int]] = {
    "empty": (lambda: b"", 422),
    "one byte": (lambda: b"R", 422),
    "zeros": (lambda: bytes(1 << 20), 415),
    "ones": (lambda: b"\xff" * (1 << 20), 415),
    "a program": (lambda: b"\x7fELF" + bytes(4096), 415),
    "a web page": (lambda: b"<!doctype html><title>404</title>", 415),
    "a script before audio": (lambda: b"<script>alert(1)</script>" + TONE, 415),
    "a zip": (zip_file, 415),
    "a gzip": (lambda: gzip.compress(TONE), 415),
    "a playlist": (lambda: b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n", 415),
    "a list of files": (lambda: b"ffconcat version 1.0\nfile ../../etc/passwd\n", 415),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(100), 415),
    "a header without audio": (lambda: TONE[:20], 422),
    "no samples": (wav_header, 422),
    "less than it claims": (lambda: wav_header(size=1 << 30) + bytes(4000), 422),
    "too many channels": (lambda: wav_header(channels=65535, size=4000) + bytes(4000), 422),
    "a mad sample rate": (lambda: wav_header(rate_hz=2**31 - 1, size=4000) + bytes(4000), 422),
    "sync words without frames": (lambda: b"\xff\xfb\x90\x00" * 1000, 422),
    "too large": (lambda: wav(MAX_TRACK_BYTES / 16000 + 1), 413),
}


@pytest.mark.parametrize("how", ["form", "bare"])
@pytest.mark.parametrize(("content", "status"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_bad_file_is_a_problem_and_leaves_nothing(
    stage: Stage, owner: Person, content: Callable[[], bytes], status: int, how: str
) -> None:
    before = stage.files()
    if how == "form":
        answer = upload(stage, owner, content())
    else:
        headers = {**owner.bearer, "Content-Type": "audio/mpeg"}
        answer = stage.client.post(TRACKS, content=content(), headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert_nothing_is_left(stage, owner, before)


def form(*parts: tuple[str, bytes], boundary: str = "b0undary") -> dict[str, Any]:
    body = b"".join(
        b"--" + boundary.encode() + b"\r\nContent-Disposition: form-data; " + head.encode()
        + b"\r\n\r\n" + content + b"\r\n"
        for head, content in parts
    )  # fmt: skip
    return {
        "content": body + b"--" + boundary.encode() + b"--\r\n",
        "headers": {"Content-Type": f"multipart/form-data; boundary={boundary}"},
    }


FILE = ('name="file"; filename="a.wav"', TONE)
MALFORMED: dict[str, tuple[dict[str, Any], int]] = {
    "no file": (form(('name="title"', b"x")), 422),
    "two files": (form(FILE, FILE), 422),
    "a field twice": (form(('name="title"', b"x"), ('name="title"', b"y"), FILE), 422),
    "an unknown field": (form(FILE, ('name="owner_id"', b"x")), 422),
    "a wrong word after the file": (form(FILE, ('name="visibility"', b"everyone")), 422),
    "NUL in a field": (form(FILE, ('name="title"', b"a\0b")), 422),
    "a field that is not UTF-8": (form(FILE, ('name="title"', b"\xff")), 422),
    "a title that is too long": (form(FILE, ('name="title"', b"x" * 513)), 422),
    "a part without a name": (form(('filename="a.wav"', TONE)), 400),
    "no closing boundary": (
        {
            "content": form(FILE)["content"][:-20],
            "headers": {"Content-Type": "multipart/form-data; boundary=b0undary"},
        },
        400,
    ),
    "no boundary": (
        {"content": TONE, "headers": {"Content-Type": "multipart/form-data"}},
        400,
    ),
    "another media type": ({"content": TONE, "headers": {"Content-Type": "video/mp4"}}, 415),
    "no media type": ({"content": TONE, "headers": {}}, 415),
    "JSON that is none": (
        {"content": b'{"url":', "headers": {"Content-Type": "application/json"}},
        400,
    ),
    "JSON without a URL": ({"json": {}}, 422),
    "JSON with more": ({"json": {"url": "https://example.org/a", "path": "/etc"}}, 422),
    "a word that is not known in the query": (
        {"content": TONE, "headers": RAW, "params": {"bpm": "120"}},
        422,
    ),
    "a wrong word in the query": (
        {"content": TONE, "headers": RAW, "params": {"visibility": "all"}},
        422,
    ),
}


@pytest.mark.parametrize(("request_parts", "status"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_bad_request_is_a_problem_and_leaves_nothing(
    stage: Stage, owner: Person, request_parts: dict[str, Any], status: int
) -> None:
    before = stage.files()
    headers = {**request_parts.get("headers", {}), **owner.bearer}
    answer = stage.client.post(TRACKS, **{**request_parts, "headers": headers})
    assert answer.status_code == status, answer.text
    assert_nothing_is_left(stage, owner, before)


def assert_nothing_is_left(stage: Stage, owner: Person, before: set[str]) -> None:
    assert stage.files() == before
    assert total(stage, owner) == 0
    assert stage.client.get("/api/v1/jobs", headers=owner.bearer).json() == {"items": []}

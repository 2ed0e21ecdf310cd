from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from autodj.api.bodies import (
    MAX_JSON_BYTES,
    parse_json,
    parse_model,
    parse_query,
    read_json,
)
from autodj.api.problems import PROBLEM_HANDLERS
from autodj.errors import InvalidField, InvalidJson
from tests.api.serving import connection, exchange, read_all, serve

JSON = {"Content-Type": "application/json"}


class Source(StrEnum):
    LOCAL = "local"
    S3 = "s3"


class Cue(BaseModel):
    at_s: float


class Change(BaseModel):
    title: str = Field(default="", max_length=10)
    year: int = 0
    hidden: bool = False
    track: UUID | None = None
    at: datetime | None = None
    source: Source | None = None
    cues: list[Cue] = []


class Page(BaseModel):
    limit: int = Field(default=50, ge=1, le=200)
    source: list[Source] = []
    bpm: float | None = Field(default=None, allow_inf_nan=False)
    hidden: bool = False
    text: str | None = None


async def change(request: Request) -> Response:
    return JSONResponse(parse_model(Change, await read_json(request)).model_dump(mode="json"))


async def page(request: Request) -> Response:
    return JSONResponse(parse_query(Page, request).model_dump(mode="json"))


APP = Starlette(
    routes=[Route("/change", change, methods=["PATCH"]), Route("/page", page)],
    exception_handlers=PROBLEM_HANDLERS,
)


@pytest.fixture
def client() -> TestClient:
    return TestClient(APP)


NOT_JSON: list[tuple[str, bytes]] = [
    ("empty", b""),
    ("blank", b" \n"),
    ("truncated", b'{"title": "a'),
    ("cut number", b'{"year": -'),
    ("invalid UTF-8", b'{"title": "\xff"}'),
    ("overlong UTF-8", b'{"title": "\xc0\xaf"}'),
    ("UTF-8 surrogate", b'{"title": "\xed\xa0\x80"}'),
    ("UTF-16", '{"title": ""}'.encode("utf-16")),
    ("byte order mark", b"\xef\xbb\xbf{}"),
    ("deep lists", b"[" * 100_000),
    ("deep objects", b'{"a":' * 40_000),
    ("deep and closed", b"[" * 100_000 + b"]" * 100_000),
    ("long integer", b'{"year": ' + b"9" * 5000 + b"}"),
    ("NaN", b'{"year": NaN}'),
    ("Infinity", b'{"year": Infinity}'),
    ("minus infinity", b"[-Infinity]"),
    ("overflowing float", b"[1e400]"),
    ("overflowing negative", b"[-1e400]"),
    ("twice the same key", b'{"title": "a", "title": "a"}'),
    ("twice deep inside", b'[{"a": {"b": 1, "b": 2}}]'),
    ("twice by escape", b'{"a": 1, "\\u0061": 2}'),
    ("trailing comma", b"[1,]"),
    ("comment", b"[1 /* one */]"),
    ("single quotes", b"{'a': 1}"),
    ("bare word", b"title"),
    ("two values", b"{} {}"),
    ("control character", b'"\x01"'),
    ("raw NUL", b'"\x00"'),
    ("bad escape", b'"\\x41"'),
    ("half escape", b'"\\u00"'),
    ("leading zero", b"[01]"),
    ("plus sign", b"[+1]"),
    ("hex", b"[0x1]"),
    ("lone dot", b"[1.]"),
]


@pytest.mark.parametrize("raw", [row[1] for row in NOT_JSON], ids=[row[0] for row in NOT_JSON])
def test_what_is_not_strict_json_is_a_400(raw: bytes, client: TestClient) -> None:
    answer = client.patch("/change", content=raw, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_json"


@pytest.mark.parametrize(
    ("raw", "pointers"),
    [
        (b'{"title": "\\ud800"}', {"/title"}),
        (b'{"title": "\\udc00\\ud800"}', {"/title"}),
        (b'{"title": "a\\u0000"}', {"/title"}),
        (b'{"a/b": [0, {"~": "\\u0000"}]}', {"/a~1b/1/~0"}),
        (b'{"\\u0000": 1}', {"/\0"}),
        (b'"\\ud800"', {""}),
    ],
)
def test_text_that_cannot_be_stored_is_a_422(
    raw: bytes, pointers: set[str], client: TestClient
) -> None:
    answer = client.patch("/change", content=raw, headers=JSON)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == pointers


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        # Any text but lone surrogates and NUL
        | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_every_json_value_survives(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_a_value_or_refused(raw: bytes) -> None:
    try:
        value = parse_json(raw)
    except (InvalidJson, InvalidField):
        return
    json.dumps(value, allow_nan=False).encode()


@pytest.mark.parametrize(
    ("data", "pointers"),
    [
        ({"unknown": 1}, ["/unknown"]),
        ({"year": "1999"}, ["/year"]),
        ({"year": True}, ["/year"]),
        ({"year": 1.5}, ["/year"]),
        ({"hidden": "yes"}, ["/hidden"]),
        ({"title": 5}, ["/title"]),
        ({"title": "a" * 11}, ["/title"]),
        ({"title": None}, ["/title"]),
        ({"source": "tape"}, ["/source"]),
        ({"track": "not-an-id"}, ["/track"]),
        ({"cues": [{"at_s": 1}, {"at_s": "2"}]}, ["/cues/1/at_s"]),
        ({"cues": [{"at_s": 1, "more": 1}]}, ["/cues/0/more"]),
        ({"year": "x", "title": 1}, ["/title", "/year"]),
        ([], [""]),
        (None, [""]),
        ("text", [""]),
    ],
    ids=str,
)
def test_a_wrong_member_is_named_by_its_pointer(
    data: object, pointers: list[str], client: TestClient
) -> None:
    answer = client.patch("/change", content=json.dumps(data), headers=JSON)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "invalid_field"
    assert sorted(error["pointer"] for error in problem["errors"]) == pointers
    assert all(error["detail"] for error in problem["errors"])


def test_a_right_body_becomes_the_model() -> None:
    raw = {
        "title": "Über",
        "year": 1999,
        "track": "12345678-1234-5678-1234-567812345678",
        "at": "2026-11-21T10:00:00Z",
        "source": "s3",
        "cues": [{"at_s": 1}],
    }
    assert parse_model(Change, raw) == Change(
        title="Über",
        year=1999,
        track=UUID("12345678-1234-5678-1234-567812345678"),
        at=datetime(2026, 11, 21, 10, tzinfo=UTC),
        source=Source.S3,
        cues=[Cue(at_s=1.0)],
    )


def test_many_and_long_faults_are_told_in_brief(client: TestClient) -> None:
    data = {f"{'n' * 1000}{number}": 1 for number in range(100)}
    problem = client.patch("/change", content=json.dumps(data), headers=JSON).json()
    assert problem["detail"].startswith("100 ")
    assert len(problem["errors"]) == 20
    assert max(len(error["pointer"]) for error in problem["errors"]) == 200


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ('application/json;charset="utf-8"', 200),
        ("application/json; charset=latin-1", 415),
        ("application/json; boundary=x", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
def test_only_json_in_utf8_is_read(content_type: str, status: int, client: TestClient) -> None:
    answer = client.patch("/change", content=b"{}", headers={"Content-Type": content_type})
    assert answer.status_code == status


def test_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not(client: TestClient) -> None:
    fits = b"{" + b" " * (MAX_JSON_BYTES - 2) + b"}"
    assert client.patch("/change", content=fits, headers=JSON).status_code == 200
    assert client.patch("/change", content=fits + b" ", headers=JSON).status_code == 413


PATCH = b"PATCH /change HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def test_a_declared_length_over_the_limit_is_refused_before_reading() -> None:
    expecting = (
        PATCH + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 262145\r\n\r\n"
    )
    with serve(APP) as port:
        answer = exchange(port, expecting + b"Content-Length: 262145\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_an_endless_body_is_cut_off_at_the_limit() -> None:
    sent = 0
    with serve(APP) as port, connection(port) as client:
        client.sendall(PATCH + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 100_000_000:
                client.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                sent += 0x10000
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = read_all(client)
    assert sent < 100_000_000
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=-1", "/limit"),
        ("limit=1000000000", "/limit"),
        ("limit=x", "/limit"),
        ("limit=", "/limit"),
        ("limit=" + "9" * 5000, "/limit"),
        ("limit=5&limit=6", "/limit"),
        ("unknown=1", "/unknown"),
        ("source=tape", "/source/0"),
        ("source=s3&source=tape", "/source/1"),
        ("bpm=nan", "/bpm"),
        ("bpm=1e400", "/bpm"),
        ("hidden=perhaps", "/hidden"),
        ("text=a%00b", "/text"),
        ("%00=1", "/\0"),
    ],
    ids=lambda value: value[:20],
)
def test_a_wrong_parameter_is_named(query: str, pointer: str, client: TestClient) -> None:
    answer = client.get(f"/page?{query}")
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


def test_right_parameters_become_the_model(client: TestClient) -> None:
    answer = client.get("/page?limit=7&source=s3&source=local&bpm=120.5&hidden=true&text=%C3%A4")
    assert answer.json() == {
        "limit": 7,
        "source": ["s3", "local"],
        "bpm": 120.5,
        "hidden": True,
        "text": "ä",
    }
    assert client.get("/page?source=s3").json()["source"] == ["s3"]
    assert client.get("/page").json()["limit"] == 50


@given(st.text(max_size=40))
def test_no_query_breaks_the_reader(text: str) -> None:
    scope = {"type": "http", "query_string": text.encode(errors="replace")}
    try:
        parse_query(Page, Request(scope))
    except InvalidField as refused:
        json.dumps(refused.problem()).encode("ascii")

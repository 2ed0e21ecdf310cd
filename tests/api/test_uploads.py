from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from autodj.api.figures import HttpMetrics
from autodj.api.middleware import RequestLayer
from autodj.api.multipart import FormParts, PartEnd, PartStart
from autodj.api.problems import PROBLEM_HANDLERS
from autodj.api.uploads import Received, receive_form, receive_raw
from autodj.errors import InvalidRequest, TooLarge, UnsupportedMedia
from tests.api.serving import connection, exchange, read_all, serve

MAX_BYTES = 1_000_000
FIELDS = frozenset({"title", "artist", "album", "visibility"})
AUDIO = bytes(range(256)) * 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def app(folder: Path) -> Starlette:
    into = folder / "upload.part"

    async def raw(request: Request) -> Response:
        return told(await receive_raw(request, into, max_bytes=MAX_BYTES))

    async def form(request: Request) -> Response:
        return told(await receive_form(request, into, max_bytes=MAX_BYTES, field_names=FIELDS))

    return Starlette(
        routes=[Route("/raw", raw, methods=["POST"]), Route("/form", form, methods=["POST"])],
        middleware=[
            Middleware(RequestLayer, metrics=HttpMetrics(CollectorRegistry()), html_csp="")
        ],
        exception_handlers=PROBLEM_HANDLERS,
    )


def told(received: Received) -> Response:
    return JSONResponse(
        {
            "sha256": received.sha256,
            "size_bytes": received.size_bytes,
            "filename": received.filename,
            "fields": dict(received.fields),
        }
    )


@pytest.fixture
def client(app: Starlette) -> TestClient:
    return TestClient(app)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def part(name: str, body: bytes, filename: str | None = None, more: str = "") -> bytes:
    suffix = "" if filename is None else f'; filename="{filename}"'
    head = f'--frontier\r\nContent-Disposition: form-data; name="{name}"{suffix}\r\n{more}\r\n'
    return head.encode() + body + b"\r\n"


END = b"--frontier--\r\n"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=frontier"}


def test_a_raw_body_lands_whole(client: TestClient, folder: Path) -> None:
    answer = client.post(
        "/raw",
        content=AUDIO,
        headers={"Content-Disposition": "attachment; filename*=UTF-8''%E2%82%AC.mp3"},
    )
    assert answer.json() == {
        "sha256": hashlib.sha256(AUDIO).hexdigest(),
        "size_bytes": len(AUDIO),
        "filename": "€.mp3",
        "fields": {},
    }
    assert (folder / "upload.part").read_bytes() == AUDIO


def test_a_raw_body_may_be_named_in_either_encoding(app: Starlette) -> None:
    with serve(app) as port:
        for encoding in ("latin-1", "utf-8"):
            named = 'Content-Disposition: attachment; filename="Été.mp3"\r\n'.encode(encoding)
            head = HEAD % b"/raw" + named + b"Content-Length: 1\r\nConnection: close\r\n\r\n"
            body = exchange(port, head + b"x").partition(b"\r\n\r\n")[2]
            assert json.loads(body)["filename"] == "Été.mp3"


def test_a_form_lands_its_file_and_tells_its_fields(client: TestClient, folder: Path) -> None:
    answer = client.post(
        "/form",
        data={"title": "Über", "visibility": "private"},
        files={"file": ("../../My Song.mp3", AUDIO, "audio/mpeg")},
    )
    assert answer.json() == {
        "sha256": hashlib.sha256(AUDIO).hexdigest(),
        "size_bytes": len(AUDIO),
        "filename": "My Song.mp3",
        "fields": {"title": "Über", "visibility": "private"},
    }
    assert (folder / "upload.part").read_bytes() == AUDIO


def test_fields_may_follow_the_file_and_be_empty(client: TestClient) -> None:
    body = part("file", AUDIO) + part("title", b"") + END + b"epilogue"
    answer = client.post("/form", content=body, headers=MULTIPART)
    assert answer.json()["fields"] == {"title": ""}
    assert answer.json()["filename"] is None
    assert answer.json()["sha256"] == hashlib.sha256(AUDIO).hexdigest()


def test_limits_are_inclusive(client: TestClient) -> None:
    full = bytes(MAX_BYTES)
    assert client.post("/raw", content=full).status_code == 200
    body = part("title", b"t" * 65536) + part("file", full) + END
    assert client.post("/form", content=body, headers=MULTIPART).status_code == 200


BAD_FORMS: list[tuple[str, bytes, int]] = [
    ("empty body", b"", 400),
    ("not multipart", b"hello", 400),
    ("no closing boundary", part("file", AUDIO), 400),
    ("cut inside a header", part("file", AUDIO)[:30], 400),
    ("part without name", b"--frontier\r\nContent-Type: a/b\r\n\r\nx\r\n" + END, 400),
    (
        "part that is an attachment",
        b'--frontier\r\nContent-Disposition: attachment; name="file"\r\n\r\nx\r\n' + END,
        400,
    ),
    ("part header of 1 MB", part("file", b"x", more="X: " + "y" * 900_000 + "\r\n") + END, 400),
    ("part with 100 headers", part("file", b"x", more="X: y\r\n" * 100) + END, 400),
    ("header without end", part("file", b"x", more="X: y\r") + END, 400),
    ("only the end", END, 422),
    ("no file", part("title", b"x") + END, 422),
    ("two files", part("file", b"a", "a") + part("file", b"b", "b") + END, 422),
    ("unknown field", part("owner", b"me") + part("file", b"x") + END, 422),
    ("unknown field behind", part("file", b"x") + part("owner", b"me") + END, 422),
    ("field twice", part("title", b"a") + part("title", b"b") + part("file", b"x") + END, 422),
    ("field as a file", part("title", b"a", "a.txt") + part("file", b"x") + END, 422),
    ("field not UTF-8", part("title", b"\xff") + part("file", b"x") + END, 422),
    ("field with NUL", part("title", b"a\0") + part("file", b"x") + END, 422),
    ("1,001 parts", part("junk", b"") * 1001 + END, 413),
    ("1,001 parts behind", part("file", b"x") + part("junk", b"") * 1001 + END, 413),
    ("fields over 64 KiB", part("title", b"a" * 65537) + part("file", b"x") + END, 413),
    (
        "fields over 64 KiB together",
        part("title", b"a" * 40_000) + part("artist", b"a" * 40_000) + part("file", b"x") + END,
        413,
    ),
    ("file over the limit", part("file", bytes(MAX_BYTES + 1)) + END, 413),
    ("epilogue without end", part("file", b"x") + END + bytes(MAX_BYTES + 200_000), 413),
    ("nested multipart", part("file", b"x", more="Content-Type: multipart/mixed\r\n") + END, 415),
    ("base64", part("file", b"eA==", more="Content-Transfer-Encoding: base64\r\n") + END, 415),
]


@pytest.mark.parametrize(
    ("body", "status"), [row[1:] for row in BAD_FORMS], ids=[row[0] for row in BAD_FORMS]
)
def test_a_bad_form_is_refused_and_leaves_nothing(
    body: bytes, status: int, client: TestClient, folder: Path
) -> None:
    answer = client.post("/form", content=body, headers=MULTIPART)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert names_in(folder) == []


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
        ("multipart/form-data; boundary=" + "x" * 71, 400),
        ("multipart/form-data; boundary=" + "x" * 300, 400),
        ('multipart/form-data; boundary="a\tb"', 400),
        ('multipart/form-data; boundary="ends in space "', 400),
        ("multipart/form-data; boundary=é", 400),
        ("multipart/mixed; boundary=frontier", 415),
        ("application/json", 415),
        ("", 415),
    ],
)
def test_only_form_data_with_a_sane_boundary_is_read(
    content_type: str, status: int, client: TestClient, folder: Path
) -> None:
    answer = client.post(
        "/form", content=END, headers=[(b"Content-Type", content_type.encode("latin-1"))]
    )
    assert answer.status_code == status
    assert names_in(folder) == []


def test_faults_of_a_form_are_listed(client: TestClient) -> None:
    body = part("owner", b"me") + part("title", b"a") + part("title", b"b") + END
    problem = client.post("/form", content=body, headers=MULTIPART).json()
    assert [error["pointer"] for error in problem["errors"]] == ["/owner", "/title", "/file"]


@given(
    body=st.binary(max_size=300).map(lambda junk: part("file", junk) + part("title", b"x") + END),
    cuts=st.lists(st.integers(0, 500), max_size=20),
)
def test_a_form_reads_the_same_however_it_is_cut(body: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [body[a:b] for a, b in pairwise(edges)]
    assert list(merged(pieces)) == list(merged([body]))


def merged(pieces: list[bytes]) -> Iterator[PartStart | PartEnd | bytes]:
    parts = FormParts(MULTIPART["Content-Type"])
    data = b""
    for event in [event for piece in pieces for event in parts.feed(piece)]:
        if isinstance(event, bytes):
            data += event
            continue
        yield data
        data = b""
        yield event
    parts.close()


@given(st.binary(max_size=200).map(b"--frontier\r\n".__add__) | st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    parts = FormParts(MULTIPART["Content-Type"])
    with suppress(InvalidRequest, TooLarge, UnsupportedMedia):
        parts.feed(body)
        parts.close()


HEAD = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=frontier\r\n"
PATHS = [b"/raw", b"/form"]


@pytest.mark.parametrize("path", PATHS)
def test_a_declared_length_over_the_limit_is_refused_before_any_byte(
    path: bytes, app: Starlette, folder: Path
) -> None:
    with serve(app) as port:
        answer = exchange(
            port, HEAD % path + b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n"
        )
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in answer
    assert names_in(folder) == []


@pytest.mark.parametrize("path", PATHS)
def test_an_endless_body_is_cut_off_at_the_limit(path: bytes, app: Starlette, folder: Path) -> None:
    sent = 0
    with serve(app) as port, connection(port) as client:
        client.sendall(HEAD % path + b"Transfer-Encoding: chunked\r\n\r\n")
        opening = part("file", b"")[:-2]
        client.sendall(b"%x\r\n" % len(opening) + opening + b"\r\n")
        try:
            while sent < 100_000_000:
                client.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
                sent += 0x10000
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = read_all(client)
    assert sent < 100_000_000
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert names_in(folder) == []


@pytest.mark.parametrize("path", PATHS)
def test_a_client_that_leaves_early_leaves_no_file(
    path: bytes, app: Starlette, folder: Path
) -> None:
    with capture_logs() as logged, serve(app) as port:
        with connection(port) as client:
            client.sendall(HEAD % path + b"Content-Length: 500000\r\n\r\n" + part("file", AUDIO))
        while not logged:
            time.sleep(0.01)
    assert [(line["event"], line["status"]) for line in logged] == [("request", 400)]
    assert names_in(folder) == []


def test_a_bad_field_is_refused_before_the_file_is_sent(app: Starlette, folder: Path) -> None:
    opening = part("owner", b"me") + part("file", b"")[:-2]
    with serve(app) as port:
        answer = exchange(port, HEAD % b"/form" + b"Content-Length: 900000\r\n\r\n" + opening)
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert names_in(folder) == []


def test_a_body_that_is_continued_gets_its_100(app: Starlette) -> None:
    request = HEAD % b"/raw" + b"Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n"
    with serve(app) as port, connection(port) as client:
        client.sendall(request + b"\r\n")
        assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"12345")
        answer = read_all(client)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["size_bytes"] == 5


@pytest.mark.parametrize("path", ["/raw", "/form"])
def test_a_full_disk_is_a_507_and_the_next_upload_works(
    path: str, client: TestClient, folder: Path
) -> None:
    into = folder / "upload.part"
    into.symlink_to("/dev/full")
    body = part("file", AUDIO) + END
    answer = client.post(path, content=body, headers=MULTIPART)
    assert answer.status_code == 507
    assert answer.json()["code"] == "disk_full"
    assert names_in(folder) == []
    assert client.post(path, content=body, headers=MULTIPART).status_code == 200

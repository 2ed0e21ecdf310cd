from __future__ import annotations

import asyncio
import hashlib
import os
import random
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from autodj.api import descriptors, files
from autodj.api.descriptors import OpenFile
from autodj.api.files import FileBytes, LocalFiles, playback_errors
from autodj.api.problems import PROBLEM_HANDLERS
from autodj.errors import NotFound
from tests.api.serving import connection, exchange, read_all, serve

AUDIO = random.Random(1).randbytes(600_001)
SHA256 = hashlib.sha256(AUDIO).hexdigest()
ETAG = f'"{SHA256}"'
PLAYBACK = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Content-Range, Accept-Ranges, Content-Length, ETag, Date",
    "cross-origin-resource-policy": "cross-origin",
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.flac"
    path.write_bytes(AUDIO)
    return path


@pytest.fixture
def opened() -> list[OpenFile]:
    """Each file handed out, once for each answer; those still in use have users."""
    return []


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalFiles]:
    local = LocalFiles(tmp_path, max_senders=2)
    yield local
    local.close()


@pytest.fixture
def app(path: Path, opened: list[OpenFile], local: LocalFiles) -> Starlette:
    async def audio(request: Request) -> Response:
        size_bytes = int(request.query_params.get("size_bytes", len(AUDIO)))
        with playback_errors():
            file = await local.open(path, size_bytes=size_bytes)
        opened.append(file)
        if "cut" in request.query_params:
            os.truncate(path, int(request.query_params["cut"]))
        return FileBytes(
            file,
            files=local,
            sha256=SHA256,
            content_type="audio/flac",
            headers={"Cache-Control": "private, max-age=60", "Content-Disposition": "inline"},
        )

    async def missing(_: Request) -> Response:
        with playback_errors():
            raise NotFound(headers={"Cross-Origin-Resource-Policy": "same-site"})

    return Starlette(
        routes=[Route("/audio", audio), Route("/missing", missing)],
        exception_handlers=PROBLEM_HANDLERS,
    )


@pytest.fixture
def client(app: Starlette) -> TestClient:
    return TestClient(app)


def test_the_whole_file_is_served_with_what_a_player_needs(client: TestClient) -> None:
    answer = client.get("/audio")
    assert answer.status_code == 200
    assert answer.content == AUDIO
    assert dict(answer.headers) == PLAYBACK | {
        "content-type": "audio/flac",
        "content-length": str(len(AUDIO)),
        "etag": ETAG,
        "repr-digest": f"sha-256=:{b64encode(hashlib.sha256(AUDIO).digest()).decode()}:",
        "cache-control": "private, max-age=60",
        "content-disposition": "inline",
    }


@pytest.mark.parametrize("nowait", [True, False], ids=["page cache", "thread"])
@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1-", 1, len(AUDIO)),
        ("bytes=-5", len(AUDIO) - 5, len(AUDIO)),
        ("bytes=262143-262144", 262_143, 262_145),
        ("bytes=100000-599999", 100_000, 600_000),
        ("bytes=0-99999999999999999999", 0, len(AUDIO)),
    ],
)
def test_a_range_is_exactly_its_bytes(
    header: str,
    start: int,
    stop: int,
    nowait: bool,
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not nowait:
        monkeypatch.setattr(descriptors, "_NOWAIT", None)
    answer = client.get("/audio", headers={"Range": header})
    assert answer.status_code == 206
    assert answer.content == AUDIO[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(AUDIO)}"
    assert answer.headers["content-length"] == str(stop - start)
    assert answer.headers["etag"] == ETAG


def test_bytes_that_left_the_page_cache_are_read_again(client: TestClient, path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    assert client.get("/audio").content == AUDIO


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Range": "items=0-1"}, 200),
        ({"Range": "bytes=0-1,5-6"}, 200),
        ({"Range": "bytes=0-1", "If-Range": '"old"'}, 200),
        ({"Range": "bytes=0-1", "If-Range": ETAG}, 206),
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": f'W/{ETAG}, "x"', "Range": "bytes=0-1"}, 304),
        ({"If-Match": '"old"'}, 412),
        ({"Range": f"bytes={len(AUDIO)}-"}, 416),
        ({"Range": "bytes=-0"}, 416),
    ],
    ids=str,
)
def test_every_answer_can_be_read_by_a_page_and_gives_the_file_back(
    headers: dict[str, str], status: int, client: TestClient, opened: list[OpenFile]
) -> None:
    answer = client.get("/audio", headers=headers)
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in PLAYBACK} == PLAYBACK
    assert [file.users for file in opened] == [0]
    if status == 200:
        assert answer.content == AUDIO
    if status == 304:
        assert answer.content == b""
        assert answer.headers["etag"] == ETAG
        assert answer.headers["cache-control"] == "private, max-age=60"
        assert not {"content-length", "content-type"} & answer.headers.keys()
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(AUDIO)}"
        assert answer.json()["code"] == "range_not_satisfiable"
    if status == 412:
        assert answer.json()["code"] == "precondition_failed"


@pytest.mark.parametrize("headers", [{}, {"If-None-Match": ETAG}, {"If-Match": '"old"'}])
def test_head_is_get_without_its_body(headers: dict[str, str], app: Starlette) -> None:
    request = b"%b /audio HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b\r\n"
    lines = b"".join(f"{key}: {value}\r\n".encode() for key, value in headers.items())
    with serve(app) as port:
        get = exchange(port, request % (b"GET", lines)).partition(b"\r\n\r\n")
        head = exchange(port, request % (b"HEAD", lines)).partition(b"\r\n\r\n")
    assert head[2] == b""

    def undated(block: bytes) -> list[bytes]:
        return [line for line in block.split(b"\r\n") if not line.startswith(b"date:")]

    assert undated(head[0]) == undated(get[0])


def test_head_ignores_a_range(client: TestClient) -> None:
    answer = client.head("/audio", headers={"Range": "bytes=0-1"})
    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(len(AUDIO))


def test_a_refusal_of_the_route_gets_the_playback_headers_but_keeps_its_own(
    client: TestClient,
) -> None:
    answer = client.get("/missing")
    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "same-site"


def test_a_file_of_another_size_is_refused_before_the_headers(client: TestClient) -> None:
    answer = client.get("/audio?size_bytes=600000")
    assert answer.status_code == 503
    assert answer.json()["code"] == "source_unreadable"
    assert answer.headers["retry-after"]


def test_an_empty_file_is_an_empty_answer(path: Path, client: TestClient) -> None:
    path.write_bytes(b"")
    answer = client.get("/audio?size_bytes=0")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "0"
    refused = client.get("/audio?size_bytes=0", headers={"Range": "bytes=0-"})
    assert refused.status_code == 416


GET = b"GET /audio HTTP/1.1\r\nHost: x\r\n"


def test_a_file_that_has_lost_its_bytes_is_refused_before_the_headers(client: TestClient) -> None:
    answer = client.get("/audio?cut=0")
    assert answer.status_code == 503
    assert answer.json()["code"] == "source_unreadable"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("cut", [1, 300_000, 600_000])
def test_a_file_cut_short_while_it_is_sent_breaks_the_connection(
    cut: int, app: Starlette, opened: list[OpenFile]
) -> None:
    request = GET.replace(b"/audio", b"/audio?cut=%d" % cut)
    with serve(app) as port:
        answer = exchange(port, request + b"\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-length: 600001" in head.lower()
    assert body == AUDIO[:cut]
    assert opened[0].users == 0


@pytest.fixture
def large(path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Make the file larger than any socket buffer, so that a reader can stall its sender."""
    size_bytes = 64 * 1024 * 1024
    os.truncate(path, size_bytes)
    monkeypatch.setattr(files, "CHUNK_BYTES", 65536)
    return size_bytes


def stalled(port: int, size_bytes: int) -> socket.socket:
    """A client that asks for the file, takes the first bytes and then nothing."""
    client = socket.create_connection(("127.0.0.1", port), timeout=90)
    client.sendall(GET.replace(b"/audio", b"/audio?size_bytes=%d" % size_bytes) + b"\r\n")
    assert client.recv(12) == b"HTTP/1.1 200"
    return client


def test_too_many_senders_are_refused_and_places_come_free_again(
    app: Starlette, large: int, local: LocalFiles
) -> None:
    last = GET.replace(b"/audio", b"/audio?size_bytes=%d" % large) + b"Connection: close\r\n"
    with serve(app) as port:
        held = [stalled(port, large), stalled(port, large)]
        refused = exchange(port, last + b"\r\n")
        unaffected = exchange(port, last.replace(b"GET", b"HEAD") + b"\r\n")
        held[0].close()
        while not local.free_places:
            time.sleep(0.01)
        served = exchange(port, last + b"Range: bytes=0-9\r\n\r\n")
        held[1].close()
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in refused
    assert b"\r\naccess-control-allow-origin: *\r\n" in refused
    assert unaffected.startswith(b"HTTP/1.1 200 ")
    assert served.partition(b"\r\n\r\n")[2] == AUDIO[:10]
    assert local.free_places == 2


async def test_nothing_more_is_read_for_a_client_that_has_gone(
    path: Path, local: LocalFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK_BYTES", 1000)
    answer = FileBytes(
        await local.open(path, size_bytes=len(AUDIO)),
        files=local,
        sha256=SHA256,
        content_type="audio/flac",
        headers={},
    )
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        await asyncio.sleep(0)

    await answer({"type": "http", "method": "GET", "headers": []}, receive, send)
    assert len(sent) < 10
    assert sent[-1]["more_body"]


async def test_a_place_is_kept_until_the_client_has_taken_what_was_sent(
    path: Path, local: LocalFiles
) -> None:
    """Else the bodies that wait for slow clients would fill the memory."""
    taken = asyncio.Event()
    answer = FileBytes(
        await local.open(path, size_bytes=len(AUDIO)),
        files=local,
        sha256=SHA256,
        content_type="audio/flac",
        headers={},
    )

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            await taken.wait()

    scope = {"type": "http", "method": "GET", "headers": [(b"range", b"bytes=0-99")]}
    sending = asyncio.create_task(answer(scope, receive, send))
    for _ in range(10):
        await asyncio.sleep(0)
    assert local.free_places == 1
    taken.set()
    await sending
    assert local.free_places == 2


def test_many_clients_get_their_own_bytes(
    app: Starlette, local: LocalFiles, opened: list[OpenFile]
) -> None:
    local.free_places = 40
    ranges = [(n * 5000, n * 5000 + 400_000) for n in range(40)]
    got: dict[int, bytes] = {}

    def ask(port: int, start: int, stop: int) -> None:
        header = b"Range: bytes=%d-%d\r\nConnection: close\r\n\r\n" % (start, stop - 1)
        got[start] = exchange(port, GET + header).partition(b"\r\n\r\n")[2]

    with serve(app) as port:
        threads = [threading.Thread(target=ask, args=(port, *ends)) for ends in ranges]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert got == {start: AUDIO[start:stop] for start, stop in ranges}
    assert local.free_places == 40
    assert len(opened) == 40
    assert len(set(opened)) == 1


def test_a_connection_is_kept_for_the_next_range(app: Starlette) -> None:
    with serve(app) as port, connection(port) as client:
        client.sendall(GET + b"Range: bytes=0-3\r\n\r\n")
        client.sendall(GET + b"Range: bytes=4-7\r\nConnection: close\r\n\r\n")
        answer = read_all(client)
    assert answer.count(b"HTTP/1.1 206") == 2
    assert answer.endswith(AUDIO[4:8])

"""Local files sent by a real nginx, configured as the documentation says."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from autodj.api.files import FileBytes, LocalFiles
from autodj.api.problems import PROBLEM_HANDLERS
from autodj.cdn.headers import DELIVERY_HEADERS
from autodj.laptop.ports import free_ports
from bench.nginx import nginx
from tests.api.serving import serve

ROOT = Path(__file__).parents[2]
AUDIO = random.Random(7).randbytes(300_000)
SHA256 = hashlib.sha256(AUDIO).hexdigest()
ETAG = f'"{SHA256}"'
KEY = f"tracks/0-{SHA256}.flac"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    (folder / KEY).parent.mkdir()
    (folder / KEY).write_bytes(AUDIO)
    return folder


@pytest.fixture(scope="module")
def local(media: Path) -> Iterator[LocalFiles]:
    # No place to send anything from: whatever comes was sent by nginx.
    local = LocalFiles(media, max_senders=0, accel_prefix="/_media/")
    yield local
    local.close()


@pytest.fixture(scope="module")
def origin(media: Path, local: LocalFiles) -> Iterator[int]:
    async def audio(_: Request) -> Response:
        return FileBytes(
            await local.open(media / KEY, size_bytes=len(AUDIO)),
            files=local,
            sha256=SHA256,
            content_type="audio/flac",
            headers={"Cache-Control": "private", "Content-Disposition": "inline; filename=a.flac"},
        )

    app = Starlette(routes=[Route("/audio", audio)], exception_handlers=PROBLEM_HANDLERS)
    with serve(app) as port:
        yield port


@pytest.fixture(scope="module")
def client(
    origin: int, media: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx2.Client]:
    [port] = free_ports(1)
    [documented] = re.findall(
        r"```nginx\n(.*?)```", (ROOT / "docs" / "nginx.md").read_text(), re.DOTALL
    )
    servers = (
        documented.replace("127.0.0.1:8000", f"127.0.0.1:{origin}")
        .replace("listen 80;", f"listen 127.0.0.1:{port};")
        .replace("/var/lib/autodj/media/", f"{media}/")
    )
    with (
        nginx(tmp_path_factory.mktemp("nginx"), servers, port=port),
        httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


def test_the_answer_to_nginx_is_empty_and_names_the_file(origin: int) -> None:
    answer = httpx2.get(f"http://127.0.0.1:{origin}/audio", headers={"Range": "bytes=0-9"})
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["x-accel-redirect"] == f"/_media/{KEY}"
    assert answer.headers["content-type"] == "audio/flac"


def test_a_player_gets_all_that_it_needs_by_way_of_nginx(client: httpx2.Client) -> None:
    answer = client.get("/audio")
    assert answer.status_code == 200
    assert answer.content == AUDIO
    assert "x-accel-redirect" not in answer.headers
    assert {name: answer.headers[name] for name in DELIVERY_HEADERS} == dict(DELIVERY_HEADERS)
    assert answer.headers["etag"] == ETAG
    assert answer.headers["content-type"] == "audio/flac"
    assert answer.headers["content-disposition"] == "inline; filename=a.flac"
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["repr-digest"].startswith("sha-256=:")


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100000-165535", 100_000, 165_536),
        ("bytes=-5", len(AUDIO) - 5, len(AUDIO)),
        ("bytes=5-", 5, len(AUDIO)),
    ],
)
def test_a_range_by_way_of_nginx_is_exactly_its_bytes(
    header: str, start: int, stop: int, client: httpx2.Client
) -> None:
    answer = client.get("/audio", headers={"Range": header})
    assert answer.status_code == 206
    assert answer.content == AUDIO[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(AUDIO)}"
    assert answer.headers["etag"] == ETAG


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"Range": f"bytes={len(AUDIO)}-"}, 416),
        ({"Range": "bytes=0-1,5-6"}, 200),
    ],
    ids=str,
)
def test_conditions_are_decided_by_our_entity_tag(
    headers: dict[str, str], status: int, client: httpx2.Client
) -> None:
    answer = client.get("/audio", headers=headers)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("tag", "status", "count"), [(ETAG, 206, 10), ('"other"', 200, len(AUDIO))]
)
def test_a_range_on_a_condition_is_sent_by_autodj_itself(
    tag: str, status: int, count: int, client: httpx2.Client, local: LocalFiles
) -> None:
    asked = {"Range": "bytes=0-9", "If-Range": tag}
    assert client.get("/audio", headers=asked).status_code == 503
    local.free_places = 1
    answer = client.get("/audio", headers=asked)
    local.free_places = 0
    assert (answer.status_code, answer.content) == (status, AUDIO[:count])


def test_head_by_way_of_nginx_describes_the_file(client: httpx2.Client) -> None:
    answer = client.head("/audio")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(AUDIO))


def test_nobody_gets_at_the_files_without_being_sent_there(client: httpx2.Client) -> None:
    assert client.get(f"/_media/{KEY}").status_code == 404

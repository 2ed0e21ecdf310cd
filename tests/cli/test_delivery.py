from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from rich.console import Console

from autodj.audio.pieces import HARBOUR_LIGHTS, Section
from autodj.cli.demo.delivery import Player, link_check, slices
from autodj.cli.demo.report import Report, Visit
from autodj.cli.demo.takes import Expected, take_of, takes_in
from autodj.cli.where import Server
from autodj.errors import CommandError
from autodj.laptop.ports import free_ports

ORIGINAL = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(ORIGINAL).hexdigest()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def edge(handler: Handler) -> AsyncGenerator[tuple[Player, str]]:
    """A player, and a link to a server that answers in one way."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := free_ports(1)[0]).start()
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as http:
            yield Player(http, Server(url, "t")), f"{url}/a.mp3?Expires=100&Signature=s"
    finally:
        await runner.cleanup()


def ranged(body: bytes) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        part = request.http_range
        if "Range" not in request.headers:
            return web.Response(body=body)
        start, stop, _ = slice(part.start, part.stop).indices(len(body))
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}
        return web.Response(status=206, body=body[start:stop], headers=headers)

    return answer


async def test_right_bytes_pass() -> None:
    async with edge(ranged(ORIGINAL)) as (player, link):
        assert (await player.ranges(link, ORIGINAL)).ok
        assert (await player.whole(link, ORIGINAL)).ok
        assert (await player.first_bytes("t1", ORIGINAL)).ok


async def test_one_wrong_byte_is_found() -> None:
    spoilt = ORIGINAL[:-1] + b"!"
    async with edge(ranged(spoilt)) as (player, link):
        ranges = await player.ranges(link, ORIGINAL)
        whole = await player.whole(link, ORIGINAL)
    assert not ranges.ok
    assert ranges.got == "wrong for -4096, 255999-"
    assert not whole.ok
    assert "another was sent" in whole.got


async def test_a_server_that_knows_no_ranges_is_found_out() -> None:
    async def everything(_: web.Request) -> web.Response:
        return web.Response(body=ORIGINAL)

    async with edge(everything) as (player, link):
        assert not (await player.ranges(link, ORIGINAL)).ok
        assert not (await player.first_bytes("t1", ORIGINAL)).ok


async def test_a_cdn_that_takes_forged_links_is_found_out() -> None:
    async with edge(ranged(ORIGINAL)) as (player, link):
        assert not (await player.forged(link)).ok


async def test_a_forged_link_differs_only_in_its_end() -> None:
    asked: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return web.Response(status=403)

    async with edge(refuse) as (player, link):
        assert (await player.forged(link)).ok
    assert asked == ["/a.mp3?Expires=101&Signature=s"]


@pytest.mark.parametrize(
    ("status", "headers", "ok"),
    [
        (307, {"Location": "http://cdn/x", "Cache-Control": "no-store"}, True),
        (307, {"Location": "http://cdn/x"}, False),
        (302, {"Location": "http://cdn/x", "Cache-Control": "no-store"}, False),
        (200, {}, False),
    ],
)
async def test_the_redirect_must_not_be_kept(
    status: int, headers: dict[str, str], *, ok: bool
) -> None:
    async def redirect(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    async with edge(redirect) as (player, _link):
        location, check = await player.follow("t1")
    assert check.ok is ok
    assert location == headers.get("Location", "")


async def test_an_edge_that_is_away_is_named() -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    async with aiohttp.ClientSession() as http:
        with pytest.raises(CommandError, match=f"{url} does not answer"):
            await Player(http, Server(url, "t")).whole(f"{url}/x", ORIGINAL)


@pytest.mark.parametrize("size_bytes", [1, 2, 1000, 5000, 10**7])
def test_ranges_lie_within_the_file(size_bytes: int) -> None:
    for part in slices(size_bytes):
        assert 0 <= part.start < part.stop <= size_bytes


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "local"},
        {"url": "http://127.0.0.1:8000/api/v1/tracks/x/audio/stream"},
        {"etag": '"other"'},
        {"size_bytes": 1},
        {"expires_at": None},
    ],
)
def test_the_link_must_lead_to_these_bytes_on_the_cdn(wrong: dict[str, object]) -> None:
    link = {
        "url": "http://localhost:20002/tracks/x.mp3?Expires=1",
        "source": "s3",
        "expires_at": "2026-03-01T12:00:00Z",
        "content_type": "audio/mpeg",
        "size_bytes": len(ORIGINAL),
        "etag": f'"{SHA256}"',
    }
    origin = "http://localhost:20002"
    assert link_check(link, SHA256, len(ORIGINAL), origin).ok
    assert not link_check({**link, **wrong}, SHA256, len(ORIGINAL), origin).ok


def test_the_score_says_what_must_be_measured() -> None:
    expected = Expected(122.0, "A# minor")
    assert expected.fits_tempo(122.4)
    assert not expected.fits_tempo(61.0)
    assert not expected.fits_tempo(None)
    assert expected.fits_key("3A")
    assert not expected.fits_key("3B")
    assert not expected.fits_key(None)


def test_a_piece_becomes_a_file_with_what_must_be_found_in_it(tmp_path: Path) -> None:
    bar = dataclasses.replace(HARBOUR_LIGHTS, sections=(Section(1, "kick bass"),))
    take = take_of(bar, tmp_path)
    assert take.path.stat().st_size > 10_000
    assert take.expected == Expected(122.0, "A minor")


def test_a_folder_without_audio_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no audio files"):
        takes_in(tmp_path)
    with pytest.raises(CommandError, match="no folder"):
        takes_in(tmp_path / "nowhere")


def test_a_wrong_measurement_is_red_and_counted(tmp_path: Path) -> None:
    bar = dataclasses.replace(HARBOUR_LIGHTS, sections=(Section(1, "kick bass"),))
    before = {"id": "t1", "title": "Bar", "file_source": "local", "job_id": "j1"}
    after = {
        "file_source": "local",
        "duration_s": 2.0,
        "bpm": 61.0,
        "key": "C major",
        "camelot": "8B",
        "integrated_lufs": -9.0,
    }
    report = Report(console := Console(width=120, file=io.StringIO(), record=True))
    report.measured([Visit(take_of(bar, tmp_path), ORIGINAL, before, after)])
    report.closing(1.0)
    assert (report.checks, report.faults) == (3, 3)
    assert "3 of 3 checks failed" in console.export_text()

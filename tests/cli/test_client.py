from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from autodj.cli import client as client_module
from autodj.cli.client import Client, open_client
from autodj.cli.downloads import fetch
from autodj.cli.refusals import BusyServer
from autodj.cli.where import Server
from autodj.errors import CommandError
from autodj.laptop.ports import free_ports

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
JOB = {"id": "j1", "state": "running", "step": "analyze", "progress": 0.5}


@asynccontextmanager
async def answering(handler: Handler) -> AsyncGenerator[Client]:
    """A client of a server that answers everything in one way."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_ports(1)[0])
    await site.start()
    try:
        async with open_client(Server(f"http://127.0.0.1:{port}", "t0ken")) as client:
            yield client
    finally:
        await runner.cleanup()


def problem(status: int, **members: object) -> web.Response:
    body = {"detail": "No.", "hint": "Ask again.", "code": "some_code", **members}
    return web.json_response(body, status=status, headers={"Retry-After": "0"})


async def test_a_refusal_is_told_in_the_servers_own_words() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return problem(422, code="truncated", detail="It stops early.")

    async with answering(refuse) as client:
        with pytest.raises(CommandError, match="It stops early") as caught:
            await client.read("/tracks")
    assert (caught.value.code, caught.value.hint) == ("truncated", "Ask again.")


async def test_the_values_at_fault_are_named() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return problem(422, errors=[{"pointer": "/key", "detail": "Value error, is no key"}])

    async with answering(refuse) as client:
        with pytest.raises(CommandError, match=r"No\. key: is no key\.") as refused:
            await client.read("/tracks")
    assert refused.value.hint == ""  # the one of the API sends to a list that is not shown


async def test_a_fault_of_the_server_tells_which_request_to_look_for() -> None:
    async def fail(_: web.Request) -> web.Response:
        return problem(500, code="internal", request_id="r-17")

    async with answering(fail) as client:
        with pytest.raises(CommandError, match=r"\(request r-17\)"):
            await client.read("/tracks")


async def test_an_answer_of_another_program_is_told_as_such() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(status=404, text="<h1>Not Found</h1>")

    async with answering(page) as client:
        with pytest.raises(CommandError, match="answered 404 Not Found") as caught:
            await client.read("/tracks")
    assert "address of an autodj" in caught.value.hint


@pytest.mark.parametrize("body", ["<h1>Welcome</h1>", "", "[]", "null"])
async def test_a_page_of_another_program_is_told_as_such(body: str) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    async with answering(page) as client:
        for ask in (client.read("/tracks"), client.order("/tracks", {})):
            with pytest.raises(CommandError, match="does not answer as autodj does") as caught:
                await ask
            assert "address of an autodj" in caught.value.hint


async def test_a_server_that_is_not_there_is_named() -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    async with open_client(Server(url, "t")) as client:
        with pytest.raises(CommandError, match=f"{url} does not answer"):
            await client.read("/tracks")


async def test_every_request_says_who_asks() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.json_response({"sent": request.headers["Authorization"]})

    async with answering(echo) as client:
        assert await client.read("/me") == {"sent": "Bearer t0ken"}


async def test_a_busy_server_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PAUSES_S", (0.0, 0.0))
    received: list[bytes] = []

    async def third_time(request: web.Request) -> web.Response:
        received.append(await request.read())
        if len(received) < 3:
            return problem(503)
        return web.json_response({"id": "t1"}, status=201)

    song = tmp_path / "a.mp3"
    song.write_bytes(b"x" * 600_000)
    heard: list[int] = []
    async with answering(third_time) as client:
        sent = await client.send_file(song, heard.append)
    assert (sent.created, sent.track) == (True, {"id": "t1"})
    assert received == [song.read_bytes()] * 3
    assert heard[-1] == 600_000


async def test_a_server_that_stays_busy_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PAUSES_S", (0.0,))

    async def busy(request: web.Request) -> web.Response:
        await request.read()
        return problem(429)

    (tmp_path / "a.mp3").write_bytes(b"x")
    async with answering(busy) as client:
        with pytest.raises(BusyServer):
            await client.send_file(tmp_path / "a.mp3")


class Restarting:
    """A server that hears some requests, is away for some, and is there again."""

    def __init__(self, away: int) -> None:
        self._away = away
        self.asked = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.asked > 1 and self._away:
            self._away -= 1
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        return web.json_response({"id": "t1", "items": [], "next_cursor": None}, status=201)


async def test_a_server_that_starts_again_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PAUSES_S", (0.0, 0.0))
    (tmp_path / "a.mp3").write_bytes(b"x")
    server = Restarting(away=2)
    async with answering(server.answer) as client:
        await client.send_file(tmp_path / "a.mp3")
        assert (await client.send_file(tmp_path / "a.mp3")).track["id"] == "t1"
    assert server.asked == 4
    server = Restarting(away=2)
    async with answering(server.answer) as client:
        await client.send_file(tmp_path / "a.mp3")
        assert (await client.read("/tracks"))["id"] == "t1"


async def test_a_server_that_stays_away_is_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PAUSES_S", (0.0, 0.0))
    (tmp_path / "a.mp3").write_bytes(b"x")
    server = Restarting(away=100)
    async with answering(server.answer) as client:
        await client.send_file(tmp_path / "a.mp3")
        for asked in (4, 5):
            with pytest.raises(CommandError, match="does not answer"):
                await client.send_file(tmp_path / "a.mp3")
            assert server.asked == asked


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Try again after the seconds in Retry-After.", "Try again in 7 seconds."),
        ("Check REDIS_URL.", "Check REDIS_URL."),
    ],
)
async def test_a_busy_server_is_told_without_the_words_of_http(said: str, told: str) -> None:
    async def busy(_: web.Request) -> web.Response:
        body = {"detail": "Busy.", "hint": said, "code": "unavailable"}
        return web.json_response(body, status=503, headers={"Retry-After": "7"})

    async with answering(busy) as client:
        with pytest.raises(BusyServer, match="Busy") as caught:
            await client.read("/tracks")
    assert (caught.value.hint, caught.value.retry_after_s) == (told, 7)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"detail": "Its bytes are gone.", "hint": "Look.", "code": "gone"}', "bytes are gone"),
        ("<Error><Code>AccessDenied</Code></Error>", "answered 410 Gone"),
    ],
)
async def test_a_file_that_a_link_does_not_give_is_told_with_the_reason(
    tmp_path: Path, body: str, told: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/audio/url"):
            return web.json_response({"url": str(request.url.with_path("/bytes"))})
        return web.Response(status=410, text=body)

    async with answering(answer) as client:
        with pytest.raises(CommandError, match=told):
            await fetch(client, "t1", "00" * 32, tmp_path / "song.mp3")
    assert [*tmp_path.iterdir()] == []


async def test_the_list_is_read_page_by_page() -> None:
    async def page(request: web.Request) -> web.Response:
        cursor = request.query.get("cursor")
        items = [{"id": "3"}] if cursor == "next" else [{"id": "1"}, {"id": "2"}]
        return web.json_response({"items": items, "next_cursor": None if cursor else "next"})

    async with answering(page) as client:
        assert [track["id"] async for track in client.tracks({"q": "x"})] == ["1", "2", "3"]


@pytest.mark.parametrize("cut", [False, True])
async def test_a_job_is_watched_on_when_the_stream_breaks_off(
    monkeypatch: pytest.MonkeyPatch,
    cut: bool,
) -> None:
    monkeypatch.setattr(client_module, "PAUSES_S", (0.0,))
    streams: list[list[dict[str, object]]] = [
        [JOB],
        [{**JOB, "step": "publish"}, {**JOB, "state": "done"}],
    ]

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b": ping\r\n\r\n")
        for job in streams.pop(0):
            await response.write(f"event: job\r\ndata: {json.dumps(job)}\r\n\r\n".encode())
        if cut and streams:
            assert request.transport is not None
            request.transport.close()
        return response

    async with answering(events) as client:
        seen = [(job["state"], job["step"]) async for job in client.watch("j1")]
    assert seen == [("running", "analyze"), ("running", "publish"), ("done", "analyze")]
    assert streams == []

"""Clients that hold a server by doing next to nothing, all at once, against one that notices."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from autodj.api.bodies import bounded_stream
from autodj.api.files import FileBytes, LocalFiles
from autodj.api.problems import PROBLEM_HANDLERS
from autodj.guard import Guard, Limits
from bench.slow_clients import KINDS, Attack, ask_health
from tests.api.serving import connection, read_all, serve

EACH = 25
SIZE_BYTES = 64 * 1024 * 1024
# Where nobody is to be cut off, a limit is longer than a busy machine is away.
ALLOWED_S, LONGER_S = 4.0, 5.0
SHORT = Limits(
    header_s=1.0, body_idle_s=1.0, write_stall_s=1.0, average_after_s=1.5, body_total_s=60.0
)
ENOUGH = Limits(
    header_s=ALLOWED_S,
    body_idle_s=ALLOWED_S,
    write_stall_s=ALLOWED_S,
    average_after_s=ALLOWED_S,
    body_total_s=60.0,
)


def app(path: Path, files: LocalFiles, unread: list[str]) -> Starlette:
    async def audio(_: Request) -> Response:
        return FileBytes(
            await files.open(path, size_bytes=SIZE_BYTES),
            files=files,
            sha256="ab" * 32,
            content_type="audio/flac",
            headers={},
        )

    async def upload(request: Request) -> Response:
        try:
            async for _ in bounded_stream(request, max_bytes=SIZE_BYTES):
                pass
        except Exception as error:  # whatever it is, the test wants to see it
            unread.append(type(error).__name__)
            raise
        return PlainTextResponse("taken")

    async def late(request: Request) -> Response:
        await asyncio.sleep(LONGER_S)
        count = 0
        async for piece in bounded_stream(request, max_bytes=SIZE_BYTES):
            count += len(piece)
        return PlainTextResponse(f"{count} taken")

    async def deaf(_: Request) -> Response:
        await asyncio.sleep(1.5)
        unread.append("deaf")
        return PlainTextResponse("without having read anything")

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    return Starlette(
        routes=[
            Route("/audio", audio),
            Route("/api/v1/tracks", upload, methods=["POST"]),
            Route("/late", late, methods=["POST"]),
            Route("/deaf", deaf, methods=["POST"]),
            Route("/healthz", health),
        ],
        exception_handlers=PROBLEM_HANDLERS,
    )


def test_every_slow_client_is_cut_off_while_others_are_served(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.touch()
    os.truncate(path, SIZE_BYTES)
    # One that dribbles is too slow, and shall not seem silent where its sender gets no time.
    guard, unread = Guard(replace(SHORT, body_idle_s=20.0)), list[str]()
    files = LocalFiles(tmp_path, max_senders=EACH)
    stop, times_s = threading.Event(), list[float]()
    with serve(app(path, files, unread), guard) as port:
        asking = threading.Thread(target=ask_health, args=(port, stop, times_s, 0.02))
        asking.start()
        attack = Attack(port, "/audio", dribble_s=0.1)
        attack.run(EACH, until_s=60)
        stop.set()
        asking.join()
    assert {kind: len(attack.closed_s[kind]) for kind in KINDS} == dict.fromkeys(KINDS, EACH)
    assert guard.closed == {
        "header_deadline": 2 * EACH,
        "body_slow": EACH,
        "write_stall": EACH,
    }
    # Nobody was cut off before his time either.
    assert min(attack.closed_s["silent"] + attack.closed_s["headers"]) > 0.9
    assert min(attack.closed_s["body"]) > 1.4
    assert unread == ["InvalidRequest"] * EACH
    assert files.free_places == EACH
    assert len(times_s) > 10
    assert statistics.median(times_s) < float("inf")


def test_a_handler_that_answers_a_refused_request_is_not_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    guard, unread = Guard(SHORT), list[str]()
    with (
        serve(app(tmp_path, LocalFiles(tmp_path, max_senders=1), unread), guard) as port,
        connection(port) as client,
    ):
        client.sendall(b"POST /deaf HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\na")
        answer = read_all(client)
        while not unread:
            time.sleep(0.01)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert guard.closed == {"body_idle": 1}
    assert "Exception" not in caplog.text


def test_a_listener_as_slow_as_music_is_not_taken_for_one_who_has_stopped(tmp_path: Path) -> None:
    """The kernel takes bytes from us in steps far larger than a client takes from it."""
    path = tmp_path / "a.flac"
    path.touch()
    os.truncate(path, SIZE_BYTES)
    files = LocalFiles(tmp_path, max_senders=1)
    guard = Guard(ENOUGH)
    with serve(app(path, files, []), guard) as port, socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.connect(("127.0.0.1", port))
        listener.sendall(b"GET /audio HTTP/1.1\r\nHost: x\r\n\r\n")
        ends_s = time.monotonic() + LONGER_S
        while time.monotonic() < ends_s:
            assert listener.recv(4096)
            time.sleep(0.1)
    assert guard.closed == {}


def test_a_handler_that_takes_its_time_is_not_held_against_the_client(tmp_path: Path) -> None:
    post = b"POST /late HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 300000\r\n"
    guard = Guard(ENOUGH)
    with (
        serve(app(tmp_path, LocalFiles(tmp_path, max_senders=1), []), guard) as port,
        connection(port) as eager,
        connection(port) as polite,
    ):
        polite.sendall(post + b"Expect: 100-continue\r\n\r\n")
        eager.sendall(post + b"\r\n" + b"a" * 300_000)
        assert read_all(eager).endswith(b"300000 taken")
        assert polite.recv(100).startswith(b"HTTP/1.1 100 ")
        polite.sendall(b"a" * 300_000)
        assert read_all(polite).endswith(b"300000 taken")
    assert guard.closed == {}

"""The web process from its start to an end in order."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from autodj.api.files import FileBytes, LocalFiles
from autodj.api.serve import Server, serve
from autodj.guard import Guard, GuardedProtocol
from autodj.laptop.ports import free_ports
from tests.api.serving import connection, exchange, read_all
from tests.api.test_system import environment

ROOT = Path(__file__).parents[2]
SIZE_BYTES = 24 * 1024 * 1024
GET = b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def app(tmp_path: Path) -> Starlette:
    path = tmp_path / "a.flac"
    path.touch()
    os.truncate(path, SIZE_BYTES)
    local = LocalFiles(tmp_path, max_senders=4)

    async def audio(_: Request) -> Response:
        return FileBytes(
            await local.open(path, size_bytes=SIZE_BYTES),
            files=local,
            sha256="ab" * 32,
            content_type="audio/flac",
            headers={},
        )

    async def ready(request: Request) -> Response:
        return Response(status_code=503 if request.state["guard"].draining else 200)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, object]]:
        yield {"guard": Guard()}
        local.close()

    return Starlette(routes=[Route("/audio", audio), Route("/readyz", ready)], lifespan=lifespan)


@contextmanager
def serving(app: Starlette, *, notice_s: float) -> Iterator[tuple[Server, int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, http=GuardedProtocol, ws="none", timeout_graceful_shutdown=20
    )
    server = Server(config, notice_s=notice_s)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server, listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=90)
        assert not thread.is_alive()


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_stream_under_way_is_whole_though_the_process_was_told_to_stop(app: Starlette) -> None:
    with serving(app, notice_s=60) as (server, port), connection(port) as listener:
        listener.sendall(GET % b"/audio")
        began = listener.recv(4096)
        server.handle_exit(signal.SIGTERM, None)
        # Before it stops to listen it says so to whoever balances, and goes on serving.
        assert exchange(port, GET % b"/readyz").startswith(b"HTTP/1.1 503 ")
        assert not server.should_exit
        server.handle_exit(signal.SIGTERM, None)
        while not refuses(port):
            time.sleep(0.01)
        head, _, body = (began + read_all(listener)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert len(body) == SIZE_BYTES


@pytest.mark.parametrize(
    ("notice_s", "signals"),
    [
        (0, [signal.SIGTERM]),
        (60, [signal.SIGTERM, signal.SIGTERM]),
        (60, [signal.SIGTERM, signal.SIGINT]),
        (60, [signal.SIGINT]),
    ],
)
def test_the_notice_is_left_out_where_nobody_waits_for_it(
    notice_s: float, signals: list[signal.Signals], app: Starlette
) -> None:
    with serving(app, notice_s=notice_s) as (server, port):
        for number in signals:
            server.handle_exit(number, None)
        while not refuses(port):
            time.sleep(0.01)


def test_autodj_serve_is_guarded_and_says_that_it_is_about_to_stop(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "autodj.db")
    [port] = free_ports(1)
    command = [sys.executable, "-m", "autodj", "serve", f"--port={port}", "--notice=60"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(tmp_path), stderr=subprocess.PIPE
    ) as process:
        try:
            while refuses(port):
                assert process.poll() is None
                time.sleep(0.02)
            assert exchange(port, GET % b"/readyz").startswith(b"HTTP/1.1 200 ")
            assert exchange(port, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")
            told = exchange(port, GET % b"/metrics")
            assert b'autodj_connections_refused_total{reason="host"} 1.0' in told
            process.send_signal(signal.SIGTERM)
            while exchange(port, GET % b"/readyz").startswith(b"HTTP/1.1 200 "):
                time.sleep(0.01)
            ready = exchange(port, GET % b"/readyz")
            assert ready.startswith(b"HTTP/1.1 503 ")
            assert b"about to stop" in ready
            assert exchange(port, GET % b"/healthz").startswith(b"HTTP/1.1 200 ")
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=90) in {0, -signal.SIGTERM}
            assert process.stderr is not None
            assert b"Traceback" not in process.stderr.read()
        finally:
            process.kill()


async def test_an_idle_connection_is_kept_for_longer_than_clients_keep_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept_s: list[int] = []
    monkeypatch.setattr(
        Server, "run", lambda server: kept_s.append(server.config.timeout_keep_alive)
    )
    serve("127.0.0.1", 8000, notice_s=0, grace_s=0)
    async with aiohttp.TCPConnector() as theirs:
        assert kept_s[0] > (theirs._keepalive_timeout or 0) > 0
    assert kept_s[0] > (httpx2.Limits().keepalive_expiry or 0) > 0

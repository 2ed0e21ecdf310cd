"""What only connections over TLS can go through, on both event loops."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, SSLError

from autodj.errors import StoreUnreachable
from autodj.laptop.s3server import S3Server
from autodj.storage.download import download
from autodj.storage.s3 import S3Storage, S3Timing, open_s3
from autodj.storage.s3.line import cut
from bench.storage.encrypted import Papers, open_s3_server_over_tls, papers, serving
from tests.storage.builders import KEY, patterned, put, sha256
from tests.storage.conftest import s3_config
from tests.storage.ways import Server, Way, answering, request

ENDLESS = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"
SECRET = b"what nobody else may read"
Loop = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def on(request: pytest.FixtureRequest) -> Loop:
    return asyncio.run if request.param == "asyncio" else uvloop.run


def test_only_who_is_trusted_is_spoken_to(on: Loop, shown: Papers) -> None:
    async def go() -> None:
        server, way = answering(), Way(shown)
        async with way.listening(server) as url:
            async with way.session(verify=True) as opened:
                with pytest.raises(SSLError, match="unable to get local issuer"):
                    await opened.send(request("GET", url))
            assert server.heads == []
            for options in ({}, {"verify": False}):
                async with way.session(**options) as opened:
                    assert (await opened.send(request("GET", url))).status_code == 200

    on(go())


def test_a_certificate_for_somebody_else_is_refused(on: Loop, tmp_path: Path) -> None:
    async def go() -> None:
        server, way = answering(), Way(papers(tmp_path, "127.0.0.2"))
        async with way.listening(server) as url, way.session(max_pool_connections=1) as opened:
            for _ in range(2):  # the place of the first is free
                with pytest.raises(SSLError, match="mismatch"):
                    await opened.send(request("GET", url))
        assert server.heads == []

    on(go())


def test_the_bundle_of_the_machine_is_trusted_and_nobody_else(
    on: Loop, shown: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        server = answering()
        async with Way(shown).listening(server) as url:
            config = replace(s3_config(url, "any", "any"), timing=S3Timing(attempts=1))
            async with open_s3(config) as store:
                with pytest.raises(StoreUnreachable, match="its certificate is not accepted"):
                    await store.probe()
            assert server.heads == []
            monkeypatch.setenv("AWS_CA_BUNDLE", str(shown.authority))
            async with open_s3(config) as store:
                await store.probe()
            assert server.heads

    on(go())


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_without_a_length_is_whole_only_when_its_end_is_announced(
    on: Loop, shown: Papers, *, announced: bool
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        writer.write(ENDLESS)
        await writer.drain()
        if not announced:
            writer.transport.abort()

    server, way = Server(serve), Way(shown)

    async def go() -> None:
        async with way.listening(server) as url, way.session() as opened:
            asked = request("GET", url)
            asked.stream_output = True
            if announced:
                assert await (await opened.send(asked)).raw.read() == b"all of it"
            else:
                with pytest.raises((ConnectionError, ConnectionClosedError)):
                    await (await opened.send(asked)).raw.read()

    on(go())


def test_whoever_does_not_speak_tls_is_left_in_time(on: Loop, shown: Papers) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()

    async def loud(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        await reader.read()

    async def go() -> None:
        for serve, fault in ((silent, ConnectTimeoutError), (loud, SSLError)):
            way = Way(shown)
            async with (
                Way().listening(Server(serve)) as url,
                way.session(timeout=(0.2, 60), max_pool_connections=1) as opened,
            ):
                for _ in range(2):  # the place of the first is free
                    with pytest.raises(fault):
                        await opened.send(request("GET", url.replace("http:", "https:")))

    on(go())


def test_whoever_is_cancelled_waits_for_no_handshake(on: Loop, shown: Papers) -> None:
    async def go() -> None:
        begun = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            del writer
            await reader.read(1)
            begun.set()
            await reader.read()

        way = Way(shown)
        async with Way().listening(Server(silent)) as url, way.session() as opened:
            asking = asyncio.create_task(
                opened.send(request("GET", url.replace("http:", "https:")))
            )
            await begun.wait()
            asking.cancel()
            await asyncio.wait([asking], timeout=30)  # half of what a handshake may take
            assert asking.cancelled()

    on(go())


async def test_a_real_server_takes_and_gives_bodies_of_all_sizes(
    shown: Papers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(shown.authority))

    async def go(server: S3Server) -> None:
        config = s3_config(server.endpoint_url, server.access_key, server.secret_key)
        async with open_s3(config) as store:
            await store.ensure_bucket()
            for size_bytes in (0, 1, 100_000, 3_000_000, 18_000_000):
                body = patterned(size_bytes)
                await put(store, f"{KEY}{size_bytes}", body)
                await _fetched(store, f"{KEY}{size_bytes}", body, tmp_path)
            for after_s in (0.0, 0.002, 0.01, 0.05):
                with suppress(TimeoutError):
                    async with asyncio.timeout(after_s):
                        await _fetched(store, f"{KEY}{size_bytes}", body, tmp_path)
            await _fetched(store, f"{KEY}{size_bytes}", body, tmp_path)

    async with open_s3_server_over_tls(tmp_path, shown) as server:
        await asyncio.to_thread(asyncio.run, go(server))
        await asyncio.to_thread(uvloop.run, go(server))


async def _fetched(store: S3Storage, key: str, body: bytes, folder: Path) -> None:
    target = folder / uuid.uuid4().hex
    await download(store, key, target, sha256=sha256(body), size_bytes=len(body))
    assert target.read_bytes() == body


def test_nothing_goes_out_readable_where_a_thread_is_cut_off(
    shown: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment between the cut and its effect, made as long as the test."""
    ours, theirs = socket.socketpair()
    accepting = threading.Thread(target=_accepted, args=(theirs, shown))
    accepting.start()
    trusted = ssl.create_default_context(cafile=shown.authority)
    with trusted.wrap_socket(ours, server_hostname="127.0.0.1") as secured:
        accepting.join()
        with monkeypatch.context() as patch:
            patch.setattr(socket.socket, "shutdown", lambda *_: None)
            cut(secured)
        secured.send(SECRET)
        seen = theirs.recv(65536)
    theirs.close()
    assert len(seen) > len(SECRET)
    assert SECRET not in seen


def _accepted(theirs: socket.socket, shown: Papers) -> None:
    """The other side of a handshake, which leaves ``theirs`` as it was."""
    come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
    side = serving(shown).wrap_bio(come, go, server_side=True)
    over = False
    while not over:
        try:
            side.do_handshake()
            over = True
        except ssl.SSLWantReadError:
            pass
        if go.pending:
            theirs.sendall(go.read())
        if not over:
            come.write(theirs.recv(65536))

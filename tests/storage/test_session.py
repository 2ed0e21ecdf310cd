"""Requests on connections of our own, against servers that do what servers now and then do."""

from __future__ import annotations

import asyncio
import io

import pytest
import uvloop
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from autodj.storage.base import ByteRange
from autodj.storage.s3 import wire
from autodj.storage.s3.line import Line
from autodj.storage.s3.sections import body_of, reading_at
from tests.storage.builders import patterned
from tests.storage.ways import OK, Server, Way, answering, request

LARGE = patterned(12_000_000)  # more than the network keeps on its way


async def test_requests_follow_each_other_on_one_connection(way: Way) -> None:
    server = answering()
    async with way.listening(server) as url, way.session() as opened:
        for number in range(3):
            found = await opened.send(request("GET", f"{url}/a%20b?n={number}"))
            assert (found.status_code, await found.content) == (200, b"ok")

    assert server.connections == 1
    assert [head.split(b"\r\n")[0] for head in server.heads] == [
        f"GET /a%20b?n={number} HTTP/1.1".encode() for number in range(3)
    ]


async def test_no_more_connections_are_open_than_allowed(way: Way) -> None:
    server = answering()
    async with way.listening(server) as url, way.session(max_pool_connections=2) as opened:
        await asyncio.gather(*(opened.send(request("GET", url)) for _ in range(12)))

    assert server.connections == 2
    assert len(server.heads) == 12


@pytest.mark.parametrize(("method", "repeated"), [("GET", True), ("POST", False)])
async def test_a_connection_closed_meanwhile_costs_nothing_where_that_is_safe(
    way: Way, method: str, *, repeated: bool
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        writer.write(OK)
        if server.connections == 1:
            await server.head(reader)  # and is gone
        else:
            await reader.read()

    server = Server(serve)
    async with way.listening(server) as url, way.session() as opened:
        await opened.send(request("GET", url))
        if repeated:
            assert (await opened.send(request(method, url))).status_code == 200
        else:
            with pytest.raises(ConnectionClosedError):
                await opened.send(request(method, url))

    assert len(server.heads) == 3 if repeated else 2


async def test_a_new_connection_that_is_cut_is_a_fault(way: Way) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await server.head(reader)

    server = Server(serve)
    async with way.listening(server) as url, way.session() as opened:
        with pytest.raises(ConnectionClosedError):
            await opened.send(request("GET", url))
    assert len(server.heads) == 1


async def test_a_body_is_kept_until_the_server_wants_it(way: Way) -> None:
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        received.append(await reader.readexactly(3_000_000))
        writer.write(OK)
        await reader.read()

    server = Server(serve)
    content = bytes(range(250)) * 12_000
    async with way.listening(server) as url, way.session() as opened:
        body = body_of(reading_at(io.BytesIO(content)), ByteRange(0, 3_000_000))
        found = await opened.send(request("PUT", url, body, Expect="100-continue"))
    assert found.status_code == 200
    assert received == [content]


@pytest.mark.parametrize("wanted_first", [True, False])
async def test_a_server_that_refuses_gets_no_more_and_the_connection_is_not_used_again(
    way: Way, *, wanted_first: bool
) -> None:
    refused = b"HTTP/1.1 412 No\r\nContent-Length: 2\r\n\r\nno"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        if wanted_first:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await reader.readexactly(1000)
        writer.write(refused)
        await writer.drain()
        await reader.read()

    server = Server(serve)
    async with way.listening(server) as url, way.session() as opened:
        for _ in range(2):
            body = body_of(lambda room, _place: len(room), ByteRange(0, 400_000_000))
            found = await opened.send(request("PUT", url, body, Expect="100-continue"))
            assert (found.status_code, await found.content) == (412, b"no")
    assert server.connections == 2


async def test_a_server_that_never_says_that_it_wants_a_body_gets_it(way: Way) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        assert await reader.readexactly(4) == b"data"
        writer.write(OK)
        await reader.read()

    server = Server(serve)
    async with way.listening(server) as url, way.session() as opened:
        body = body_of(reading_at(io.BytesIO(b"data")), ByteRange(0, 4))
        found = await opened.send(request("PUT", url, body, Expect="100-continue"))
    assert found.status_code == 200


async def test_a_server_that_wants_a_body_late_gets_all_of_it_once(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CONTINUE_WITHIN_S", 0.05)
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.head(reader)
            begun = await reader.readexactly(1000)
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await asyncio.sleep(0.05)  # nothing more goes out meanwhile
            received.append(begun + await reader.readexactly(len(LARGE) - 1000))
            writer.write(OK)

    server = Server(serve)
    async with way.listening(server) as url, way.session() as opened:
        for _ in range(2):
            body = body_of(reading_at(io.BytesIO(LARGE)), ByteRange(0, len(LARGE)))
            found = await opened.send(request("PUT", url, body, Expect="100-continue"))
            assert (found.status_code, await found.content) == (200, b"ok")
    assert received == [LARGE, LARGE]
    assert server.connections == 1


async def test_a_connection_that_cannot_be_had_gives_its_place_back(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Line) -> None:
        raise ConnectionError("the head is not out yet")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        if server.connections > 1:
            writer.write(OK)
        await reader.read()

    server = Server(serve)
    body = body_of(reading_at(io.BytesIO(b"data")), ByteRange(0, 4))
    async with way.listening(server) as url, way.session(max_pool_connections=1) as opened:
        with monkeypatch.context() as patch:
            patch.setattr(Line, "lent", refused)
            with pytest.raises(ConnectionClosedError):
                await opened.send(request("PUT", url, body))
        assert (await opened.send(request("GET", url))).status_code == 200


async def test_a_server_that_falls_silent_in_the_middle_of_a_body_takes_no_place(way: Way) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        silent = server.connections == 1
        writer.write(OK[:-1] if silent else OK)
        await reader.read()

    server = Server(serve)
    async with way.listening(server) as url, way.session(max_pool_connections=1) as opened:
        first = asyncio.create_task(opened.send(request("GET", url)))
        while not server.heads:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # the head of the answer and half of its body
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first

        async with asyncio.timeout(30):
            assert (await opened.send(request("GET", url))).status_code == 200


async def test_a_server_that_hangs_up_in_the_middle_of_a_body_is_a_fault(way: Way) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await reader.readexactly(1000)
        writer.transport.abort()

    server = Server(serve)
    async with way.listening(server) as url, way.session(max_pool_connections=1) as opened:
        for _ in range(2):  # the place of the first is free
            body = body_of(lambda room, _place: len(room), ByteRange(0, 400_000_000))
            with pytest.raises(ConnectionClosedError):
                await opened.send(request("PUT", url, body, Expect="100-continue"))
    assert server.connections == 2


@pytest.mark.parametrize(("region", "status"), [(b"", None), (b"x-amz-bucket-region: x\r\n", 307)])
async def test_a_redirect_is_followed_only_to_a_region_that_is_named(
    way: Way, region: bytes, status: int | None
) -> None:
    elsewhere = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.2:1/\r\n"
    server = answering(elsewhere + region + b"Content-Length: 0\r\n\r\n")
    async with way.listening(server) as url, way.session() as opened:
        if status is None:
            with pytest.raises(EndpointConnectionError, match="Could not connect"):
                await opened.send(request("GET", url))
        else:
            assert (await opened.send(request("GET", url))).status_code == status


async def test_silence_and_closed_doors_are_told_in_the_clients_words(way: Way) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()

    async with way.listening(Server(serve)) as url, way.session(timeout=(60, 0.05)) as opened:
        with pytest.raises(ReadTimeoutError):
            await opened.send(request("GET", url))
    async with way.session() as opened:
        with pytest.raises(EndpointConnectionError):
            await opened.send(request("GET", url))
    async with way.session(timeout=(0, 60)) as opened:
        with pytest.raises(ConnectTimeoutError):
            await opened.send(request("GET", "http://127.0.0.1:9"))


async def test_a_cancelled_request_gives_its_place_back(way: Way) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        if server.connections > 1:
            writer.write(OK)
        asked.set()
        await reader.read()

    asked = asyncio.Event()
    server = Server(serve)
    async with way.listening(server) as url, way.session(max_pool_connections=1) as opened:
        asking = asyncio.create_task(opened.send(request("GET", url)))
        await asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await opened.send(request("GET", url))).status_code == 200


async def test_a_header_cannot_become_a_second_request(way: Way) -> None:
    server = answering()
    async with way.listening(server) as url, way.session(max_pool_connections=1) as opened:
        with pytest.raises(ValueError, match="header"):
            await opened.send(request("GET", url, None, A="b\r\nC: d"))
        assert (await opened.send(request("GET", url))).status_code == 200
    assert len(server.heads) == 1


async def test_a_proxy_is_used_where_there_is_one() -> None:
    server, way = answering(), Way()
    async with way.listening(server) as url, way.session(proxies={"http": url}) as opened:
        await opened.send(request("GET", "http://example.invalid/there"))

    assert server.heads[0].startswith(b"GET http://example.invalid/there HTTP/1.1")


def test_the_web_servers_event_loop_does_as_well(way: Way) -> None:
    async def go() -> None:
        await test_requests_follow_each_other_on_one_connection(way)
        await test_a_body_is_kept_until_the_server_wants_it(way)
        await test_a_server_that_refuses_gets_no_more_and_the_connection_is_not_used_again(
            way, wanted_first=True
        )
        await test_a_cancelled_request_gives_its_place_back(way)

    uvloop.run(go())


async def test_nothing_is_asked_after_the_end(way: Way) -> None:
    server = answering()
    async with way.listening(server) as url:
        async with way.session() as opened:
            await opened.send(request("GET", url))
        with pytest.raises(RuntimeError, match="closed"):
            await opened.send(request("GET", url))

    assert len(server.heads) == 1


async def test_a_connection_in_use_at_the_end_is_closed_when_it_is_free(way: Way) -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await opened_no_more.wait()
        writer.write(b"ok")
        await reader.read()
        gone.set()

    server, opened_no_more = Server(serve), asyncio.Event()
    async with way.listening(server) as url:
        async with way.session() as opened:
            asked = request("GET", url)
            asked.stream_output = True
            found = await opened.send(asked)
        opened_no_more.set()
        assert await found.content == b"ok"
        await gone.wait()


async def test_another_event_loop_is_told_to_open_its_own(way: Way) -> None:
    server = answering()
    async with way.listening(server) as url, way.session() as opened:
        await opened.send(request("GET", url))
        with pytest.raises(RuntimeError, match="event loop"):
            await asyncio.to_thread(asyncio.run, opened.send(request("GET", url)))
        assert (await opened.send(request("GET", url))).status_code == 200

    assert len(server.heads) == 2

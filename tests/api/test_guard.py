"""What may not come over the wire, said to a real server in raw bytes."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from autodj.api.bodies import bounded_stream
from autodj.api.figures import HttpMetrics
from autodj.api.middleware import RequestLayer
from autodj.api.problems import PROBLEM_HANDLERS
from autodj.guard import Guard, Limits
from autodj.guard.heads import head_fault
from tests.api.serving import connection, exchange, read_all, serve

HOST = b"Host: x\r\n"
CLOSE = b"Connection: close\r\n"
GET = b"GET / HTTP/1.1\r\n"
POST = b"POST /body HTTP/1.1\r\n" + HOST
MAX_BYTES = 100_000


async def seen(request: Request) -> Response:
    return JSONResponse([[name, value] for name, value in request.headers.items()])


async def body(request: Request) -> Response:
    total = 0
    async for piece in bounded_stream(request, max_bytes=MAX_BYTES):
        total += len(piece)
    return PlainTextResponse(f"{total} {'x-late' in request.headers}")


async def slow(_: Request) -> Response:
    await asyncio.sleep(0.02)
    return PlainTextResponse("at last")


@pytest.fixture(scope="module")
def guard() -> Guard:
    return Guard()


@pytest.fixture(scope="module")
def port(guard: Guard) -> Iterator[int]:
    layer = Middleware(
        RequestLayer, metrics=HttpMetrics(CollectorRegistry()), html_csp="default-src 'self'"
    )
    app = Starlette(
        routes=[Route("/", seen), Route("/body", body, methods=["POST"]), Route("/slow", slow)],
        middleware=[layer],
        exception_handlers=PROBLEM_HANDLERS,
    )
    with serve(app, guard) as port:
        yield port


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


FRAMING: list[tuple[str, bytes, int, str]] = [
    # what, the bytes, the status (0: closed without a word), the reason it is counted under
    (
        "a length and chunks",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "malformed",
    ),
    (
        "chunks and a length",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        400,
        "malformed",
    ),
    (
        "two lengths",
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        400,
        "malformed",
    ),
    ("a list of lengths", POST + b"Content-Length: 1, 1\r\n\r\na", 400, "malformed"),
    ("a negative length", POST + b"Content-Length: -1\r\n\r\n", 400, "malformed"),
    ("a signed length", POST + b"Content-Length: +1\r\n\r\na", 400, "malformed"),
    ("a length in hex", POST + b"Content-Length: 0x1\r\n\r\na", 400, "malformed"),
    ("a length beyond numbers", POST + b"Content-Length: 1" + b"0" * 30 + b"\r\n\r\n", 400,
     "malformed"),
    ("an unknown coding", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501,
     "transfer_coding"),
    ("chunked twice", POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", 400,
     "malformed"),
    ("a coding that is nearly chunked", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
     501, "transfer_coding"),
    ("chunks in HTTP/1.0", b"POST /body HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     501, "transfer_coding"),
    ("a chunk size that is none", POST + b"Transfer-Encoding: chunked\r\n\r\nz\r\n", 400,
     "malformed"),
    ("an address of 100 KB", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414,
     "target_length"),
    ("a header of 1 MB", GET + HOST + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n", 431,
     "header_size"),
    ("5,000 headers", GET + HOST + b"X: a\r\n" * 5000 + b"\r\n", 431, "header_size"),
    ("an endless header", GET + HOST + b"X: " + b"a" * 600_000, 431, "header_size"),
    ("an endless trailer",
     POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * 900_000, 431, "header_size"),
    ("no Host", GET + b"\r\n", 400, "host"),
    ("two Hosts", GET + HOST + b"Host: y\r\n\r\n", 400, "host"),
    ("an empty Host", GET + b"Host:\r\n\r\n", 400, "host"),
    ("a Host with a path", GET + b"Host: x/y\r\n\r\n", 400, "host"),
    ("a Host with a user", GET + b"Host: a@x\r\n\r\n", 400, "host"),
    ("HTTP/0.9", b"GET /\r\n\r\n", 0, "http_version"),
    ("HTTP/2", b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505, "http_version"),
    ("HTTP/2, knowing", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed"),
    ("an upgrade with a body",
     POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc", 400,
     "upgrade"),
    ("HTTP/3.7", b"GET / HTTP/3.7\r\n\r\n", 400, "malformed"),
    ("an unknown method", b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 405, "method"),
    ("a tunnel", b"CONNECT x:443 HTTP/1.1\r\n" + HOST + b"\r\n", 405, "method"),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64, 400, "malformed"),
    ("a folded header", GET + HOST + b"X: a\r\n b\r\n\r\n", 400, "malformed"),
    ("a space before the colon", GET + HOST + b"X : a\r\n\r\n", 400, "malformed"),
    ("a line that ends in LF", b"GET / HTTP/1.1\nHost: x\n\n", 400, "malformed"),
    ("NUL in a header", GET + HOST + b"X: a\x00b\r\n\r\n", 400, "malformed"),
    ("an address that is not ASCII", b"GET /\xc3\xa4 HTTP/1.1\r\n" + HOST + b"\r\n", 400,
     "malformed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "status", "reason"), [case[1:] for case in FRAMING], ids=[case[0] for case in FRAMING]
)
def test_a_request_whose_frame_is_wrong_is_refused_in_words_and_the_connection_closed(
    sent: bytes, status: int, reason: str, port: int, guard: Guard
) -> None:
    before = guard.closed[reason]
    answer = exchange(port, sent)
    assert status_of(answer) == status, answer[:300]
    assert guard.closed[reason] == before + 1
    if status:
        head, _, document = answer.partition(b"\r\n\r\n")
        assert b"\r\nconnection: close" in head
        problem = json.loads(document)
        assert problem["status"] == status
        assert problem["code"]
    assert (b"\r\nallow: GET, HEAD" in answer) == (status == 405)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (GET + HOST + CLOSE + b"\r\n", 200),
        (GET + b"Host: [::1]:8000\r\n" + CLOSE + b"\r\n", 200),
        (b"\r\n\r\n" + GET + HOST + CLOSE + b"\r\n", 200),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"TRACE / HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", 405),
        (b"PROPFIND / HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", 405),
        (GET + HOST + b"X: " + b"a" * 30_000 + b"\r\n" + CLOSE + b"\r\n", 200),
        (GET + HOST + b"X: a\r\n" * 98 + CLOSE + b"\r\n", 200),
        (GET + HOST + b"X: a\r\n" * 99 + CLOSE + b"\r\n", 431),
        (b"GET /?" + b"a" * 8000 + b" HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", 200),
        (GET + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
    ],
    ids=lambda value: value[:60] if isinstance(value, bytes) else None,
)
def test_what_is_odd_but_right_is_answered(sent: bytes, status: int, port: int) -> None:
    assert status_of(exchange(port, sent)) == status


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_a_head_in_pieces_is_still_one_head(step: int, port: int) -> None:
    sent = GET + HOST + b"X-A: " + b"a" * 2000 + b"\r\n" + CLOSE + b"\r\n"
    with connection(port) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(sent), step):
            client.sendall(sent[start : start + step])
        assert status_of(read_all(client)) == 200


def test_chunks_are_counted_and_stop_at_the_limit(port: int) -> None:
    chunk = b"2710\r\n" + b"a" * 10_000 + b"\r\n"
    chunked = POST + b"Transfer-Encoding: chunked\r\n" + CLOSE + b"\r\n"
    whole = exchange(port, chunked + chunk * 10 + b"0\r\n\r\n")
    assert whole.endswith(b"100000 False")
    # Far more than any buffer: without an end to the reading this would never come back.
    assert status_of(exchange(port, chunked + chunk * 11)) == 413


def test_a_refusal_arrives_although_the_client_is_still_sending(port: int) -> None:
    """Closing on unread bytes would reset the connection, and the answer with it."""
    with connection(port) as client:
        client.sendall(POST + b"Content-Length: 9000000\r\n\r\n")
        answer = client.recv(65536)
        for _ in range(30):
            client.sendall(b"a" * 100_000)
        while piece := client.recv(65536):
            answer += piece
    assert status_of(answer) == 413
    assert b'"code":"too_large"' in answer


def test_a_client_that_goes_on_sending_what_was_refused_is_cut_off(port: int) -> None:
    with connection(port) as client:
        client.sendall(POST + b"Content-Length: 999999999\r\n\r\n")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            client.sendall(b"a" * 60_000_000)


def test_what_waits_for_a_go_ahead_is_refused_without_one(port: int) -> None:
    sent = POST + b"Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n"
    assert status_of(exchange(port, sent)) == 413
    small = POST + b"Expect: 100-continue\r\nContent-Length: 1\r\n" + CLOSE + b"\r\n"
    with connection(port) as client:
        client.sendall(small)
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"a")
        assert status_of(read_all(client)) == 200


def test_a_trailer_is_not_taken_for_a_header(port: int) -> None:
    sent = POST + b"Transfer-Encoding: chunked\r\n" + CLOSE + b"\r\n"
    answer = exchange(port, sent + b"1\r\na\r\n0\r\nX-Late: 1\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n1 False")


def test_an_upgrade_is_ignored_and_ends_the_connection(port: int) -> None:
    sent = GET + HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
    answer = exchange(port, sent + GET + HOST + b"\r\n")
    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"\r\nconnection: close\r\n" in answer


def test_requests_sent_ahead_are_answered_before_a_broken_one_ends_it(port: int) -> None:
    first = b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n"
    answer = exchange(port, first + GET + HOST + b"\r\n" + b"GET / HTTP/1.1\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 2
    assert b"at last" in answer
    assert b" 400 " not in answer


def test_requests_sent_too_far_ahead_are_not_even_heard(port: int, guard: Guard) -> None:
    ahead = b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n"
    before = guard.closed["pipelined"]
    answer = exchange(port, ahead * 1000)
    assert guard.closed["pipelined"] == before + 1
    assert answer.count(b"at last") == guard.limits.max_pipelined + 1


def test_a_connection_too_many_is_told_so_and_one_that_ends_makes_room() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        await Response("ok")(scope, receive, send)  # type: ignore[arg-type] # as ASGI passes them

    guard = Guard(Limits(max_connections=4))
    request = GET + HOST + CLOSE + b"\r\n"
    with serve(app, guard) as port:
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
        refused = exchange(port, request)
        held.pop().close()
        while status_of(exchange(port, request)) != 200:
            assert guard.closed["connections"] < 1000
        for client in held:
            client.close()
    assert status_of(refused) == 503
    assert b"\r\nretry-after: 5\r\n" in refused


def test_what_was_refused_can_be_read_from_the_metrics() -> None:
    registry = CollectorRegistry()
    guard = Guard(registry=registry)
    guard.closed["host"] += 2
    told = generate_latest(registry).decode()
    assert 'autodj_connections_refused_total{reason="host"} 2.0' in told
    assert "autodj_connections 0.0" in told


@given(st.binary(max_size=60))
@example(b"x")
@example(b"[::1]:80")
def test_no_host_that_is_let_through_could_break_a_line_or_a_path(host: bytes) -> None:
    if head_fault("1.1", b"GET", [(b"host", host)]) is None:
        assert host.isascii()
        assert not set(host) & set(b" \t\r\n/\\@?#<>\"'`{}|^\x00") - set(b"'")

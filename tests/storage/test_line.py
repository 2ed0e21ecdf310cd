"""A connection that the event loop and threads have by turns."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop

from autodj.storage.s3 import session as under_test
from autodj.storage.s3.line import Line, ready
from autodj.storage.s3.wire import Wire
from tests.storage.ways import Way, answering, request

Loop = Callable[[Coroutine[Any, Any, None]], None]


@dataclass
class Ends:
    """A line, what it heard, and the other side of it."""

    theirs: socket.socket
    heard: list[bytes] = field(default_factory=list)
    faults: list[Exception | None] = field(default_factory=list)


@pytest.fixture(params=["asyncio", "uvloop"])
def on(request: pytest.FixtureRequest) -> Loop:
    return asyncio.run if request.param == "asyncio" else uvloop.run


@contextlib.contextmanager
def opened() -> Iterator[tuple[Line, Ends]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    ends = Ends(theirs)
    line = Line(ours, heard=ends.heard.append, lost=ends.faults.append)
    try:
        yield line, ends
    finally:
        line.drop()
        theirs.close()


def test_more_than_the_network_takes_at_once_goes_out_in_order(on: Loop) -> None:
    async def go() -> None:
        with opened() as (line, ends):
            first, second = b"a" * 3_000_000, b"b" * 3_000_000
            line.write(first)
            line.write(second)
            assert not line.clear
            with pytest.raises(ConnectionError), line.lent():
                pass
            assert await asyncio.to_thread(_received, ends.theirs, 6_000_000) == first + second
            await asyncio.sleep(0.01)
            assert line.clear

    on(go())


def test_what_comes_while_it_is_lent_is_for_the_thread(on: Loop) -> None:
    async def go() -> None:
        with opened() as (line, ends):
            with line.lent() as taken:
                ends.theirs.send(b"for the thread")
                await asyncio.sleep(0.01)
                assert taken.recv(100) == b"for the thread"
            ends.theirs.send(b"for the loop")
            await asyncio.sleep(0.01)
            line.flow(False)
            ends.theirs.send(b"not yet")
            await asyncio.sleep(0.01)
            assert ends.heard == [b"for the loop"]
            line.flow(True)
            await asyncio.sleep(0.01)
            assert ends.heard == [b"for the loop", b"not yet"]

    on(go())


def test_a_line_that_is_dropped_is_closed_when_its_thread_has_let_go(on: Loop) -> None:
    async def go() -> None:
        with opened() as (line, ends):
            with line.lent() as taken:
                waiting = asyncio.create_task(asyncio.to_thread(ready, taken, select.POLLIN, 60))
                await asyncio.sleep(0.01)
                line.drop()
                assert await waiting  # its number is nobody else's before that
                assert taken.fileno() >= 0
            assert taken.fileno() < 0
            assert ends.theirs.recv(1) == b""
            assert ends.faults == []  # who drops it knows

    on(go())


def test_its_end_is_told_once(on: Loop) -> None:
    async def go() -> None:
        with opened() as (line, ends):
            ends.theirs.send(b"the last")
            ends.theirs.close()
            await asyncio.sleep(0.01)
            line.write(b"too late")
            assert (line.open, ends.heard, ends.faults) == (False, [b"the last"], [None])

    on(go())


async def test_small_messages_are_not_held_back(monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
    connected: list[bool] = []

    class Watched(Wire):
        def __init__(self, reached: socket.socket, *rest: Any) -> None:
            connected.append(bool(reached.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            super().__init__(reached, *rest)

    monkeypatch.setattr(under_test, "Wire", Watched)
    async with way.listening(answering()) as url, way.session() as asking:
        await asking.send(request("GET", url))
    assert connected == [True]


def _received(theirs: socket.socket, count: int) -> bytes:
    whole = bytearray()
    while len(whole) < count:
        whole += theirs.recv(count)
    return bytes(whole)

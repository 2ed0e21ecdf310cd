"""Bodies that threads read from the network and write to it by themselves."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from autodj.errors import IntegrityFault, ObjectNotFound
from autodj.storage.base import ByteRange
from autodj.storage.download import download
from autodj.storage.pouring import pour, seen_through
from autodj.storage.s3 import S3Storage, reading, sending, tap
from autodj.storage.s3.answers import Answer
from autodj.storage.s3.sections import Section, body_of, crc32_of, reading_at
from autodj.storage.s3.tap import ROOM_BYTES
from autodj.storage.strips import NewFile, Strip
from tests.storage.builders import KEY, patterned, put, sha256
from tests.storage.faults import answering, cutting
from tests.storage.faulty_s3 import BODY as FAULTY
from tests.storage.faulty_s3 import DATED, PATIENT, store_on
from tests.storage.ways import Server, Way, request

BODY = patterned(3 * ROOM_BYTES + 17)
HOUR_S = 3600.0
Say = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Taken:
    """A sink that remembers what it took, and in which threads."""

    body: bytearray = field(default_factory=bytearray)
    threads: set[threading.Thread] = field(default_factory=set)

    def take(self, block: bytes | memoryview) -> None:
        self.body += block
        self.threads.add(threading.current_thread())


@dataclass
class Slow(Taken):
    """A sink that takes an hour for each block, by its own clock."""

    late_s: float = 0

    def take(self, block: bytes | memoryview) -> None:
        self.late_s += HOUR_S
        super().take(block)

    def monotonic(self) -> float:
        return time.monotonic() + self.late_s


def saying(say: Say, size_bytes: int = len(BODY)) -> Server:
    """A server that announces so many bytes and then says what it says."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.head(reader)
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size_bytes}\r\n\r\n".encode())
            await say(writer)
            await writer.drain()

    server = Server(serve)
    return server


def taking(received: list[bytes]) -> Server:
    """A server that takes bodies of that length."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.head(reader)
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            received.append(await reader.readexactly(len(BODY)))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server = Server(serve)
    return server


async def at_once(writer: asyncio.StreamWriter) -> None:
    writer.write(BODY)


async def in_pieces(writer: asyncio.StreamWriter) -> None:
    for place in range(0, len(BODY), 100_001):
        await writer.drain()
        await asyncio.sleep(0.01)  # the head comes alone
        writer.write(BODY[place : place + 100_001])


async def half_of_it(writer: asyncio.StreamWriter) -> None:
    writer.write(BODY[: ROOM_BYTES + 5])
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()


async def too_much(writer: asyncio.StreamWriter) -> None:
    writer.write(BODY + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def dripping(writer: asyncio.StreamWriter) -> None:
    writer.write(BODY[:-1000])
    for byte in BODY[-1000:]:
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(bytes([byte]))


async def nothing(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        await asyncio.sleep(0.01)


@asynccontextmanager
async def answer_of(
    way: Way, server: Server, **options: Any
) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    answers: list[Any] = []
    async with way.listening(server) as url, way.session(**options) as opened:

        async def ask() -> Any:
            asked = request("GET", url)
            asked.stream_output = True
            answers.append((await opened.send(asked)).raw)
            return answers[-1]

        yield ask
        for answer in answers:
            answer.close()


@pytest.mark.parametrize("say", [at_once, in_pieces])
async def test_a_body_comes_whole_and_its_connection_is_used_again(way: Way, say: Say) -> None:
    server = saying(say)
    async with answer_of(way, server) as ask:
        for _ in range(3):
            answer, taken = await ask(), Taken()
            assert answer.pours
            await answer.pour(taken.take, 60)
            assert taken.body == BODY
            assert threading.main_thread() not in taken.threads
    assert server.connections == 1


@pytest.mark.parametrize("say", [at_once, in_pieces])
async def test_a_body_that_nobody_wants_yet_stays_with_the_network(way: Way, say: Say) -> None:
    async with answer_of(way, saying(say)) as ask:
        answer = await ask()
        await asyncio.sleep(0.05)
        taken = Taken()
        await answer.pour(taken.take, 60)
        assert taken.body == BODY
        read = await (await ask()).read()
        assert read == BODY


@pytest.mark.can_fail_on("ourselves")
async def test_what_arrived_before_the_connection_broke_is_passed_on(way: Way) -> None:
    async with answer_of(way, saying(half_of_it)) as ask:
        answer, taken = await ask(), Taken()
        with pytest.raises(ConnectionError):
            await answer.pour(taken.take, 60)
        assert taken.body == BODY[: ROOM_BYTES + 5]


@pytest.mark.can_fail_on("ourselves")
async def test_more_than_was_announced_is_not_taken_for_the_next_answer(way: Way) -> None:
    server = saying(too_much)
    async with answer_of(way, server) as ask:
        answer = await ask()
        with pytest.raises(ConnectionError, match="announced"):
            await answer.pour(Taken().take, 60)
        await ask()
    assert server.connections == 2


async def test_a_dripping_body_has_an_end(way: Way) -> None:
    async with answer_of(way, saying(dripping)) as ask:
        answer, taken = await ask(), Taken()
        with pytest.raises(TimeoutError):
            await answer.pour(taken.take, 2.0)
        assert len(BODY) - 1000 <= len(taken.body) < len(BODY)


async def test_a_silent_body_has_an_end(way: Way) -> None:
    async with answer_of(way, saying(nothing), timeout=(60, 1)) as ask:
        answer = await ask()
        with pytest.raises(TimeoutError):
            await answer.pour(Taken().take, 60)


@pytest.mark.can_fail_on("scripted")
async def test_a_slow_taker_leaves_time_for_the_rest_of_a_broken_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut = cutting("200 OK", FAULTY[:50], length=len(FAULTY), **DATED)
    rest = answering(
        "206 Partial Content", FAULTY[50:], Content_Range="bytes 50-9999/10000", **DATED
    )
    slow = Slow()
    monkeypatch.setattr(reading, "time", slow)
    patient = replace(PATIENT, body_s=HOUR_S / 2, body_bytes_per_s=10**9)
    async with (
        store_on(cut, rest, timing=patient) as (store, _server),
        store.read_sealed(KEY) as sealed,
    ):
        await sealed.pour(slow.take)
    assert slow.body == FAULTY


async def test_the_time_of_whoever_takes_the_bytes_does_not_count(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow()
    monkeypatch.setattr(tap, "time", slow)
    async with answer_of(way, saying(in_pieces)) as ask:
        answer = await ask()
        await answer.pour(slow.take, HOUR_S / 2)
    assert slow.body == BODY


@pytest.mark.can_fail_on("ourselves")
async def test_what_the_taker_refuses_is_told_and_the_connection_let_go(way: Way) -> None:
    def refuse(block: bytes | memoryview) -> None:
        del block
        raise IntegrityFault("No.")

    server = saying(at_once)
    async with answer_of(way, server) as ask:
        answer = await ask()
        with pytest.raises(IntegrityFault):
            await answer.pour(refuse, 60)
        assert await (await ask()).read() == BODY
    assert server.connections == 2


async def test_a_cancelled_body_is_touched_by_no_thread_afterwards(way: Way) -> None:
    async with answer_of(way, saying(nothing), max_pool_connections=1) as ask:
        answer, taken = await ask(), Taken()
        pouring = asyncio.create_task(answer.pour(taken.take, 60))
        await asyncio.sleep(0.05)
        pouring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pouring
        assert answer.ended
        assert await ask()  # its place is free


async def test_whoever_is_cancelled_sees_the_thread_end_first() -> None:
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(60)
        over.set()

    waiting = asyncio.create_task(seen_through(work, stop=go_on.set))
    await asyncio.to_thread(begun.wait, 60)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert (waiting.cancelled(), over.is_set()) == (True, True)


async def test_a_download_is_the_same_where_no_thread_may_read(
    real_s3: S3Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await put(real_s3, KEY, BODY)
    monkeypatch.setattr(Answer, "pours", False)
    await download(real_s3, KEY, tmp_path / "x", sha256=sha256(BODY), size_bytes=len(BODY))
    assert (tmp_path / "x").read_bytes() == BODY


@given(st.lists(st.binary(max_size=50), max_size=9))
async def test_blocks_are_handed_over_in_order(blocks: list[bytes]) -> None:
    async def coming() -> AsyncIterator[bytes]:
        for block in blocks:
            yield block

    taken = Taken()
    await pour(coming(), taken.take)
    assert taken.body == b"".join(blocks)


@pytest.mark.can_fail_on("ourselves")
async def test_a_strip_takes_no_more_than_belongs_into_it(tmp_path: Path) -> None:
    file = NewFile(tmp_path / "x", 10)
    strip = Strip(file, ByteRange(2, 6))
    strip.take(b"abc")
    full = [strip.full]
    with pytest.raises(IntegrityFault):
        strip.take(b"de")
    strip.take(b"d")
    assert [*full, strip.full] == [False, True]
    file.close()
    assert (tmp_path / "x").read_bytes() == b"\0\0abcd\0\0\0\0"


@given(st.binary(min_size=1, max_size=60), st.integers(1, 70))
def test_a_body_with_a_note_is_given_out_as_often_as_it_is_wanted(body: bytes, each: int) -> None:
    section = Section(reading_at(io.BytesIO(body)), ByteRange(0, len(body)), crc32=crc32(body))
    for _ in range(2):
        section.seek(0)
        assert b"".join(iter(lambda: section.read(each), b"")) == body


@pytest.mark.can_fail_on("ourselves")
@given(st.binary(min_size=1, max_size=60), st.integers(1, 70))
def test_a_body_with_a_wrong_note_is_never_given_out_whole(body: bytes, each: int) -> None:
    section = Section(reading_at(io.BytesIO(body)), ByteRange(0, len(body)), crc32=crc32(body) ^ 1)
    for _ in range(0, len(body) - each, each):
        assert section.read(each)
    with pytest.raises(IntegrityFault):
        section.read(each)


@pytest.mark.can_fail_on("ourselves")
async def test_a_file_that_changes_while_it_is_sent_is_not_stored(
    real_s3: S3Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "x"
    source.write_bytes(BODY)

    def changing(*given: Any) -> int:
        crc = crc32_of(*given)
        source.write_bytes(BODY[:-1] + b"?")
        return crc

    monkeypatch.setattr(sending, "crc32_of", changing)
    with pytest.raises(IntegrityFault):
        await real_s3.put(KEY, source, sha256=sha256(BODY), content_type="a/b")
    with pytest.raises(ObjectNotFound):
        await real_s3.stat(KEY)


async def test_a_body_is_sent_from_its_beginning(way: Way) -> None:
    received: list[bytes] = []
    server = taking(received)
    body = body_of(reading_at(io.BytesIO(BODY)), ByteRange(0, len(BODY)))
    async with way.listening(server) as url, way.session() as opened:
        for _ in range(2):
            sent = await opened.send(request("PUT", url, body, Expect="100-continue"))
            assert sent.status_code == 200
    assert received == [BODY, BODY]
    assert server.connections == 1


async def test_a_body_that_a_server_stops_taking_goes_no_further_when_it_is_cancelled(
    way: Way,
) -> None:
    asked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.head(reader)
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        asked.set()
        await over.wait()

    over = asyncio.Event()
    server = Server(serve)
    filled: set[threading.Thread] = set()

    def fill(room: memoryview, place: int) -> int:
        del place
        filled.add(threading.current_thread())
        return len(room)

    async with way.listening(server) as url, way.session(max_pool_connections=1) as opened:
        for _ in range(2):
            body = body_of(fill, ByteRange(0, 400_000_000))
            sending = asyncio.create_task(
                opened.send(request("PUT", url, body, Expect="100-continue"))
            )
            await asked.wait()
            await asyncio.sleep(0.05)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            asked.clear()
        over.set()
    assert filled
    assert threading.main_thread() not in filled


def test_the_web_servers_event_loop_does_as_well(way: Way) -> None:
    async def go() -> None:
        await test_a_body_comes_whole_and_its_connection_is_used_again(way, in_pieces)
        await test_what_arrived_before_the_connection_broke_is_passed_on(way)
        await test_more_than_was_announced_is_not_taken_for_the_next_answer(way)
        await test_a_dripping_body_has_an_end(way)
        await test_a_cancelled_body_is_touched_by_no_thread_afterwards(way)
        await test_a_body_is_sent_from_its_beginning(way)
        await test_a_body_that_a_server_stops_taking_goes_no_further_when_it_is_cancelled(way)

    uvloop.run(go())

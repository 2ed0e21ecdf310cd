"""Answers as bytes: whole in whatever pieces they come, and never whole when they are not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from autodj.storage.s3.answers import MAX_HEAD_BYTES, MAX_WAITING_BYTES, Answer

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
WHOLE = [
    ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: a\r\n\r\nabcde", 200, b"abcde", True),
    ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
    ("GET", b"HTTP/1.1 206 P\r\ncontent-length: 1\r\nConnection: close\r\n\r\nx", 206, b"x", False),
    (
        "POST",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
        200,
        b"abcde",
        True,
    ),
    ("PUT", CONTINUE + b"HTTP/1.1 412 No\r\nContent-Length: 1\r\n\r\n!", 412, b"!", True),
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n", 200, b"", True),
    ("DELETE", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    ("GET", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", 200, b"ab", False),
]  # fmt: skip

WRONG = [
    b"\x16\x03\x01 this is no HTTP\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    b"HTTP/1.1 101 Other\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nA: " + b"a" * MAX_HEAD_BYTES,
]


@dataclass
class Heard:
    """An answer, and what it told its connection."""

    method: str = "GET"
    ends: list[bool] = field(default_factory=list)
    flows: list[bool] = field(default_factory=list)

    def answer(self, silence_s: float = 5) -> Answer:
        return Answer(self.method, silence_s, flow=self.flows.append, over=self.ends.append)


async def whole(answer: Answer) -> bytes:
    await answer.head()
    return await answer.read()


@pytest.mark.parametrize(("method", "said", "status", "body", "keeps"), WHOLE)
async def test_an_answer_is_the_same_however_it_is_cut(
    method: str, said: bytes, status: int, body: bytes, keeps: bool
) -> None:
    for cut in range(1, len(said) + 1):
        heard = Heard(method)
        answer = heard.answer()
        for piece in (said[:cut], said[cut:]):
            if piece:
                answer.feed(piece)

        await answer.head()
        assert (answer.status, await answer.read()) == (status, body)
        assert heard.ends == [keeps]


@pytest.mark.parametrize(("method", "said", "status", "body", "keeps"), WHOLE)
async def test_an_answer_that_breaks_off_is_a_fault(
    method: str, said: bytes, status: int, body: bytes, keeps: bool
) -> None:
    del status, body, keeps
    for cut in range(len(said)):
        heard = Heard(method)
        answer = heard.answer()
        answer.feed(said[:cut])
        answer.lost(None)

        with pytest.raises(ConnectionError):
            await whole(answer)
        assert heard.ends == [False]


@pytest.mark.parametrize("said", WRONG)
async def test_what_is_no_answer_is_a_fault(said: bytes) -> None:
    heard = Heard()
    answer = heard.answer()
    answer.feed(said)

    with pytest.raises(ConnectionError):
        await answer.head()
    assert heard.ends == [False]


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"),
        ("GET", b"HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
async def test_a_connection_that_says_too_much_is_not_used_again(method: str, said: bytes) -> None:
    heard = Heard(method)
    answer = heard.answer()
    answer.feed(said)

    assert answer.status in {200, 204}
    assert len(await answer.read()) <= 2
    assert heard.ends == [False]


async def test_more_of_a_body_than_was_announced_is_a_fault() -> None:
    heard = Heard()
    answer = heard.answer()
    answer.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    answer.feed(b"cde")

    with pytest.raises(ConnectionError):
        await answer.read()


async def test_a_body_without_length_ends_with_its_connection_and_not_by_a_reset() -> None:
    for error in (None, ConnectionResetError("reset")):
        answer = Heard().answer()
        answer.feed(b"HTTP/1.1 200 OK\r\n\r\nabc")
        answer.lost(error)
        if error is None:
            assert await answer.read() == b"abc"
        else:
            with pytest.raises(ConnectionError):
                await answer.read()


async def test_what_nobody_takes_stays_with_the_network() -> None:
    heard = Heard()
    answer = heard.answer()
    size_bytes = 3 * MAX_WAITING_BYTES
    answer.feed(f"HTTP/1.1 200 OK\r\nContent-Length: {size_bytes}\r\n\r\n".encode())
    answer.feed(bytes(MAX_WAITING_BYTES - 1))
    assert heard.flows == []

    answer.feed(b"x")
    assert heard.flows == [False]

    assert len(b"".join(await answer.blocks())) == MAX_WAITING_BYTES
    assert heard.flows == [False, True]


async def test_a_connection_is_handed_on_reading_again() -> None:
    heard = Heard()
    answer = heard.answer()
    answer.feed(f"HTTP/1.1 200 OK\r\nContent-Length: {MAX_WAITING_BYTES + 1}\r\n\r\n".encode())
    answer.feed(bytes(MAX_WAITING_BYTES))
    answer.feed(b"x")

    assert (heard.flows, heard.ends) == ([False, True], [True])


async def test_silence_has_an_end() -> None:
    answer = Heard().answer(silence_s=0.01)
    with pytest.raises(TimeoutError):
        await answer.head()

    answer.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    assert await answer.blocks() == [b"ab"]
    with pytest.raises(TimeoutError):
        await answer.blocks()


@pytest.mark.parametrize("cancelled", [True, False])
async def test_a_body_that_is_wanted_whole_and_does_not_come_frees_its_connection(
    *, cancelled: bool
) -> None:
    heard = Heard()
    answer = heard.answer(silence_s=60 if cancelled else 0.01)
    answer.feed(b"HTTP/1.1 503 Slow\r\nContent-Length: 4\r\n\r\nab")
    reading = asyncio.create_task(answer.read())
    await asyncio.sleep(0)
    if cancelled:
        reading.cancel()

    with pytest.raises(asyncio.CancelledError if cancelled else TimeoutError):
        await reading
    assert heard.ends == [False]


async def test_the_body_may_go_when_the_server_wants_it_or_has_its_last_word() -> None:
    wanted = Heard("PUT").answer()
    wanted.feed(CONTINUE)
    assert wanted.may_send.is_set()
    assert not wanted.headed

    refused = Heard("PUT").answer()
    waiting = asyncio.create_task(refused.may_send.wait())
    await asyncio.sleep(0)
    assert not refused.may_send.is_set()
    refused.feed(b"HTTP/1.1 412 No\r\nContent-Length: 0\r\n\r\n")
    assert await waiting
    assert refused.headed

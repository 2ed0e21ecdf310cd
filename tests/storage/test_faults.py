"""Every way an S3 server can fail becomes one of our errors, in bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from autodj.errors import (
    AutodjError,
    BucketMissing,
    IntegrityFault,
    ObjectArchived,
    ObjectNotFound,
    StoreCredentials,
    StoreDenied,
    StoreError,
    StoreFaulty,
    StoreThrottled,
    StoreTimeout,
    StoreUnreachable,
)
from autodj.storage.base import ByteRange
from autodj.storage.s3 import S3Config, S3Storage, open_s3
from tests.storage.builders import KEY, keys, put, read
from tests.storage.clock import Clock
from tests.storage.faults import (
    Answer,
    Exchange,
    FaultServer,
    answering,
    babbling,
    cutting,
    dripping,
    failing,
    hanging,
    resetting,
    served,
)
from tests.storage.faulty_s3 import BODY, CHECKSUM, DATED, HASTY, ONCE, PATIENT, store_on

OPERATIONS: dict[str, Callable[[S3Storage], Awaitable[object]]] = {
    "stat": lambda store: store.stat(KEY),
    "read": lambda store: read(store, KEY),
    "range": lambda store: read(store, KEY, ByteRange(0, 10)),
    "put": lambda store: put(store, KEY, BODY),
    "big put": lambda store: put(store, KEY, BODY * 200),
    "delete": lambda store: store.delete(KEY),
    "list": keys,
    "probe": lambda store: store.probe(),
}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (hanging, StoreTimeout),
        (resetting, StoreUnreachable),
        (babbling, StoreUnreachable),
        (failing("500 Internal Server Error", "InternalError"), StoreFaulty),
        (failing("502 Bad Gateway", "SomethingNew"), StoreFaulty),
        (failing("503 Slow Down", "SlowDown"), StoreThrottled),
        (failing("403 Forbidden", "AccessDenied"), StoreDenied),
        (failing("418 I'm a teapot", "Teapot"), StoreError),
    ],
)
@pytest.mark.can_fail_on("scripted")
async def test_each_fault_of_the_server_has_its_error(
    answer: Answer, expected: type[AutodjError]
) -> None:
    timing = HASTY if expected is StoreTimeout else ONCE
    async with store_on(answer, timing=timing) as (store, _server):
        for name, operation in OPERATIONS.items():
            with pytest.raises(StoreError) as caught:
                await operation(store)
            assert type(caught.value) is expected, name
            assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("404 Not Found", "NoSuchKey", ObjectNotFound),
        ("404 Not Found", "NoSuchBucket", BucketMissing),
        ("403 Forbidden", "InvalidObjectState", ObjectArchived),
        ("403 Forbidden", "InvalidAccessKeyId", StoreCredentials),
        ("403 Forbidden", "SignatureDoesNotMatch", StoreCredentials),
        ("403 Forbidden", "RequestTimeTooSkewed", StoreCredentials),
        ("400 Bad Request", "ExpiredToken", StoreCredentials),
        ("400 Bad Request", "RequestTimeout", StoreTimeout),
    ],
)
@pytest.mark.can_fail_on("scripted")
async def test_each_code_of_s3_has_its_error(
    status: str, code: str, expected: type[AutodjError]
) -> None:
    async with store_on(failing(status, code)) as (store, _server):
        with pytest.raises(expected):
            await read(store, KEY)


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    async with served(FaultServer(hanging)) as endpoint:
        pass
    for url, why in (
        (endpoint, "nobody listens there"),
        ("http://nowhere.invalid", "its name is not known"),
    ):
        config = S3Config("bucket", "us-east-1", url, "", "k", "s", timing=ONCE, path_style=True)
        async with open_s3(config) as store:
            with pytest.raises(StoreUnreachable, match=why):
                await store.probe()


@pytest.mark.parametrize("byte_range", [None, ByteRange(0, 10**6)])
async def test_a_dripping_body_ends_at_the_deadline(byte_range: ByteRange | None) -> None:
    drip = dripping("200 OK", length=10**6, Content_Range="bytes 0-999999/1000000", **DATED)
    async with store_on(drip, timing=HASTY) as (store, _server):
        with pytest.raises(StoreTimeout):
            await read(store, KEY, byte_range)


async def test_a_slow_consumer_does_not_use_up_the_deadline(clock: Clock) -> None:
    waited = asyncio.Event()

    async def in_two(exchange: Exchange) -> None:
        await answering("200 OK", BODY[:4000], length=len(BODY), **DATED)(exchange)
        await waited.wait()
        exchange.writer.write(BODY[4000:])

    async with store_on(in_two) as (store, _server), store.read(KEY) as blocks:
        assert await anext(aiter(blocks)) == BODY[:4000]
        clock.leap(10 * ONCE.body_deadline_s(len(BODY)))
        waited.set()
        assert b"".join([block async for block in blocks]) == BODY[4000:]


@pytest.mark.parametrize(("sharing", "ends"), [(3, "whole"), (5, "late")])
async def test_a_range_may_take_as_long_as_those_that_share_its_line(
    clock: Clock, sharing: int, ends: str
) -> None:
    timing = replace(ONCE, read_s=10**6, body_bytes_per_s=10)
    length = len(BODY) // 2
    leapt = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        ranged = {"Content_Range": f"bytes 0-{length - 1}/{len(BODY)}", **DATED}
        await answering("206 Partial Content", BODY[:2000], length=length, **ranged)(exchange)
        await leapt.wait()
        exchange.writer.write(BODY[2000:length])

    async with (
        store_on(slow, timing=timing) as (store, _server),
        store.read(KEY, ByteRange(0, length)) as blocks,
    ):
        coming = aiter(blocks)
        arrived = 0
        while arrived < 2000:
            arrived += len(await anext(coming))
        rest = asyncio.ensure_future(_all_of(coming))
        await asyncio.sleep(0)
        clock.leap(sharing * length / timing.body_bytes_per_s)
        leapt.set()
        if ends == "whole":
            assert await rest == BODY[2000:length]
        else:
            with pytest.raises(StoreTimeout):
                await rest


async def _all_of(blocks: AsyncIterator[bytes]) -> bytes:
    return b"".join([block async for block in blocks])


async def test_a_body_cut_short_is_taken_up_where_it_broke() -> None:
    rest = answering(
        "206 Partial Content", BODY[4000:], Content_Range="bytes 4000-9999/10000", **DATED
    )
    cut = cutting("200 OK", BODY[:4000], length=10_000, x_amz_checksum_sha256=CHECKSUM, **DATED)
    async with store_on(cut, rest, timing=PATIENT) as (store, server):
        assert await read(store, KEY) == BODY

    assert server.requests[1].headers["range"] == "bytes=4000-9999"
    assert server.requests[1].headers["if-match"] == '"e"'


async def test_a_body_cut_short_every_time_is_unreachable() -> None:
    cut = cutting("200 OK", b"", length=10_000, Content_Range="bytes 0-9999/10000", **DATED)
    async with store_on(cut, timing=PATIENT) as (store, server):
        with pytest.raises(StoreUnreachable):
            await read(store, KEY)

    assert len(server.requests) == PATIENT.attempts


FLIPPED = BODY[:77] + b"?" + BODY[78:]
FIRST_TEN = "bytes 0-9/10000"


@pytest.mark.parametrize(
    ("answers", "byte_range", "expected"),
    [
        ([answering("200 OK", FLIPPED, x_amz_checksum_sha256=CHECKSUM, **DATED)], None,
         IntegrityFault),
        ([answering("200 OK", BODY, **DATED)], ByteRange(0, 10), IntegrityFault),
        ([answering("206 Partial Content", BODY[:9], Content_Range=FIRST_TEN, **DATED)],
         ByteRange(0, 10), IntegrityFault),
        ([answering("206 Partial Content", BODY[:10], Content_Range="bytes 10-19/10000", **DATED)],
         ByteRange(0, 10), IntegrityFault),
        ([answering("206 Partial Content", BODY[:10], Content_Range="nonsense", **DATED)],
         ByteRange(0, 10), IntegrityFault),
        ([cutting("200 OK", BODY[:4000], length=10_000, **DATED),
          failing("412 Precondition Failed", "PreconditionFailed")], None, IntegrityFault),
    ],
)  # fmt: skip
@pytest.mark.can_fail_on("scripted")
async def test_bytes_that_cannot_be_right_are_an_integrity_fault(
    answers: list[Answer], byte_range: ByteRange | None, expected: type[AutodjError]
) -> None:
    async with store_on(*answers, timing=PATIENT) as (store, _server):
        with pytest.raises(expected):
            await read(store, KEY, byte_range)

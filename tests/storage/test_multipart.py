"""Large objects on the real server, which checks what it is told."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from autodj.errors import (
    AutodjError,
    IntegrityFault,
    InvalidRequest,
    ObjectExists,
    ObjectNotFound,
    StoreCredentials,
    StoreError,
    StoreTimeout,
    StoreUnreachable,
)
from autodj.storage.s3 import (
    S3Config,
    S3Storage,
    S3Timing,
    S3Transfers,
    copying,
    multipart,
    open_s3,
    sending,
)
from autodj.storage.s3.faults import store_errors
from bench.faults.proxy import Cut, Exchange, FaultProxy, Message, open_proxy
from tests.storage.builders import patterned, put, read, sha256

MIB = 1024**2
PARTS = S3Transfers(part_bytes=5 * MIB, parallel_parts=2)
BODY = patterned(10 * MIB + 12345)  # three parts
DIGEST = sha256(BODY)
KEY = f"tracks/0b0e7a52-1111-4222-8333-444455556666/1-{DIGEST}.wav"
ONCE = S3Timing(connect_s=60, read_s=60, attempts=1, retry_delay_s=0.01)
TWICE = dataclasses.replace(ONCE, attempts=2)


@asynccontextmanager
async def behind(
    config: S3Config, timing: S3Timing = ONCE, transfers: S3Transfers = PARTS
) -> AsyncIterator[tuple[S3Storage, FaultProxy]]:
    assert config.endpoint_url is not None
    async with open_proxy(config.endpoint_url) as (proxy, url):
        through = dataclasses.replace(config, endpoint_url=url, transfers=transfers, timing=timing)
        async with open_s3(through) as store:
            yield store, proxy


async def unfinished(store: S3Storage) -> list[Any]:
    found = await store._client.list_multipart_uploads(
        Bucket=store._config.bucket, Prefix=store._config.key_prefix
    )
    return [*found.get("Uploads", ())]


def counting_parts(proxy: FaultProxy) -> list[int]:
    """The numbers of the parts that are sent from now on."""
    sent: list[int] = []

    async def pass_on(exchange: Exchange) -> None:
        target = exchange.request.target
        if exchange.request.method == "PUT" and "partNumber=" in target:
            sent.append(int(target.partition("partNumber=")[2].partition("&")[0]))
        await exchange.reply(await exchange.pass_on())

    proxy.plan(pass_on, lambda _: True)
    return sent


@pytest.mark.parametrize("as_file", [True, False])
async def test_a_large_object_goes_in_parts_and_its_hash_is_vouched_for(
    real_s3: S3Storage, tmp_path: Path, as_file: bool
) -> None:
    source = tmp_path / "big"
    source.write_bytes(BODY)
    told: list[int] = []
    stored = await real_s3.put(
        KEY,
        source if as_file else BODY,
        sha256=DIGEST,
        content_type="audio/wav",
        progress=told.append,
    )

    assert stored.etag is not None
    assert stored.etag.endswith('-2"')
    assert (stored.sha256, stored.size_bytes) == (DIGEST, len(BODY))
    assert (stored.content_type, stored.described.metadata) == ("audio/wav", {})
    assert told == sorted(told)
    assert told[-1] == len(BODY)
    assert await read(real_s3, KEY) == BODY
    assert await unfinished(real_s3) == []


@pytest.mark.parametrize(("size", "in_parts"), [(5 * MIB - 1, False), (5 * MIB, True)])
async def test_the_threshold_decides_whether_there_are_parts(
    real_s3: S3Storage, size: int, in_parts: bool
) -> None:
    stored = await put(real_s3, "tracks/edge", BODY[:size])

    assert stored.etag is not None
    assert ("-" in stored.etag) is in_parts
    assert stored.sha256 == sha256(BODY[:size])


@pytest.mark.can_fail_on("real_s3")
async def test_a_list_of_the_parts_that_is_spoilt_on_its_way_is_told_as_such(
    real_s3: S3Storage,
) -> None:
    async def spoil_the_list(exchange: Exchange) -> None:
        asked = exchange.request
        if asked.method == "POST" and "uploadId=" in asked.target:
            asked = dataclasses.replace(asked, body=asked.body[:-1] + b"?")
        await exchange.reply(await exchange.forward(asked))

    async with behind(real_s3._config) as (store, proxy):
        proxy.plan(spoil_the_list, lambda _: True)
        with pytest.raises(IntegrityFault, match="CompleteMultipartUpload"):
            await put(store, KEY, BODY)

    with pytest.raises(ObjectNotFound):
        await real_s3.stat(KEY)
    assert await unfinished(real_s3) == []


async def test_where_no_parts_are_wanted_all_goes_in_one_piece(real_s3: S3Storage) -> None:
    whole = dataclasses.replace(real_s3._config, transfers=S3Transfers(multipart_bytes=5 * 1024**3))
    async with open_s3(whole) as store:
        stored = await put(store, KEY, BODY)
        await store.verify(KEY, sha256=DIGEST, size_bytes=len(BODY))

    assert stored.etag is not None
    assert "-" not in stored.etag
    assert await read(real_s3, KEY) == BODY


LACKING = b"<Error><Code>NotImplemented</Code><Message>Header not implemented</Message></Error>"


@pytest.mark.parametrize("refused", ["POST /{}?uploads ", "POST /{}?uploadId="])
@pytest.mark.parametrize("does", ["put", "replace"])
async def test_what_is_refused_in_parts_goes_in_one_piece(
    real_s3: S3Storage, refused: str, does: str
) -> None:
    name = f"{real_s3._config.bucket}/{real_s3._config.object_name(KEY)}"
    heard: list[int] = []

    async def without_parts(exchange: Exchange) -> None:
        if exchange.request.first.startswith(refused.format(name)):
            length = ("Content-Length", str(len(LACKING)))
            await exchange.reply(Message("HTTP/1.1 501 x", (length,), LACKING))
        else:
            await exchange.reply(await exchange.pass_on())

    async with behind(real_s3._config) as (store, proxy):
        proxy.plan(without_parts, lambda _: True)
        if does == "put":
            await store.put(
                KEY, BODY, sha256=DIGEST, content_type="audio/wav", progress=heard.append
            )
        else:
            await store.replace(KEY, BODY, sha256=DIGEST, content_type="audio/wav")

    stored = await real_s3.verify(KEY, sha256=DIGEST, size_bytes=len(BODY))
    assert stored.etag is not None
    assert "-" not in stored.etag
    assert heard == sorted(heard)
    assert heard[-1:] == ([len(BODY)] if does == "put" else [])
    assert await unfinished(real_s3) == []


async def test_what_is_too_large_for_one_piece_is_refused_with_the_reason(
    real_s3: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LARGEST_PIECE_BYTES", len(BODY) - 1)

    async def without_parts(exchange: Exchange) -> None:
        length = ("Content-Length", str(len(LACKING)))
        await exchange.reply(Message("HTTP/1.1 501 x", (length,), LACKING))

    async with behind(real_s3._config) as (store, proxy):
        proxy.plan(without_parts, lambda _: True)
        with pytest.raises(StoreError, match="NotImplemented"):
            await put(store, KEY, BODY)
        assert proxy.count == 1


@pytest.mark.usefixtures("real_s3")
async def test_a_part_may_take_as_long_as_all_that_share_its_line(
    real_config: S3Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadlines_s: dict[str, float] = {}

    def noted(doing: str, deadline_s: float) -> AbstractAsyncContextManager[None]:
        deadlines_s[doing.partition(" of ")[0]] = deadline_s
        return store_errors(doing, deadline_s)

    monkeypatch.setattr(multipart, "store_errors", noted)
    async with behind(real_config) as (store, _):
        await put(store, KEY, BODY)
    both_s = ONCE.body_s + 2 * 5 * MIB / ONCE.body_bytes_per_s
    assert {deadlines_s[f"UploadPart {number}"] >= both_s for number in (1, 2)} == {True}


@pytest.mark.can_fail_on("real_s3")
async def test_verifying_a_large_object_reads_nothing_back(
    real_s3: S3Storage, real_config: S3Config
) -> None:
    await put(real_s3, KEY, BODY)
    async with behind(real_config) as (store, proxy):
        await store.verify(KEY, sha256=DIGEST, size_bytes=len(BODY))
        assert proxy.count == 1
        with pytest.raises(IntegrityFault):
            await store.verify(KEY, sha256="00" * 32, size_bytes=len(BODY))


@pytest.mark.can_fail_on("real_s3")
async def test_other_bytes_than_promised_are_never_put_together(real_s3: S3Storage) -> None:
    with pytest.raises(IntegrityFault):
        await real_s3.put(KEY, BODY, sha256="00" * 32, content_type="a/b")

    for no_hash in (DIGEST.upper(), "zz", ""):
        for body in (BODY, b"x"):
            with pytest.raises(InvalidRequest):
                await real_s3.put(KEY, body, sha256=no_hash, content_type="a/b")

    with pytest.raises(ObjectNotFound):
        await real_s3.stat(KEY)
    assert await unfinished(real_s3) == []


@pytest.mark.can_fail_on("real_s3")
async def test_a_part_changed_on_its_way_is_refused_by_the_server(
    real_s3: S3Storage, real_config: S3Config
) -> None:
    async def flip(exchange: Exchange) -> None:
        body = exchange.request.body
        changed = dataclasses.replace(exchange.request, body=body[:-1] + b"?")
        large = len(body) > MIB
        await exchange.reply(await exchange.forward(changed if large else exchange.request))

    async with behind(real_config) as (store, proxy):
        proxy.plan(flip, lambda _: True)
        with pytest.raises(IntegrityFault):
            await put(store, KEY, BODY)

    with pytest.raises(ObjectNotFound):
        await real_s3.stat(KEY)
    assert await unfinished(real_s3) == []


async def test_a_key_that_is_taken_is_not_sent_to(
    real_s3: S3Storage, real_config: S3Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "RESUMABLE_BYTES", 0)
    await put(real_s3, KEY, BODY)
    async with behind(real_config) as (store, proxy):
        sent = counting_parts(proxy)
        assert (await put(store, KEY, BODY)).sha256 == DIGEST
        with pytest.raises(ObjectExists):
            await put(store, KEY, BODY[::-1])

    assert sent == []
    assert await read(real_s3, KEY) == BODY


async def test_below_that_size_a_taken_key_is_found_at_the_end(real_s3: S3Storage) -> None:
    await put(real_s3, KEY, BODY)
    assert (await put(real_s3, KEY, BODY)).sha256 == DIGEST
    with pytest.raises(ObjectExists):
        await put(real_s3, KEY, BODY[::-1])
    assert await unfinished(real_s3) == []
    assert await read(real_s3, KEY) == BODY


EXPIRED = b"<Error><Code>ExpiredToken</Code></Error>"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, StoreUnreachable),
        (
            Message("HTTP/1.1 400 Bad Request", (("Content-Length", str(len(EXPIRED))),), EXPIRED),
            StoreCredentials,
        ),
    ],
    ids=["the connection", "the keys"],
)
@pytest.mark.can_fail_on("real_s3")
async def test_an_upload_that_broke_off_is_taken_up_with_the_parts_that_are_there(
    real_s3: S3Storage,
    real_config: S3Config,
    monkeypatch: pytest.MonkeyPatch,
    answer: Message | None,
    expected: type[AutodjError],
) -> None:
    monkeypatch.setattr(multipart, "RESUMABLE_BYTES", 0)

    others = asyncio.Event()

    def arrived(count: int) -> None:
        if count == 2 * PARTS.part_bytes:
            others.set()

    async def break_the_last_part(exchange: Exchange) -> None:
        if "partNumber=3" in exchange.request.target:
            await others.wait()
            if answer is None:
                raise Cut
            await exchange.reply(answer)
            return
        await exchange.reply(await exchange.pass_on())

    async with behind(real_config) as (store, proxy):
        proxy.plan(break_the_last_part, lambda _: True)
        with pytest.raises(expected):
            await store.put(KEY, BODY, sha256=DIGEST, content_type="audio/wav", progress=arrived)
        assert len(await unfinished(real_s3)) == 1
        sent = counting_parts(proxy)
        assert (await put(store, KEY, BODY)).sha256 == DIGEST

    assert sent == [3]
    assert await read(real_s3, KEY) == BODY
    assert await unfinished(real_s3) == []


@pytest.fixture
def deadlines(monkeypatch: pytest.MonkeyPatch) -> dict[str, asyncio.Timeout]:
    """Those of uploads and of their parts, which are over only when they are struck."""
    found: dict[str, asyncio.Timeout] = {}

    @asynccontextmanager
    async def until_struck(doing: str, _within_s: float) -> AsyncIterator[None]:
        async with store_errors(doing, None), asyncio.timeout(None) as limit:
            found[doing.removesuffix(KEY)] = limit
            yield

    monkeypatch.setattr(multipart, "store_errors", until_struck)
    return found


@pytest.mark.parametrize("late", ["upload ", "UploadPart 2 of "])
async def test_an_upload_that_ran_out_of_time_goes_on_with_one_part_at_a_time(
    real_s3: S3Storage,
    real_config: S3Config,
    monkeypatch: pytest.MonkeyPatch,
    deadlines: dict[str, asyncio.Timeout],
    late: str,
) -> None:
    monkeypatch.setattr(multipart, "RESUMABLE_BYTES", 0)
    second, over = asyncio.Event(), asyncio.Event()
    at_once: list[int] = []

    def arrived(_count: int) -> None:
        deadlines[late].reschedule(asyncio.get_running_loop().time())

    async def only_the_first(exchange: Exchange) -> None:
        if "partNumber=1" in exchange.request.target:
            await second.wait()
        elif "partNumber=" in exchange.request.target:
            second.set()
            await over.wait()
            raise Cut
        await exchange.reply(await exchange.pass_on())

    async def counted(exchange: Exchange) -> None:
        under_way.add(exchange.request.target)
        if "partNumber=" in exchange.request.target:
            at_once.append(len(under_way))
            await asyncio.sleep(0.05)  # one beside it would come meanwhile
        answer = await exchange.pass_on()
        under_way.remove(exchange.request.target)
        await exchange.reply(answer)

    under_way: set[str] = set()
    async with behind(real_config) as (store, proxy):
        proxy.plan(only_the_first, lambda _: True)
        with pytest.raises(StoreTimeout):
            await store.put(KEY, BODY, sha256=DIGEST, content_type="audio/wav", progress=arrived)
        over.set()
        assert len(await unfinished(real_s3)) == 1
        proxy.plan(counted, lambda _: True)
        assert (await put(store, KEY, BODY)).sha256 == DIGEST

    assert at_once == [1, 1]
    assert await read(real_s3, KEY) == BODY
    assert await unfinished(real_s3) == []


@pytest.mark.usefixtures("real_s3")
@pytest.mark.parametrize(("well_in_time", "expected"), [(0.5, [1, 1, 2]), (0.0, [1, 1, 1])])
async def test_an_upload_that_is_taken_up_widens_on_a_quick_line(
    real_config: S3Config,
    monkeypatch: pytest.MonkeyPatch,
    well_in_time: float,
    expected: list[int],
) -> None:
    monkeypatch.setattr(multipart, "RESUMABLE_BYTES", 0)
    monkeypatch.setattr(multipart, "WELL_IN_TIME", well_in_time)
    under_way: set[str] = set()
    at_once: list[int] = []
    last = asyncio.Event()

    async def cut(exchange: Exchange) -> None:
        if "partNumber=" in exchange.request.target:
            raise Cut
        await exchange.reply(await exchange.pass_on())

    async def counted(exchange: Exchange) -> None:
        target = exchange.request.target
        if "partNumber=" in target:
            under_way.add(target)
            at_once.append(len(under_way))
            if at_once == expected:
                last.set()
            # One beside it would come meanwhile, and where one should, it is waited for.
            await (last.wait() if at_once == [1, 1] != expected[1:] else asyncio.sleep(0.05))
        answer = await exchange.pass_on()
        under_way.discard(target)
        await exchange.reply(answer)

    one_by_one = dataclasses.replace(PARTS, parallel_parts=1)
    async with behind(real_config, transfers=one_by_one) as (store, proxy):
        proxy.plan(cut, lambda _: True)
        with pytest.raises(StoreUnreachable):
            await put(store, KEY, BODY)
    async with behind(real_config) as (store, proxy):
        proxy.plan(counted, lambda _: True)
        assert (await put(store, KEY, BODY)).sha256 == DIGEST

    assert at_once == expected


async def test_parts_of_other_bytes_are_sent_again(
    real_s3: S3Storage, real_config: S3Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "RESUMABLE_BYTES", 0)
    named: dict[str, Any] = real_s3._bucket.named(KEY)
    begun = await real_s3._client.create_multipart_upload(
        **named, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT",
        Metadata={"autodj-sha256": DIGEST},
    )  # fmt: skip
    await real_s3._client.upload_part(
        **named, UploadId=begun["UploadId"], PartNumber=1, Body=BODY[::-1][: 5 * MIB]
    )
    async with behind(real_config) as (store, proxy):
        sent = counting_parts(proxy)
        await put(store, KEY, BODY)

    assert sorted(sent) == [1, 2, 3]
    assert await read(real_s3, KEY) == BODY


async def test_an_upload_whose_last_answer_is_lost_is_found_to_be_done(
    real_s3: S3Storage, real_config: S3Config
) -> None:
    lost: list[str] = []
    parts: list[str] = []

    async def lose_the_answer(exchange: Exchange) -> None:
        answer = await exchange.pass_on()
        target = exchange.request.target
        if "partNumber=" in target:
            parts.append(target)
        if exchange.request.method == "POST" and "uploadId=" in target and not lost:
            lost.append(target)
            raise Cut
        await exchange.reply(answer)

    async with behind(real_config, TWICE) as (store, proxy):
        proxy.plan(lose_the_answer, lambda _: True)
        assert (await put(store, KEY, BODY)).sha256 == DIGEST
    assert len(lost) == 1
    assert len(parts) == 3
    assert await read(real_s3, KEY) == BODY


async def test_a_copy_in_parts_whose_last_answer_is_lost_is_found_to_be_done(
    real_s3: S3Storage, real_config: S3Config
) -> None:
    await put(real_s3, "source", BODY)
    lost: list[str] = []

    async def lose_the_answer(exchange: Exchange) -> None:
        answer = await exchange.pass_on()
        if exchange.request.method == "POST" and "uploadId=" in exchange.request.target:
            lost.append(exchange.request.target)
            if len(lost) == 1:
                raise Cut
        await exchange.reply(answer)

    async with behind(real_config, TWICE) as (store, proxy):
        proxy.plan(lose_the_answer, lambda _: True)
        await copying.copy_object(store._bucket, "source", KEY, max_single_bytes=5 * MIB)
    assert len(lost) > 1
    assert await read(real_s3, KEY) == BODY
    assert await unfinished(real_s3) == []


async def test_documents_are_replaced_in_parts_too(real_s3: S3Storage) -> None:
    first = await real_s3.replace("documents/long", BODY, sha256=DIGEST, content_type="a/b")
    other = BODY[::-1]
    second = await real_s3.replace(
        "documents/long", other, sha256=sha256(other), content_type="a/b", if_match=first.etag
    )

    assert second.sha256 == hashlib.sha256(other).hexdigest()
    assert await read(real_s3, "documents/long") == other


async def test_dead_uploads_are_swept_by_age_and_only_below_the_prefix(
    real_s3: S3Storage,
) -> None:
    named: dict[str, Any] = real_s3._bucket.named(KEY)
    await real_s3._client.create_multipart_upload(**named)
    stranger = {**named, "Key": f"other-{named['Key']}"}
    foreign = await real_s3._client.create_multipart_upload(**stranger)
    now = datetime.now(UTC)

    assert await real_s3.sweep_uploads(before=now - timedelta(days=1)) == 0
    assert len(await unfinished(real_s3)) == 1
    assert await real_s3.sweep_uploads(before=now + timedelta(hours=1)) == 1
    assert await unfinished(real_s3) == []
    await real_s3._client.abort_multipart_upload(**stranger, UploadId=foreign["UploadId"])

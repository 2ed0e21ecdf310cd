"""What an S3 store does when a write is refused, doubtful or half done."""

from __future__ import annotations

import base64
import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from autodj.errors import (
    AutodjError,
    IntegrityFault,
    ObjectExists,
    ObjectNotFound,
    PreconditionFailed,
    StoreFaulty,
    StoreThrottled,
)
from autodj.storage.base import ByteRange, Described, ObjectStat
from tests.storage.builders import KEY, keys, patterned, put, read, sha256
from tests.storage.faults import Answer, Exchange, answering, failing, losing_the_answer, resetting
from tests.storage.faulty_s3 import (
    BODY,
    CHECKSUM,
    DATED,
    HEAD_OTHER,
    HEAD_SAME,
    HEAD_SHORT,
    PATIENT,
    STORED,
    VOUCHED,
    WHOLE,
    store_on,
)

TAKEN = failing("412 Precondition Failed", "PreconditionFailed")
CONFLICT = failing("409 Conflict", "ConditionalRequestConflict")
MISSING = answering("404 Not Found")
BUCKET_THERE = answering("200 OK")
HEAD_SILENT = answering("200 OK", BODY, **DATED)


async def test_a_put_says_what_it_sends_and_sends_it_once() -> None:
    async with store_on(STORED, HEAD_SAME) as (store, server):
        await put(store, KEY, BODY)

    sent, looked = server.requests
    assert (sent.method, sent.target) == ("PUT", f"/bucket-of-faults/p/{KEY}")
    assert sent.body == BODY
    assert sent.headers["if-none-match"] == "*"
    assert sent.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert sent.headers["content-type"] == "audio/mpeg"
    assert "content-disposition" not in sent.headers
    checksum = "x-amz-checksum-sha256"
    assert len(base64.b64decode(sent.headers[checksum])) == 32
    signed = sent.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    assert {checksum, "content-type", "x-amz-content-sha256"} <= {*signed.split(";")}
    assert (looked.method, looked.headers["x-amz-checksum-mode"]) == ("HEAD", "ENABLED")


async def test_a_file_is_sent_without_its_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    source = tmp_path_factory.mktemp("in") / "secret name.mp3"
    source.write_bytes(BODY)
    async with store_on(STORED, HEAD_SAME) as (store, server):
        await put(store, KEY, BODY, source)

    assert server.requests[0].body == BODY
    assert b"secret name" not in server.requests[0].head


async def test_the_owner_of_the_bucket_is_named_in_every_request() -> None:
    ranged = answering("206 Partial Content", BODY[:10], Content_Range="bytes 0-9/10000", **DATED)
    listed = answering("200 OK", b"<ListBucketResult><IsTruncated>false</IsTruncated>"
                       b"</ListBucketResult>")  # fmt: skip
    async with store_on(STORED, HEAD_SAME, WHOLE, ranged, listed, MISSING) as (store, server):
        await put(store, KEY, BODY)
        await read(store, KEY)
        await read(store, KEY, ByteRange(0, 10))
        await keys(store)
        await store.delete(KEY)
        with pytest.raises(AutodjError):
            await store.probe()

    assert len(server.requests) == 7
    assert {each.headers.get("x-amz-expected-bucket-owner") for each in server.requests} == {
        "123456789012"
    }


@pytest.mark.parametrize(
    "answers",
    [
        [STORED, HEAD_SAME],
        [TAKEN, HEAD_SAME],
        [CONFLICT, CONFLICT, STORED, HEAD_SAME],
        [losing_the_answer, TAKEN, HEAD_SAME],
        [failing("500 Internal Server Error", "InternalError"), STORED, HEAD_SAME],
        [failing("503 Slow Down", "SlowDown"), STORED, HEAD_SAME],
        [TAKEN, MISSING, BUCKET_THERE, STORED, HEAD_SAME],
        [STORED, HEAD_SILENT, WHOLE],
    ],
    ids=[
        "stored at once",
        "the same bytes are there",
        "conflicts that pass",
        "stored, but the answer is lost",
        "a passing fault",
        "a passing throttle",
        "taken, then gone, then stored",
        "a store without hashes is read back",
    ],
)
async def test_a_put_that_ends_with_our_bytes_in_place_is_success(answers: list[Answer]) -> None:
    async with store_on(*answers, timing=PATIENT) as (store, server):
        stored = await put(store, KEY, BODY)

    assert stored.size_bytes == len(BODY)
    assert {each.body for each in server.requests if each.method == "PUT"} == {BODY}
    assert len(server.requests) == len(answers)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([TAKEN, HEAD_SHORT], ObjectExists),
        ([TAKEN, HEAD_OTHER], ObjectExists),
        ([TAKEN, HEAD_SILENT, answering("200 OK", BODY[::-1], **DATED)], ObjectExists),
        ([STORED, HEAD_SHORT], IntegrityFault),
        ([STORED, HEAD_OTHER], IntegrityFault),
        ([STORED, HEAD_SILENT, answering("200 OK", BODY[::-1], **DATED)], IntegrityFault),
        ([failing("400 Bad Request", "BadDigest")], IntegrityFault),
        ([failing("400 Bad Request", "XAmzContentChecksumMismatch")], IntegrityFault),
        ([STORED, MISSING, BUCKET_THERE], ObjectNotFound),
        ([CONFLICT], StoreThrottled),
        ([failing("500 Internal Server Error", "InternalError")], StoreFaulty),
    ],
)
@pytest.mark.can_fail_on("scripted")
async def test_a_put_without_our_bytes_in_place_is_never_success(
    answers: list[Answer], expected: type[AutodjError]
) -> None:
    async with store_on(*answers, timing=PATIENT) as (store, server):
        with pytest.raises(expected) as caught:
            await put(store, KEY, BODY)

    assert type(caught.value) is expected
    assert {each.method for each in server.requests} <= {"PUT", "HEAD", "GET"}


async def test_an_answer_that_names_the_hash_needs_no_second_look() -> None:
    async with store_on(answering("200 OK", **VOUCHED)) as (store, server):
        stored = await put(store, KEY, BODY, described=Described({"title": "é"}))

    assert [each.method for each in server.requests] == ["PUT"]
    assert stored == ObjectStat(
        KEY,
        len(BODY),
        datetime(2026, 11, 21, 12, tzinfo=UTC),
        content_type="audio/mpeg",
        etag='"e"',
        sha256=sha256(BODY),
        described=Described({"title": "é"}),
    )


@pytest.mark.parametrize(
    ("told", "described"),
    [
        ({"x_amz_checksum_sha256": base64.b64encode(bytes(32)).decode()}, None),
        ({"x_amz_checksum_sha256": f"{CHECKSUM}-1"}, None),
        ({"x_amz_checksum_sha256": ""}, None),
        ({"ETag": ""}, None),
        ({"Date": "yesterday"}, None),
        ({"Date": "Sat, 21 Nov 99999999999999999999 12:00:00 GMT"}, None),
        ({"Date": "Sat, 21 Nov 2026 12:00:00 -0000"}, None),
        ({}, Described(storage_class="GLACIER_IR")),
    ],
    ids=[
        "another hash",
        "a hash of parts",
        "no hash",
        "no tag",
        "no time",
        "no such time",
        "time of nowhere",
        "a class",
    ],
)
@pytest.mark.can_fail_on("scripted")
async def test_what_an_answer_leaves_open_is_looked_at(
    told: dict[str, str], described: Described | None
) -> None:
    answer = answering("200 OK", **{**VOUCHED, **told})
    async with store_on(answer, HEAD_OTHER) as (store, server):
        with pytest.raises(IntegrityFault):
            await put(store, KEY, BODY, described=described)

    assert [each.method for each in server.requests] == ["PUT", "HEAD"]


@pytest.mark.parametrize("token", ["", "<NextContinuationToken>t</NextContinuationToken>"])
async def test_a_list_that_cannot_go_on_is_a_fault_not_a_short_list(token: str) -> None:
    page = f"<ListBucketResult><IsTruncated>true</IsTruncated>{token}</ListBucketResult>"
    async with store_on(answering("200 OK", page.encode())) as (store, _server):
        with pytest.raises(StoreFaulty):
            await keys(store)


@pytest.mark.parametrize("page", [b"<html>", b"<html></html>", b"", b"{}"])
async def test_a_page_of_somebody_else_is_a_fault_not_an_empty_list(page: bytes) -> None:
    async with store_on(answering("200 OK", page, content_type="text/html")) as (store, _server):
        with pytest.raises(StoreFaulty):
            await keys(store)


@pytest.mark.parametrize(
    "headers",
    [{"ETag": '"e"', "transfer_encoding": "chunked"}, {}],
    ids=["no length", "no date and no tag"],
)
async def test_a_body_of_which_too_little_is_known_is_a_fault(headers: dict[str, Any]) -> None:
    async with store_on(answering("200 OK", b"0\r\n\r\n", **headers)) as (store, _server):
        with pytest.raises(StoreFaulty):
            await read(store, KEY)
        with pytest.raises(StoreFaulty):
            await store.stat(KEY)


@pytest.mark.parametrize("mine", [True, False])
async def test_a_conditional_write_whose_answer_was_lost_is_recognised_by_its_mark(
    mine: bool,
) -> None:
    marks: list[str] = []

    async def stored_and_lost(exchange: Exchange) -> None:
        await exchange.read_body()
        marks.append(exchange.headers["x-amz-meta-write-id"])
        await resetting(exchange)

    async def what_is_there(exchange: Exchange) -> None:
        mark = marks[0] if mine else "f" * 32
        await answering("200 OK", BODY, x_amz_meta_write_id=mark, **DATED)(exchange)

    timing = dataclasses.replace(PATIENT, retry_delay_s=0.01)
    async with store_on(stored_and_lost, TAKEN, what_is_there, timing=timing) as (store, server):
        replacing = store.replace(
            KEY, BODY, sha256=sha256(BODY), content_type="a/b", if_match='"old"'
        )
        if mine:
            stored = await replacing
            assert stored.described.metadata == {}
        else:
            # The same bytes from somebody else are still somebody else's.
            with pytest.raises(PreconditionFailed):
                await replacing

    assert [each.method for each in server.requests] == ["PUT", "PUT", "HEAD"]
    assert len(marks[0]) == 32
    first, second = (each.headers["x-amz-meta-write-id"] for each in server.requests[:2])
    assert first == second


async def test_an_upload_in_parts_that_is_gone_is_sent_again() -> None:
    body = patterned(5 * 1024**2)
    space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    begun = f"<InitiateMultipartUploadResult {space}><UploadId>u</UploadId>"
    begin = answering("200 OK", f"{begun}</InitiateMultipartUploadResult>".encode())
    whole = f"<CompleteMultipartUploadResult {space}><ETag>e</ETag>"
    complete = answering("200 OK", f"{whole}</CompleteMultipartUploadResult>".encode())
    # What a repetition meets whose first answer was lost, and what then gives up.
    gone = failing("404 Not Found", "NoSuchUpload")
    there = answering("200 OK", body, **{**DATED, "ETag": "e"})
    answers = [begin, STORED, gone, gone, begin, STORED, complete, there]
    async with store_on(*answers, timing=PATIENT) as (store, server):
        stored = await store.replace(KEY, body, sha256=sha256(body), content_type="a/b")

    assert stored.size_bytes == len(body)
    assert len(server.requests) == len(answers)

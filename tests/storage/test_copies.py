"""Copies that are refused, doubtful, half done or done before."""

from __future__ import annotations

import dataclasses
from contextlib import AbstractAsyncContextManager

import pytest

from autodj.errors import AutodjError, ObjectExists, PreconditionFailed, StoreFaulty
from autodj.storage.s3 import S3Config, S3Storage, copying, copying_parts
from autodj.storage.s3.faults import store_errors
from tests.storage.builders import patterned, put, read, sha256
from tests.storage.conftest import versioned_s3
from tests.storage.faults import Answer, Exchange, answering, failing, losing_the_answer
from tests.storage.faulty_s3 import (
    BODY,
    DATED,
    HEAD_OTHER,
    HEAD_SAME,
    HEAD_SHORT,
    PATIENT,
    WHOLE,
    store_on,
)

SOURCE, TARGET = "tracks/one.flac", "tracks/two.flac"
MISSING = answering("404 Not Found")
TAKEN = failing("412 Precondition Failed", "PreconditionFailed")
CONFLICT = failing("409 Conflict", "ConditionalRequestConflict")
SILENT = answering("200 OK", BODY, **DATED)
SILENT_IN_PARTS = answering("200 OK", BODY, **{**DATED, "ETag": '"f-2"'})
OTHER_IN_PARTS = answering("200 OK", BODY[::-1], **{**DATED, "ETag": '"f-2"'})
MIB = 1024**2


@pytest.mark.parametrize(
    "answers",
    [
        [HEAD_SAME, HEAD_SAME],
        [HEAD_SAME, MISSING, losing_the_answer, TAKEN, HEAD_SAME],
        [HEAD_SAME, MISSING, TAKEN, HEAD_SAME],
        [HEAD_SAME, MISSING, CONFLICT, HEAD_SAME],
        [HEAD_SAME, SILENT, SILENT, WHOLE],
        [SILENT, SILENT],
        [SILENT, SILENT_IN_PARTS, WHOLE, SILENT_IN_PARTS, SILENT_IN_PARTS],
    ],
    ids=[
        "it was there",
        "made, but the answer is lost",
        "made by somebody else at the same moment",
        "being made by somebody else",
        "the copy has no hash and is read",
        "the same object by its tag",
        "nobody knows a hash and both are read",
    ],
)
async def test_a_copy_that_ends_with_the_same_bytes_in_place_is_success(
    answers: list[Answer],
) -> None:
    async with store_on(*answers, timing=PATIENT) as (store, server):
        made = await store.copy(SOURCE, TARGET)

    assert (made.key, made.size_bytes) == (TARGET, len(BODY))
    assert len(server.requests) == len(answers)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([HEAD_SAME, HEAD_OTHER], ObjectExists),
        ([HEAD_SAME, HEAD_SHORT], ObjectExists),
        ([HEAD_SAME, MISSING, TAKEN, HEAD_OTHER], ObjectExists),
        ([SILENT, OTHER_IN_PARTS, WHOLE, OTHER_IN_PARTS, OTHER_IN_PARTS], ObjectExists),
        ([HEAD_SAME, MISSING, TAKEN, MISSING], PreconditionFailed),
        ([HEAD_SAME, MISSING, failing("500 x", "InternalError")], StoreFaulty),
    ],
)
@pytest.mark.can_fail_on("scripted")
async def test_a_copy_without_the_same_bytes_in_place_is_never_success(
    answers: list[Answer], expected: type[AutodjError]
) -> None:
    async with store_on(*answers, timing=PATIENT) as (store, _):
        with pytest.raises(expected) as caught:
            await store.copy(SOURCE, TARGET)
    assert type(caught.value) is expected


async def test_a_copy_in_parts_that_somebody_ended_is_told_in_a_word_that_is_known() -> None:
    space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    begun = f"<InitiateMultipartUploadResult {space}><UploadId>u</UploadId>"
    begin = answering("200 OK", f"{begun}</InitiateMultipartUploadResult>".encode())

    async def ended(exchange: Exchange) -> None:
        gone = failing("404 Not Found", "NoSuchUpload")
        await (MISSING if exchange.method == "HEAD" else gone)(exchange)

    async with store_on(HEAD_SAME, MISSING, begin, ended) as (store, _):
        with pytest.raises(PreconditionFailed):
            await copying.copy_object(store._bucket, SOURCE, TARGET, max_single_bytes=len(BODY) - 1)


async def test_what_was_copied_in_parts_may_be_copied_again(real_s3: S3Storage) -> None:
    body = patterned(11 * MIB)
    await put(real_s3, SOURCE, body)

    made = await copying.copy_object(real_s3._bucket, SOURCE, TARGET, max_single_bytes=5 * MIB)
    again = await copying.copy_object(real_s3._bucket, SOURCE, TARGET, max_single_bytes=5 * MIB)

    assert again == made
    assert sha256(await read(real_s3, TARGET)) == sha256(body)


async def test_what_is_put_together_may_take_as_long_as_its_bytes(
    real_s3: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadlines_s: dict[str, float] = {}

    def noted(doing: str, deadline_s: float) -> AbstractAsyncContextManager[None]:
        deadlines_s[doing] = deadline_s
        return store_errors(doing, deadline_s)

    body = patterned(11 * MIB)
    await put(real_s3, SOURCE, body)
    monkeypatch.setattr(copying_parts, "store_errors", noted)

    await copying.copy_object(real_s3._bucket, SOURCE, TARGET, max_single_bytes=5 * MIB)

    whole_s = real_s3._config.timing.body_deadline_s(len(body))
    assert deadlines_s[f"CompleteMultipartUpload {TARGET}"] == whole_s


async def test_a_version_is_restored_into_the_class_of_its_basket(moto_config: S3Config) -> None:
    config = dataclasses.replace(moto_config, storage_class="STANDARD_IA")
    async with versioned_s3(config) as store:
        for body in (b"one", b"two"):
            await store.replace(SOURCE, body, sha256=sha256(body), content_type="a/b")
        _, oldest = await store.versions(SOURCE)

        restored = await store.restore_version(SOURCE, oldest.version_id)

        assert restored.described.storage_class == "STANDARD_IA"
        assert await read(store, SOURCE) == b"one"


async def test_a_version_too_large_for_one_request_is_restored_in_parts(
    versioned_real_s3: S3Storage,
) -> None:
    store, body = versioned_real_s3, patterned(11 * MIB)
    await store.replace(SOURCE, body, sha256=sha256(body), content_type="audio/flac")
    await store.replace(SOURCE, b"x", sha256=sha256(b"x"), content_type="a/b")
    _, oldest = await store.versions(SOURCE)
    found = await store._bucket.head(SOURCE, VersionId=oldest.version_id)

    await copying.copy_version(
        store._bucket, SOURCE, oldest.version_id, found, max_single_bytes=5 * MIB
    )

    assert (await store.stat(SOURCE)).content_type == "audio/flac"
    assert sha256(await read(store, SOURCE)) == sha256(body)

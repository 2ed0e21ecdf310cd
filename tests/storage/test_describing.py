"""Other metadata for the same bytes, while others write and answers are lost."""

from __future__ import annotations

import pytest

from autodj.errors import ObjectNotFound, PreconditionFailed
from autodj.storage.base import Described
from autodj.storage.metadata import MAX_METADATA_BYTES, MAX_STORED_BYTES
from autodj.storage.s3 import S3Config, S3Storage
from autodj.storage.s3.copying import MAX_SINGLE_BYTES, copy_version, describe_again
from bench.faults.proxy import Cut, Exchange, Fault
from tests.storage.builders import patterned, put, read, sha256
from tests.storage.faults import Exchange as Asked
from tests.storage.faults import answering, failing, losing_the_answer
from tests.storage.faulty_s3 import BODY, DATED, PATIENT, store_on
from tests.storage.test_multipart import TWICE, behind, unfinished

MIB = 1024**2
KEY = "tracks/one.flac"
LARGE = patterned(11 * MIB)
OTHER = b"written in between"
AT_ONCE_OR_IN_PARTS = pytest.mark.parametrize(
    "max_single_bytes", [MAX_SINGLE_BYTES, 5 * MIB], ids=["at once", "in parts"]
)


def makes_the_object(exchange: Exchange) -> bool:
    """Whether it is the request by which the object is there: that copy, or the end of parts."""
    request = exchange.request
    if request.method == "POST":
        return "uploadId=" in request.target
    return request.method == "PUT" and "partNumber=" not in request.target


def losing_one(lost: list[str]) -> Fault:
    """The object is made, and the first answer that says so never comes; its target is noted."""

    async def lose_the_answer(exchange: Exchange) -> None:
        answer = await exchange.pass_on()
        if makes_the_object(exchange) and not lost:
            lost.append(exchange.request.target)
            raise Cut
        await exchange.reply(answer)

    return lose_the_answer


@AT_ONCE_OR_IN_PARTS
async def test_what_is_written_in_between_is_not_lost(
    real_s3: S3Storage, real_config: S3Config, max_single_bytes: int
) -> None:
    await put(real_s3, KEY, LARGE)

    async def write_before_it(exchange: Exchange) -> None:
        if makes_the_object(exchange):
            await real_s3.replace(KEY, OTHER, sha256=sha256(OTHER), content_type="a/b")
        await exchange.reply(await exchange.pass_on())

    async with behind(real_config) as (store, proxy):
        proxy.plan(write_before_it, lambda _: True)
        with pytest.raises(PreconditionFailed):
            await describe_again(store._bucket, KEY, {"a": "b"}, max_single_bytes=max_single_bytes)

    assert await read(real_s3, KEY) == OTHER
    assert (await real_s3.stat(KEY)).described.metadata == {}
    assert await unfinished(real_s3) == []


@AT_ONCE_OR_IN_PARTS
async def test_a_description_whose_answer_is_lost_is_recognised(
    real_s3: S3Storage, real_config: S3Config, max_single_bytes: int
) -> None:
    await put(real_s3, KEY, LARGE)  # in parts: its tag changes with every copy
    lost: list[str] = []

    async with behind(real_config, TWICE) as (store, proxy):
        proxy.plan(losing_one(lost), lambda _: True)
        described = await describe_again(
            store._bucket, KEY, {"a": "b"}, max_single_bytes=max_single_bytes
        )

    assert len(lost) == 1
    assert described == await real_s3.stat(KEY)
    assert described.described.metadata == {"a": "b"}
    assert sha256(await read(real_s3, KEY)) == sha256(LARGE)


@pytest.mark.parametrize("mine", [True, False])
async def test_a_description_that_is_refused_is_known_by_its_mark(mine: bool) -> None:
    marks: list[str] = []

    async def done_and_lost(exchange: Asked) -> None:
        marks.append(exchange.headers["x-amz-meta-write-id"])
        assert exchange.headers["if-match"] == '"e"'
        await losing_the_answer(exchange)

    async def what_is_there(exchange: Asked) -> None:
        mark = marks[0] if mine else "f" * 32
        await answering("200 OK", BODY, x_amz_meta_write_id=mark, **DATED)(exchange)

    taken = failing("412 Precondition Failed", "PreconditionFailed")
    there = answering("200 OK", BODY, **DATED)
    async with store_on(there, done_and_lost, taken, what_is_there, timing=PATIENT) as (store, _):
        describing = store.set_metadata(KEY, {"a": "b"})
        if mine:
            assert (await describing).described.metadata == {}
        else:
            with pytest.raises(PreconditionFailed):
                await describing


async def test_bytes_described_again_in_parts_are_vouched_for_as_before(
    real_s3: S3Storage, real_config: S3Config
) -> None:
    await put(real_s3, KEY, LARGE)
    described = await describe_again(real_s3._bucket, KEY, {"a": "b"}, max_single_bytes=5 * MIB)
    assert described.sha256 == sha256(LARGE)
    async with behind(real_config) as (store, proxy):
        await store.verify(KEY, sha256=sha256(LARGE), size_bytes=len(LARGE))
        assert proxy.count == 1  # nothing is read back


async def test_a_version_restored_in_parts_whose_last_answer_is_lost_is_found_to_be_done(
    versioned_real_s3: S3Storage,
) -> None:
    direct = versioned_real_s3
    await direct.replace(KEY, LARGE, sha256=sha256(LARGE), content_type="audio/flac")
    await direct.replace(KEY, OTHER, sha256=sha256(OTHER), content_type="a/b")
    _, oldest = await direct.versions(KEY)
    found = await direct._bucket.head(KEY, VersionId=oldest.version_id)
    lost: list[str] = []

    async with behind(direct._config, TWICE) as (store, proxy):
        proxy.plan(losing_one(lost), lambda _: True)
        restored = await copy_version(
            store._bucket, KEY, oldest.version_id, found, max_single_bytes=5 * MIB
        )

    assert len(lost) == 1
    assert (restored.sha256, restored.size_bytes) == (sha256(LARGE), len(LARGE))
    assert len(await direct.versions(KEY)) == 3


async def test_metadata_that_fills_its_room_leaves_some_for_the_mark() -> None:
    sent: list[Asked] = []

    async def stored(exchange: Asked) -> None:
        sent.append(exchange)
        await answering("200 OK", ETag='"e"')(exchange)

    full = Described({"a": "x" * (MAX_METADATA_BYTES - 1)})
    async with store_on(stored, answering("200 OK", BODY, **DATED)) as (store, _):
        await store.replace(
            KEY, BODY, sha256=sha256(BODY), content_type="a/b", if_match='"e"', described=full
        )
    (request,) = sent
    stored_bytes = sum(
        len(name.removeprefix("x-amz-meta-")) + len(value)
        for name, value in request.headers.items()
        if name.startswith("x-amz-meta-")
    )
    assert "x-amz-meta-write-id" in request.headers
    assert stored_bytes <= MAX_STORED_BYTES


@pytest.mark.parametrize("versioned", ["versioned_moto", "versioned_real_s3"], indirect=True)
async def test_the_mark_of_a_delete_is_no_version(versioned: S3Storage) -> None:
    await put(versioned, KEY, b"x")
    await versioned.delete(KEY)
    listed = await versioned._client.list_object_versions(
        **versioned._config.addressing, Prefix=versioned._config.object_name(KEY)
    )
    mark = listed["DeleteMarkers"][0]["VersionId"]
    with pytest.raises(ObjectNotFound):
        await versioned.restore_version(KEY, mark)
    with pytest.raises(ObjectNotFound):
        async with versioned.read_version(KEY, mark):
            pass

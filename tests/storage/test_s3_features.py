"""What a bucket can do beyond the port, each on a server that could refuse to."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest

from autodj.errors import (
    AutodjError,
    DeleteIncomplete,
    InvalidRequest,
    ObjectArchived,
    ObjectExists,
    ObjectNotFound,
    StoreDenied,
    StoreError,
)
from autodj.settings.encryption import Encryption
from autodj.storage.base import ByteRange, Described
from autodj.storage.powers import SignedForm, SignedRequest
from autodj.storage.s3 import S3Config, S3Storage, copying, open_s3
from autodj.storage.s3.presigning import attachment
from tests.storage.builders import KEY, keys, patterned, put, read, sha256
from tests.storage.faults import answering
from tests.storage.faulty_s3 import store_on

BODY = patterned(70_000)
OWNER = "123456789012"
CUSTOMER_KEY = bytes(range(32))
KMS = Encryption("SSE-KMS", kms_key_id="arn:aws:kms:us-east-1:123456789012:key/one")


async def raw_head(store: S3Storage, key: str, **more: Any) -> dict[str, Any]:
    return dict(await store._client.head_object(**store._bucket.named(key), **more))


async def archived(store: S3Storage, key: str) -> None:
    await store.put(
        key,
        BODY,
        sha256=sha256(BODY),
        content_type="audio/flac",
        described=Described(storage_class="DEEP_ARCHIVE"),
    )


async def test_an_object_has_its_own_class_or_that_of_its_basket(moto_config: S3Config) -> None:
    config = dataclasses.replace(moto_config, storage_class="STANDARD_IA")
    async with open_s3(config) as store:
        await store.ensure_bucket()
        await put(store, KEY, BODY)
        await store.put(
            "tracks/own",
            BODY,
            sha256=sha256(BODY),
            content_type="audio/flac",
            described=Described(storage_class="INTELLIGENT_TIERING"),
        )
        await store.copy("tracks/own", "tracks/copied")

        assert (await raw_head(store, KEY))["StorageClass"] == "STANDARD_IA"
        for key in ("tracks/own", "tracks/copied"):
            assert (await store.stat(key)).described.storage_class == "INTELLIGENT_TIERING"


async def test_an_archived_object_says_so_until_it_is_restored(moto: S3Storage) -> None:
    await archived(moto, KEY)

    with pytest.raises(ObjectArchived, match="DEEP_ARCHIVE") as caught:
        await read(moto, KEY)
    problem = caught.value.problem()
    assert (problem["status"], problem["code"]) == (409, "object_archived")
    assert problem["storage_class"] == "DEEP_ARCHIVE"
    assert "Restore" in str(problem["hint"])
    assert (await moto.archive_state(KEY)).archived

    asked = await moto.restore(KEY, days=2, tier="Bulk")
    again = await moto.restore(KEY, days=2)

    # moto restores at once; S3 takes hours, in which ``restoring`` is true.
    assert not again.archived
    assert asked.readable_until == again.readable_until
    assert await read(moto, KEY) == BODY


async def test_an_archived_object_is_not_copied_and_says_so_too(moto: S3Storage) -> None:
    await archived(moto, KEY)

    for copy in (moto.copy(KEY, "tracks/copied"), moto.set_metadata(KEY, {"a": "b"})):
        with pytest.raises(ObjectArchived, match=f"{KEY} is in DEEP_ARCHIVE") as caught:
            await copy
        assert caught.value.extra == {"storage_class": "DEEP_ARCHIVE", "restoring": False}
        assert caught.value.__cause__ is not None

    assert await keys(moto) == [KEY]
    await moto.restore(KEY, days=1)
    assert (await moto.copy(KEY, "tracks/copied")).size_bytes == len(BODY)


async def test_what_is_not_archived_needs_no_restoring(moto: S3Storage) -> None:
    await put(moto, KEY, BODY)

    state = await moto.restore(KEY, days=1)

    assert (state.storage_class, state.archived, state.restoring) == ("STANDARD", False, False)
    for days in (0, 366):
        with pytest.raises(InvalidRequest):
            await moto.restore(KEY, days=days)
    with pytest.raises(ObjectNotFound):
        await moto.restore("tracks/none", days=1)


async def test_an_object_being_restored_is_told_as_such() -> None:
    head = answering(
        "200 OK",
        x_amz_storage_class="GLACIER",
        x_amz_restore='ongoing-request="true"',
        ETag='"e"',
        Last_Modified="Sat, 21 Nov 2026 12:00:00 GMT",
    )
    refused = answering(
        "403 Forbidden", b"<Error><Code>InvalidObjectState</Code><Message/></Error>"
    )
    async with store_on(refused, head) as (store, _):
        with pytest.raises(ObjectArchived, match="being restored") as caught:
            await read(store, KEY)

    assert caught.value.extra["restoring"] is True


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [
        (Encryption("none"), {}),
        (Encryption("SSE-S3"), {"ServerSideEncryption": "AES256"}),
        (
            KMS,
            {
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": KMS.kms_key_id,
                "BucketKeyEnabled": True,
            },
        ),
    ],
)
async def test_every_way_of_writing_an_object_encrypts_it(
    moto_config: S3Config, encryption: Encryption, expected: Mapping[str, Any]
) -> None:
    async with open_s3(dataclasses.replace(moto_config, encryption=encryption)) as store:
        await store.ensure_bucket()
        await put(store, KEY, BODY)
        await store.copy(KEY, "tracks/copied")
        await store.set_metadata("tracks/copied", {"a": "b"})
        await store.replace("tracks/replaced", BODY, sha256=sha256(BODY), content_type="a/b")

        for key in (KEY, "tracks/copied", "tracks/replaced"):
            found = await raw_head(store, key)
            shown = {name: found.get(name) for name in expected}
            assert shown == expected
            if not expected:
                assert "ServerSideEncryption" not in found


@pytest.fixture
async def customer(real_config: S3Config) -> AsyncIterator[S3Storage]:
    encryption = Encryption("SSE-C", customer_key=CUSTOMER_KEY)
    async with open_s3(dataclasses.replace(real_config, encryption=encryption)) as store:
        await store.ensure_bucket()
        yield store


@pytest.mark.can_fail_on("real_s3")
async def test_a_customers_key_opens_its_objects_and_nothing_else_does(
    customer: S3Storage, real_config: S3Config
) -> None:
    # moto hands the bytes to anybody, so it could not fail this.
    await put(customer, KEY, BODY)
    other = Encryption("SSE-C", customer_key=bytes(32))

    assert await read(customer, KEY) == BODY
    assert await read(customer, KEY, ByteRange(10, 20)) == BODY[10:20]
    await customer.verify(KEY, sha256=sha256(BODY), size_bytes=len(BODY))
    for encryption in (Encryption(), other):
        async with open_s3(dataclasses.replace(real_config, encryption=encryption)) as stranger:
            with pytest.raises(StoreError):
                await read(stranger, KEY)
            with pytest.raises(StoreError):
                await stranger.stat(KEY)


@pytest.mark.can_fail_on("real_s3")
async def test_a_customers_key_goes_with_copies_and_with_every_part(
    customer: S3Storage,
) -> None:
    body = patterned(11 * 1024**2)
    await put(customer, KEY, body)

    await customer.copy(KEY, "tracks/copied")
    changed = await customer.set_metadata("tracks/copied", {"a": "ä"})

    assert changed.described.metadata == {"a": "ä"}
    for key in (KEY, "tracks/copied"):
        assert sha256(await read(customer, key)) == sha256(body)
    # The server copies no parts under such keys, and says so; nothing is left of the attempt.
    with pytest.raises(StoreError, match="NotImplemented"):
        await copying.copy_object(
            customer._bucket, KEY, "tracks/parts", max_single_bytes=6 * 1024**2
        )
    assert await keys(customer) == sorted([KEY, "tracks/copied"])


@pytest.mark.can_fail_on("ourselves")
async def test_a_customers_key_is_handed_out_with_no_link(customer: S3Storage) -> None:
    for asking in (
        customer.presign(KEY, ttl_s=60),
        customer.presign_download(KEY, ttl_s=60, name="a"),
        customer.presign_put(
            KEY, ttl_s=60, sha256=sha256(b""), size_bytes=0, content_type="audio/mpeg"
        ),
        customer.presign_post(KEY, ttl_s=60, max_bytes=1, content_type="audio/mpeg"),
    ):
        with pytest.raises(InvalidRequest):
            await asking


def test_a_customers_key_is_in_no_representation() -> None:
    config = S3Config("b", "r", encryption=Encryption("SSE-C", customer_key=b"HIDDEN" + bytes(26)))

    assert "HIDDEN" not in repr(config)


@pytest.mark.can_fail_on("real_s3")
async def test_a_download_link_names_the_file(real_s3: S3Storage) -> None:
    await put(real_s3, KEY, BODY)
    link = await real_s3.presign_download(
        KEY, ttl_s=60, name='Żółć "x"/../a.mp3', content_type="audio/x-own"
    )

    async with aiohttp.ClientSession() as client, client.get(link) as answer:
        assert (answer.status, await answer.read()) == (200, BODY)
        assert answer.headers["Content-Type"] == "audio/x-own"
        disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="')
    assert "filename*=UTF-8''%C5%BB%C3%B3%C5%82%C4%87%20x..a.mp3" in disposition
    changed = link.replace("x-own", "x-other")
    async with aiohttp.ClientSession() as client, client.get(changed) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.mp3", "attachment; filename=\"a.mp3\"; filename*=UTF-8''a.mp3"),
        ("../..", "attachment; filename=\"download\"; filename*=UTF-8''download"),
        ("a\r\nX: y", "attachment; filename=\"aX: y\"; filename*=UTF-8''aX%3A%20y"),
        ("夜", "attachment; filename=\"_\"; filename*=UTF-8''%E5%A4%9C"),
        ("x" * 500, f"attachment; filename=\"{'x' * 150}\"; filename*=UTF-8''{'x' * 150}"),
    ],
)
def test_a_download_name_cannot_leave_its_header(name: str, expected: str) -> None:
    assert attachment(name) == expected


async def sent(request: SignedRequest, body: bytes, **changed: str) -> int:
    headers = {**request.headers, **changed}
    headers.pop("Content-Length")
    async with (
        aiohttp.ClientSession() as client,
        client.request(
            request.method, request.url, data=body, headers=headers, skip_auto_headers=["Accept"]
        ) as answer,
    ):
        return answer.status


@pytest.mark.can_fail_on("real_s3")
async def test_a_presigned_put_takes_exactly_what_was_agreed(real_s3: S3Storage) -> None:
    async def agreed(body: bytes) -> SignedRequest:
        return await real_s3.presign_put(
            KEY, ttl_s=60, sha256=sha256(body), size_bytes=len(body), content_type="audio/flac"
        )

    assert await sent(await agreed(BODY), BODY[:-1] + b"?") == 400
    assert await sent(await agreed(BODY), BODY + b"more") == 403
    assert await sent(await agreed(BODY), BODY, **{"Content-Type": "text/html"}) == 403
    assert await keys(real_s3) == []

    assert await sent(await agreed(BODY), BODY) == 200
    await real_s3.verify(KEY, sha256=sha256(BODY), size_bytes=len(BODY))
    assert (await real_s3.stat(KEY)).content_type == "audio/flac"
    assert await sent(await agreed(b"other"), b"other") == 412


async def posted(form: SignedForm, body: bytes, **changed: str) -> int:
    data = aiohttp.FormData()
    for name, value in {**form.fields, **changed}.items():
        data.add_field(name, value)
    data.add_field("file", body, filename="x", content_type="application/octet-stream")
    async with aiohttp.ClientSession() as client, client.post(form.url, data=data) as answer:
        return answer.status


@pytest.mark.can_fail_on("real_s3")
async def test_a_presigned_form_takes_no_more_than_was_agreed(real_s3: S3Storage) -> None:
    # moto takes forms of any length, so it could not fail this.
    form = await real_s3.presign_post(KEY, ttl_s=60, max_bytes=1000, content_type="image/png")

    assert await posted(form, bytes(1001)) == 400
    assert await posted(form, b"") == 400
    assert await posted(form, bytes(10), **{"Content-Type": "text/html"}) == 403
    assert await posted(form, bytes(10), key=f"{form.fields['key']}.other") == 403
    assert await keys(real_s3) == []
    assert await posted(form, bytes(1000)) == 204
    assert (await real_s3.stat(KEY)).size_bytes == 1000


@pytest.mark.can_fail_on("real_s3")
async def test_a_form_may_be_bound_to_its_bytes(real_s3: S3Storage) -> None:
    form = await real_s3.presign_post(
        KEY, ttl_s=60, max_bytes=100_000, content_type="image/png", sha256=sha256(BODY)
    )

    assert await posted(form, BODY, **{"x-amz-checksum-sha256": "A" * 43 + "="}) == 403
    assert form.fields["x-amz-checksum-sha256"]
    assert await posted(form, BODY) == 204


@pytest.mark.can_fail_on("ourselves")
async def test_what_cannot_be_signed_is_refused(moto: S3Storage) -> None:
    put_of: dict[str, Any] = {
        "ttl_s": 60, "sha256": sha256(b""), "size_bytes": 0, "content_type": "a/b",
    }  # fmt: skip
    for change in (
        {"ttl_s": 0}, {"sha256": "x"}, {"size_bytes": -1}, {"content_type": "a/b\r\nX: y"},
    ):  # fmt: skip
        with pytest.raises(InvalidRequest):
            await moto.presign_put(KEY, **{**put_of, **change})
    for max_bytes in (0, 6 * 1024**3):
        with pytest.raises(InvalidRequest):
            await moto.presign_post(KEY, ttl_s=60, max_bytes=max_bytes, content_type="a/b")


@pytest.mark.can_fail_on("requests")
async def test_the_owner_of_the_bucket_is_named_in_every_request(moto_config: S3Config) -> None:
    # No server at hand refuses a wrong owner, so the requests themselves are looked at.
    config = dataclasses.replace(moto_config, expected_bucket_owner=OWNER, bucket="owned")
    seen: list[tuple[str, Mapping[str, Any]]] = []

    def look(request: Any, event_name: str, **_: Any) -> None:
        seen.append((event_name.rpartition(".")[2], dict(request.headers)))

    async with open_s3(config) as store:
        await store.ensure_bucket()
        await store._client.put_bucket_versioning(
            Bucket=config.bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        store._client.meta.events.register("before-send.s3", look)
        await put(store, KEY, BODY)
        await put(store, KEY, BODY)
        await read(store, KEY)
        await read(store, KEY, ByteRange(1, 2))
        await store.copy(KEY, "tracks/copied")
        with pytest.raises(StoreError):  # EntityTooSmall: the parts of a short copy
            await copying.copy_object(store._bucket, KEY, "tracks/parts", max_single_bytes=50_000)
        await store.set_metadata(KEY, {"a": "b"})
        await store.replace(KEY, b"x", sha256=sha256(b"x"), content_type="a/b")
        version, *_ = await store.versions(KEY)
        await store.restore_version(KEY, version.version_id)
        await store.delete_version(KEY, version.version_id)
        await archived(store, "tracks/cold")
        await store.restore("tracks/cold", days=1)
        await store.page()
        await keys(store)
        await store.probe()
        await store.delete(KEY)
        await store.delete_many(["tracks/copied", "tracks/cold"])

    assert {operation for operation, _ in seen} >= {
        "PutObject", "HeadObject", "GetObject", "CopyObject", "UploadPartCopy", "ListObjectsV2",
        "CreateMultipartUpload", "CompleteMultipartUpload", "AbortMultipartUpload", "HeadBucket",
        "ListObjectVersions", "RestoreObject", "DeleteObject", "DeleteObjects",
    }  # fmt: skip
    for operation, headers in seen:
        assert _text(headers, "x-amz-expected-bucket-owner") == OWNER, operation
        if "Copy" in operation:
            assert _text(headers, "x-amz-source-expected-bucket-owner") == OWNER, operation


def _text(headers: Mapping[str, Any], name: str) -> str | None:
    value = headers.get(name)
    return value.decode() if isinstance(value, bytes) else value


async def test_what_is_too_large_for_one_request_is_copied_in_parts(real_s3: S3Storage) -> None:
    body = patterned(11 * 1024**2)
    described = Described({"a": "ä"})
    await real_s3.put(
        KEY, body, sha256=sha256(body), content_type="audio/flac", described=described
    )

    made = await copying.copy_object(
        real_s3._bucket, KEY, "tracks/parts", max_single_bytes=5 * 1024**2
    )

    assert (made.content_type, made.described) == ("audio/flac", described)
    assert sha256(await read(real_s3, "tracks/parts")) == sha256(body)
    await put(real_s3, "tracks/taken", b"x")
    with pytest.raises(ObjectExists):
        await copying.copy_object(
            real_s3._bucket, KEY, "tracks/taken", max_single_bytes=5 * 1024**2
        )
    uploads = await real_s3._client.list_multipart_uploads(**real_s3._config.addressing)
    names = [each["Key"] for each in uploads.get("Uploads", ())]
    assert not [name for name in names if name.startswith(real_s3._config.prefix)]


async def test_more_than_a_thousand_are_deleted_in_several_requests(real_s3: S3Storage) -> None:
    for n in range(3):
        await put(real_s3, f"tracks/{n}", b"x")
    asked: list[Any] = []
    real_s3._client.meta.events.register(
        "before-send.s3.DeleteObjects", lambda request, **_: asked.append(request)
    )

    await real_s3.delete_many([f"tracks/{n}" for n in range(1001)])

    assert len(asked) == 2
    assert await keys(real_s3) == []


@pytest.mark.can_fail_on("scripted")
async def test_what_could_not_be_deleted_is_named() -> None:
    denied = (
        b"<DeleteResult><Deleted><Key>p/tracks/1</Key></Deleted><Error><Key>p/tracks/2</Key><Code>AccessDenied</Code>"
        b"<Message>no</Message></Error></DeleteResult>"
    )
    async with store_on(answering("200 OK", denied)) as (store, _):
        with pytest.raises(DeleteIncomplete, match="tracks/2") as caught:
            await store.delete_many(["tracks/1", "tracks/2"])

    assert {key: type(error) for key, error in caught.value.failed.items()} == {
        "tracks/2": StoreDenied
    }
    assert isinstance(caught.value.failed["tracks/2"], AutodjError)

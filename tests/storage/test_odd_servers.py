"""Servers that say less than S3 does, or say it otherwise: a word of ours, never a crash."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from autodj.errors import (
    AutodjError,
    BucketMissing,
    DeleteIncomplete,
    InvalidRequest,
    ObjectNotFound,
    StoreCredentials,
    StoreDenied,
    StoreError,
    StoreFaulty,
    StoreThrottled,
)
from autodj.storage.s3 import S3Storage, multipart
from autodj.storage.s3.uploads import latest_of
from tests.storage.builders import keys, patterned, put, read
from tests.storage.faults import Answer, answering, failing
from tests.storage.faulty_s3 import BODY, DATED, PATIENT, store_on

SPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
STAMP = "2026-11-22T10:00:00.000Z"


def document(root: str, *inside: str) -> Answer:
    body = f"<?xml version='1.0'?><{root} {SPACE}>{''.join(inside)}</{root}>".encode()
    return answering("200 OK", body, content_type="application/xml")


def listed(*inside: str) -> Answer:
    return document("ListBucketResult", "<IsTruncated>false</IsTruncated>", *inside)


async def test_an_object_is_listed_without_an_etag() -> None:
    told = f"<Key>p/a</Key><Size>3</Size><LastModified>{STAMP}</LastModified>"
    async with store_on(listed(f"<Contents>{told}</Contents>")) as (store, _):
        (found,) = [each async for each in store.list()]
    assert (found.key, found.size_bytes, found.etag) == ("a", 3, None)


@pytest.mark.parametrize(
    "told",
    [f"<Key>p/a</Key><LastModified>{STAMP}</LastModified>", "<Key>p/a</Key><Size>3</Size>"],
)
async def test_an_object_of_which_too_little_is_told_is_a_fault(told: str) -> None:
    async with store_on(listed(f"<Contents>{told}</Contents>")) as (store, _):
        with pytest.raises(StoreFaulty):
            await keys(store)


def content(name: str) -> str:
    rest = f"<Size>3</Size><LastModified>{STAMP}</LastModified><ETag>e</ETag>"
    return f"<Contents><Key>{name}</Key>{rest}</Contents>"


def folder(name: str) -> str:
    return f"<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"


@pytest.mark.parametrize(
    "told", [content("a"), content("pp/a"), content("p%2Fa"), folder("c/"), folder("p%2Fc%2F")]
)
async def test_a_name_that_was_not_asked_for_is_a_fault_not_an_empty_list(told: str) -> None:
    async with store_on(listed(content("p/a"), told)) as (store, _):
        with pytest.raises(StoreFaulty):
            await store.page(directories=True)


async def test_names_in_a_code_that_the_server_names_are_read() -> None:
    code = "<EncodingType>url</EncodingType>"
    async with store_on(listed(code, content("p%2Fa"), folder("p%2Fc%2F"))) as (store, _):
        page = await store.page(directories=True)
    assert [each.key for each in page.objects] == ["a"]
    assert page.directories == ["c/"]


async def test_uploads_of_others_are_left_alone_where_a_server_tells_them_too() -> None:
    told = "".join(
        f"<Upload><Key>{name}</Key><UploadId>u</UploadId><Initiated>{STAMP}</Initiated></Upload>"
        for name in ("a", "p/a", "pp/a")
    )
    page = document("ListMultipartUploadsResult", "<IsTruncated>false</IsTruncated>", told)
    async with store_on(page, answering("204 No Content")) as (store, server):
        assert await store.sweep_uploads(before=datetime.now(UTC) + timedelta(days=9999)) == 1
    aborted = [each.target for each in server.requests if each.method == "DELETE"]
    assert aborted == ["/bucket-of-faults/p/a?uploadId=u"]


async def test_a_cursor_that_the_server_does_not_know_is_no_fault_of_its_own() -> None:
    first = document(
        "ListBucketResult",
        "<IsTruncated>true</IsTruncated>",
        "<NextContinuationToken>t</NextContinuationToken>",
    )
    unknown = failing("400 Bad Request", "InvalidArgument")
    async with store_on(first, unknown) as (store, _):
        cursor = (await store.page()).cursor
        with pytest.raises(InvalidRequest):
            await store.page(cursor=cursor)
        with pytest.raises(StoreError):
            await store.page()


async def test_a_directory_without_a_name_is_none() -> None:
    told = "<CommonPrefixes/><CommonPrefixes><Prefix>p/a/</Prefix></CommonPrefixes>"
    async with store_on(listed(told)) as (store, _):
        assert (await store.page(directories=True)).directories == ["a/"]


async def all_uploads(store: S3Storage) -> object:
    return await store.sweep_uploads(before=datetime.now(UTC))


async def all_versions(store: S3Storage) -> object:
    return await store.versions("a")


@pytest.mark.parametrize(
    ("root", "ask"),
    [("ListMultipartUploadsResult", all_uploads), ("ListVersionsResult", all_versions)],
)
async def test_a_page_that_leads_to_itself_is_a_fault_not_an_endless_list(
    root: str, ask: Callable[[S3Storage], Awaitable[object]]
) -> None:
    marks = "".join(
        f"<Next{each}>p/a</Next{each}>"
        for each in ("KeyMarker", "UploadIdMarker", "VersionIdMarker")
    )
    again = document(root, "<IsTruncated>true</IsTruncated>", marks)
    async with store_on(again) as (store, server):
        with pytest.raises(StoreFaulty):
            await ask(store)
    assert len(server.requests) == 2


async def test_an_upload_that_does_not_say_when_it_began_is_a_fault() -> None:
    told = "<Upload><Key>p/a</Key><UploadId>u</UploadId></Upload>"
    answer = document("ListMultipartUploadsResult", "<IsTruncated>false</IsTruncated>", told)
    async with store_on(answer) as (store, _):
        with pytest.raises(StoreFaulty):
            await all_uploads(store)


@pytest.mark.parametrize("missing", ["Key", "VersionId", "Size", "LastModified", "IsLatest"])
async def test_a_version_of_which_too_little_is_told_is_a_fault(missing: str) -> None:
    told = {"Key": "p/a", "VersionId": "v", "Size": "1", "LastModified": STAMP, "IsLatest": "true"}
    inside = "".join(f"<{name}>{told[name]}</{name}>" for name in told if name != missing)
    page = document(
        "ListVersionsResult", "<IsTruncated>false</IsTruncated>", f"<Version>{inside}</Version>"
    )
    async with store_on(page) as (store, _):
        with pytest.raises(StoreFaulty):
            await all_versions(store)


@pytest.mark.parametrize("missing", ["PartNumber", "ETag", "Size"])
async def test_a_part_of_which_too_little_is_told_is_a_fault(missing: str) -> None:
    begun = f"<Key>p/a</Key><UploadId>u</UploadId><Initiated>{STAMP}</Initiated>"
    told = {"PartNumber": "1", "ETag": "e", "Size": "1"}
    inside = "".join(f"<{name}>{told[name]}</{name}>" for name in told if name != missing)
    whole = "<IsTruncated>false</IsTruncated>"
    uploads = document("ListMultipartUploadsResult", whole, f"<Upload>{begun}</Upload>")
    parts = document("ListPartsResult", whole, f"<Part>{inside}</Part>")
    async with store_on(uploads, parts) as (store, _):
        with pytest.raises(StoreFaulty):
            await latest_of(store._bucket, "a")


@pytest.mark.parametrize("code", ["NoSuchVersion", "InvalidArgument"])
async def test_a_version_that_is_gone_meanwhile_is_removed(code: str) -> None:
    told = f"<Key>p/a</Key><VersionId>v</VersionId><LastModified>{STAMP}</LastModified>"
    version = f"<Version>{told}<Size>3</Size><IsLatest>true</IsLatest></Version>"
    states = document("ListVersionsResult", "<IsTruncated>false</IsTruncated>", version)
    async with store_on(states, failing("404 Not Found", code)) as (store, server):
        await store.delete_version("a", "v")
        assert [each.method for each in server.requests] == ["GET", "DELETE"]


async def test_a_version_that_is_not_listed_is_not_asked_to_be_removed() -> None:
    none = document("ListVersionsResult", "<IsTruncated>false</IsTruncated>")
    async with store_on(none) as (store, server):
        await store.delete_version("a", "v")
    assert [each.method for each in server.requests] == ["GET"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("RequestTimeTooSkewed", StoreCredentials),
        ("InvalidAccessKeyId", StoreCredentials),
        ("ExpiredToken", StoreCredentials),
        ("AuthorizationHeaderMalformed", BucketMissing),
        ("AccessDenied", StoreDenied),
    ],
)
@pytest.mark.parametrize("ask", [lambda store: store.probe(), lambda store: store.stat("a")])
@pytest.mark.can_fail_on("scripted")
async def test_why_a_head_is_refused_is_asked_for(
    code: str, expected: type[AutodjError], ask: Callable[[S3Storage], Awaitable[object]]
) -> None:
    async with store_on(answering("403 Forbidden"), failing("403 Forbidden", code)) as (store, _):
        with pytest.raises(expected):
            await ask(store)


@pytest.mark.can_fail_on("scripted")
async def test_what_is_refused_for_itself_alone_stays_refused() -> None:
    async with store_on(answering("403 Forbidden"), listed()) as (store, server):
        with pytest.raises(StoreDenied):
            await store.stat("a")
    assert [each.method for each in server.requests] == ["HEAD", "GET"]


async def test_what_moves_to_archive_by_itself_comes_back_to_stay() -> None:
    asleep = answering(
        "200 OK",
        BODY,
        x_amz_storage_class="INTELLIGENT_TIERING",
        x_amz_archive_status="ARCHIVE_ACCESS",
        **DATED,
    )
    async with store_on(asleep, answering("202 Accepted"), asleep) as (store, server):
        assert (await store.restore("a", days=3)).archived
    # With a time to keep it for, S3 refuses.
    assert b"Days" not in server.requests[1].body
    assert b"<Tier>Standard</Tier>" in server.requests[1].body


@pytest.mark.can_fail_on("scripted")
async def test_what_may_pass_for_some_of_many_is_tried_again_for_these() -> None:
    def left(*codes: tuple[str, str]) -> Answer:
        told = (f"<Error><Key>p/{key}</Key><Code>{code}</Code></Error>" for key, code in codes)
        return document("DeleteResult", "<Deleted><Key>p/a</Key></Deleted>", *told)

    first = left(("b", "InternalError"), ("c", "SlowDown"), ("d", "AccessDenied"))
    done = document("DeleteResult", "<Deleted><Key>p/b</Key></Deleted>")
    async with store_on(first, left(("b", "SlowDown")), done, timing=PATIENT) as (store, server):
        with pytest.raises(DeleteIncomplete) as caught:
            await store.delete_many(["a", "b", "c", "d"])
    # Nothing was said of "c" at last, so it may be there.
    assert {key: type(error) for key, error in caught.value.failed.items()} == {
        "c": StoreError,
        "d": StoreDenied,
    }
    named = [re.findall(rb"<Key>p/(.)</Key>", each.body) for each in server.requests]
    assert named == [[b"a", b"b", b"c", b"d"], [b"b", b"c"], [b"b"]]


async def test_a_fault_of_one_batch_keeps_no_other_from_being_deleted() -> None:
    many = [f"k{n}" for n in range(1001)]
    last = document("DeleteResult", "<Deleted><Key>p/k1000</Key></Deleted>")
    async with store_on(failing("409 Conflict", "OperationAborted"), last) as (store, server):
        with pytest.raises(DeleteIncomplete) as caught:
            await store.delete_many(many)
    assert len(server.requests) == 2
    assert set(caught.value.failed) == set(many[:1000])


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("401 Unauthorized", StoreCredentials),
        ("403 Forbidden", StoreDenied),
        ("404 Not Found", ObjectNotFound),
        ("429 Too Many", StoreThrottled),
        ("502 Bad Gateway", StoreFaulty),
        ("503 Unavailable", StoreThrottled),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"<html>no<br></html>", b"{}"])
@pytest.mark.can_fail_on("scripted")
async def test_a_page_of_whatever_stands_in_front_is_taken_by_its_status(
    status: str, expected: type[AutodjError], body: bytes
) -> None:
    async with store_on(answering(status, body)) as (store, _):
        with pytest.raises(expected) as caught:
            await read(store, "a")
    assert caught.value.detail == f"GetObject p/a: {status[:3]}."


@pytest.mark.parametrize(
    ("status", "expected"),
    [("401 Unauthorized", StoreCredentials), ("429 Too Many", StoreThrottled)],
)
@pytest.mark.can_fail_on("scripted")
async def test_a_word_that_only_this_server_has_is_taken_by_its_status(
    status: str, expected: type[AutodjError]
) -> None:
    async with store_on(failing(status, "Peculiar")) as (store, _):
        with pytest.raises(expected, match="Peculiar"):
            await read(store, "a")


async def test_a_missing_object_is_not_found_in_a_bucket_that_may_not_be_looked_at() -> None:
    async with store_on(answering("404 x"), answering("403 x")) as (store, server):
        with pytest.raises(ObjectNotFound):
            await store.stat("a")
    assert [each.method for each in server.requests] == ["HEAD", "HEAD"]


@pytest.mark.parametrize("told", ["garbage!!", "c2hvcnQ=", "ünreadable"])
async def test_a_checksum_that_is_none_proves_nothing(told: str) -> None:
    digest = hashlib.sha256(BODY).hexdigest()
    said = answering("200 OK", BODY, x_amz_checksum_sha256=told, **DATED)
    async with store_on(said) as (store, server):
        assert (await store.stat("a")).sha256 is None
        await store.verify("a", sha256=digest, size_bytes=len(BODY))
        assert server.requests[-1].method == "GET"


async def test_a_restored_copy_without_a_time_is_still_archived() -> None:
    said = {"x_amz_storage_class": "GLACIER", "x_amz_restore": 'expiry-date="soon"', **DATED}
    async with store_on(answering("200 OK", BODY, **said)) as (store, _):
        state = await store.archive_state("a")
    assert (state.archived, state.readable_until) == (True, None)


async def test_a_list_to_delete_goes_with_the_checksum_that_old_servers_ask_for() -> None:
    done = document("DeleteResult", "<Deleted><Key>p/a</Key></Deleted>")
    async with store_on(done) as (store, server):
        await store.delete_many(["a"])
    (sent,) = server.requests
    assert b"<Key>p/a</Key>" in sent.body
    digest = hashlib.md5(sent.body, usedforsecurity=False).digest()
    assert sent.headers["content-md5"] == base64.b64encode(digest).decode()


@pytest.mark.can_fail_on("scripted")
async def test_a_large_object_is_sent_where_uploads_are_not_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(multipart, "RESUMABLE_BYTES", 1)
    body = patterned(5 * 1024**2)
    key = f"tracks/{hashlib.sha256(body).hexdigest()}.wav"
    free, unlisted = answering("404 x"), failing("501 x", "NotImplemented")
    async with store_on(free, unlisted, failing("403 x", "AccessDenied")) as (store, server):
        with pytest.raises(StoreDenied):
            await put(store, key, body)
    assert [each.method for each in server.requests] == ["HEAD", "GET", "POST"]
    assert server.requests[-1].target.endswith("?uploads")


def refusing(status: str, code: str, message: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return answering(status, body, content_type="application/xml")


async def test_why_a_server_refuses_what_s3_takes_is_told_in_its_own_words() -> None:
    why = "Unsupported header 'x-amz-checksum-sha256'\n  received for this API call."
    async with store_on(refusing("400 x", "InvalidArgument", why)) as (store, _):
        with pytest.raises(StoreError) as caught:
            await put(store, "a", BODY)
    assert caught.value.detail == (
        "PutObject a: InvalidArgument (Unsupported header 'x-amz-checksum-sha256' received for "
        "this API call)."
    )


@pytest.mark.parametrize("told", ["x" * 5000, "\x1b[31mred\x07", "", "InvalidArgument"])
async def test_words_of_a_server_are_short_and_plain(told: str) -> None:
    told = told.replace("\x1b", "&#x85;").replace("\x07", "&#x9b;")
    async with store_on(refusing("400 x", "InvalidArgument", told)) as (store, _):
        with pytest.raises(StoreError) as caught:
            await put(store, "a", BODY)
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail) < 300
    assert caught.value.detail.count("InvalidArgument") == 1
    assert "()" not in caught.value.detail


@pytest.mark.parametrize("code", ["NotImplemented", "501"])
async def test_what_a_server_lacks_is_told_with_where_to_read_of_it(code: str) -> None:
    async with store_on(failing("501 x", code)) as (store, _):
        with pytest.raises(StoreError) as caught:
            await put(store, "a", BODY)
    assert "docs/storage.md" in caught.value.hint


@pytest.mark.can_fail_on("scripted")
async def test_why_credentials_are_refused_is_not_told_in_the_words_of_the_server() -> None:
    """They name users and policies, and details are shown to whoever uses the API."""
    refused = refusing("403 x", "AccessDenied", "arn:aws:iam::123456789012:user/ana may not")
    async with store_on(refused) as (store, _):
        with pytest.raises(StoreDenied) as caught:
            await put(store, "a", BODY)
    assert "ana" not in caught.value.detail

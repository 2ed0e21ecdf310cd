"""The powers that more than one store has, tried on each of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodj.errors import (
    IntegrityFault,
    InvalidRequest,
    NotOffered,
    ObjectNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
)
from autodj.storage.base import ByteRange, Described, ObjectStat, Presigner
from autodj.storage.local import LocalStorage
from autodj.storage.metadata import MAX_METADATA_BYTES, decoded, encoded
from autodj.storage.powers import (
    OFFERED_BY,
    DirectUploads,
    Downloads,
    Metadata,
    Pruning,
    Replaceable,
    Restorable,
    Sealing,
    Versions,
    power,
)
from autodj.storage.s3 import S3Storage
from tests.storage.builders import KEY, keys, put, read, sha256

DOCUMENT = "projects/plan.json"
FIRST, SECOND, THIRD = b'{"n": 1}', b'{"n": 2, "more": true}', b'{"n": 3}'

Powerful = LocalStorage | S3Storage


async def replace(
    store: Powerful, body: bytes, if_match: str | None = None, **described: Any
) -> ObjectStat:
    return await store.replace(
        DOCUMENT,
        body,
        sha256=sha256(body),
        content_type="application/json",
        if_match=if_match,
        described=Described(**described),
    )


async def test_a_document_is_replaced_as_often_as_one_likes(store: Powerful) -> None:
    for body in (FIRST, SECOND, FIRST):
        stored = await replace(store, body, metadata={"uploaded-by": "ana"})

        assert stored == await store.stat(DOCUMENT)
        assert stored.size_bytes == len(body)
        assert stored.sha256 in {None, sha256(body)}
        assert stored.described.metadata == {"uploaded-by": "ana"}
        assert await read(store, DOCUMENT) == body
    assert await keys(store) == [DOCUMENT]


async def test_only_the_version_that_was_read_is_replaced(store: Powerful) -> None:
    first = await replace(store, FIRST)
    second = await replace(store, SECOND, if_match=first.etag)

    with pytest.raises(PreconditionFailed):
        await replace(store, THIRD, if_match=first.etag)

    assert await read(store, DOCUMENT) == SECOND
    await store.delete(DOCUMENT)
    with pytest.raises(PreconditionFailed):
        await replace(store, THIRD, if_match=second.etag)
    assert await keys(store) == []


@pytest.mark.parametrize("tag", ["", " ", "*", '"a\r\nx: y"', '"\0"', '"ä"', "\ud800"])
async def test_a_tag_that_no_state_has_is_a_condition_that_does_not_hold(
    store: Powerful, tag: str
) -> None:
    await replace(store, FIRST)

    with pytest.raises(PreconditionFailed):
        await replace(store, SECOND, if_match=tag)

    assert await read(store, DOCUMENT) == FIRST


@pytest.mark.parametrize("store", ["local", "real_s3"], indirect=True)
async def test_of_many_replacing_the_same_version_exactly_one_succeeds(store: Powerful) -> None:
    # moto compares and stores in two steps, so that several may win there.
    first = await replace(store, FIRST)
    bodies = [bytes([n]) * 5000 for n in range(6)]

    answers = await asyncio.gather(
        *(replace(store, body, if_match=first.etag) for body in bodies), return_exceptions=True
    )

    won = [b for b, got in zip(bodies, answers, strict=True) if isinstance(got, ObjectStat)]
    assert len(won) == 1
    assert {type(got) for got in answers} == {ObjectStat, PreconditionFailed}
    assert await read(store, DOCUMENT) == won[0]


@pytest.mark.parametrize("store", ["local", "real_s3"], indirect=True)
@pytest.mark.can_fail_on("local", "real_s3")
async def test_a_replacement_that_does_not_match_its_hash_changes_nothing(
    store: Powerful,
) -> None:
    # moto stores it, so it could not fail this.
    first = await replace(store, FIRST)

    with pytest.raises(IntegrityFault):
        await store.replace(DOCUMENT, SECOND, sha256=sha256(THIRD), content_type="application/json")

    assert await store.stat(DOCUMENT) == first
    assert await read(store, DOCUMENT) == FIRST


async def test_metadata_of_any_language_comes_back(store: Powerful) -> None:
    metadata = {
        "title": "Żółć - 夜曲 🎧", "uploaded-by": "ana@example.org", "at": " 12:00  ", "note": "",
    }  # fmt: skip
    first = await store.put(
        KEY,
        FIRST,
        sha256=sha256(FIRST),
        content_type="audio/mpeg",
        described=Described(metadata, content_encoding="identity"),
    )

    assert (await store.stat(KEY)).described.metadata == metadata == first.described.metadata
    changed = await store.set_metadata(KEY, {"title": "50 % more = 100 %25"})
    assert changed == await store.stat(KEY)
    assert changed.described == Described(
        {"title": "50 % more = 100 %25"}, content_encoding="identity"
    )
    assert (changed.content_type, changed.size_bytes) == ("audio/mpeg", len(FIRST))
    assert await read(store, KEY) == FIRST
    await store.verify(KEY, sha256=sha256(FIRST), size_bytes=len(FIRST))


async def test_what_is_no_metadata_reaches_no_store(store: Powerful) -> None:
    await put(store, KEY, FIRST)
    refused = [
        {"Title": "x"},
        {"a_b": "x"},
        {"": "x"},
        {"sha256": "x"},
        {"a": "\ud800"},
        {"a": "x" * MAX_METADATA_BYTES},
        {f"n{n}": "ä" * 50 for n in range(7)},
    ]
    for metadata in refused:
        with pytest.raises(InvalidRequest):
            await store.set_metadata(KEY, metadata)
        with pytest.raises(InvalidRequest):
            await store.put(
                "tracks/new",
                FIRST,
                sha256=sha256(FIRST),
                content_type="audio/mpeg",
                described=Described(metadata),
            )

    assert (await store.stat(KEY)).described.metadata == {}
    assert await keys(store) == [KEY]
    with pytest.raises(ObjectNotFound):
        await store.set_metadata("tracks/none", {"a": "b"})


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True), st.text()))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_metadata_is_ascii_when_stored_and_itself_when_read(metadata: dict[str, str]) -> None:
    try:
        stored = encoded(metadata)
    except InvalidRequest:
        size_bytes = sum(len(n) + 12 * len(v) for n, v in metadata.items())
        assert size_bytes > MAX_METADATA_BYTES or "sha256" in metadata or _has_surrogates(metadata)
        return
    for value in stored.values():
        assert value.isascii()
        assert value.isprintable()
        assert " " not in value
    assert decoded(stored) == metadata


def _has_surrogates(metadata: dict[str, str]) -> bool:
    return any("\ud800" <= char <= "\udfff" for value in metadata.values() for char in value)


async def test_former_versions_are_listed_read_and_restored(versioned: Powerful) -> None:
    for body in (FIRST, SECOND, THIRD):
        await replace(versioned, body, metadata={"length": str(len(body))})

    listed = await versioned.versions(DOCUMENT)

    assert [each.size_bytes for each in listed] == [len(THIRD), len(SECOND), len(FIRST)]
    assert [each.current for each in listed] == [True, False, False]
    for each, body in zip(listed, (THIRD, SECOND, FIRST), strict=True):
        assert await read_version(versioned, each.version_id) == body
    assert await read_version(versioned, listed[1].version_id, ByteRange(2, 5)) == SECOND[2:5]

    restored = await versioned.restore_version(DOCUMENT, listed[1].version_id)

    assert restored == await versioned.stat(DOCUMENT)
    assert restored.described.metadata == {"length": str(len(SECOND))}
    assert restored.content_type == "application/json"
    assert await read(versioned, DOCUMENT) == SECOND
    assert len(await versioned.versions(DOCUMENT)) == 4


async def test_a_deleted_document_can_be_brought_back(versioned: Powerful) -> None:
    await replace(versioned, FIRST)
    await replace(versioned, SECOND)
    await versioned.delete(DOCUMENT)

    assert await keys(versioned) == []
    with pytest.raises(ObjectNotFound):
        await versioned.stat(DOCUMENT)
    listed = await versioned.versions(DOCUMENT)
    assert [(each.size_bytes, each.current) for each in listed] == [
        (len(SECOND), False),
        (len(FIRST), False),
    ]
    await versioned.restore_version(DOCUMENT, listed[1].version_id)
    assert await read(versioned, DOCUMENT) == FIRST


async def test_a_version_deleted_is_gone_and_the_others_stay(versioned: Powerful) -> None:
    for body in (FIRST, SECOND, THIRD):
        await replace(versioned, body)
    _, middle, oldest = await versioned.versions(DOCUMENT)

    await versioned.delete_version(DOCUMENT, middle.version_id)
    await versioned.delete_version(DOCUMENT, middle.version_id)

    with pytest.raises(ObjectNotFound):
        await read_version(versioned, middle.version_id)
    assert await read_version(versioned, oldest.version_id) == FIRST
    assert await read(versioned, DOCUMENT) == THIRD
    assert len(await versioned.versions(DOCUMENT)) == 2


@pytest.mark.parametrize("store", ["local", "real_s3", "proxied_s3"], indirect=True)
@pytest.mark.can_fail_on("local", "real_s3")
async def test_what_changed_since_it_was_found_is_not_deleted_with_the_rest(
    store: Powerful,
) -> None:
    # moto deletes it, so it could not fail this.
    await put(store, "a/stays", FIRST)
    await put(store, "a/goes", FIRST)
    await put(store, "a/went", FIRST)
    found = [await store.stat(key) for key in await keys(store)]
    await store.replace("a/stays", SECOND, sha256=sha256(SECOND), content_type="application/json")
    await store.delete("a/went")

    assert await store.delete_unchanged(found) == {"a/stays"}

    assert await keys(store) == ["a/stays"]
    assert await read(store, "a/stays") == SECOND
    assert await store.delete_unchanged([]) == set()


async def test_versions_belong_to_one_key(versioned: Powerful) -> None:
    await replace(versioned, FIRST)
    for key in (f"{DOCUMENT}.bak", f"{DOCUMENT}-2"):
        await put(versioned, key, SECOND)

    assert len(await versioned.versions(DOCUMENT)) == 1
    assert list(await versioned.versions("projects/never.json")) == []


@pytest.mark.parametrize("version_id", ["../../etc/passwd", "nonsense", "0", "ffff"])
async def test_what_is_no_version_is_not_found(versioned: Powerful, version_id: str) -> None:
    await replace(versioned, FIRST)

    with pytest.raises(ObjectNotFound):
        await read_version(versioned, version_id)
    with pytest.raises(ObjectNotFound):
        await versioned.restore_version(DOCUMENT, version_id)
    with pytest.raises((ObjectNotFound, RangeNotSatisfiable)):
        await read_version(versioned, version_id, ByteRange(0, 1))


async def test_where_no_versions_are_kept_nothing_is_taken_for_one(store: Powerful) -> None:
    await replace(store, FIRST)

    for version_id in ("nonsense", "ffff"):
        with pytest.raises(ObjectNotFound):
            await read_version(store, version_id)
        with pytest.raises(ObjectNotFound):
            await store.restore_version(DOCUMENT, version_id)
        await store.delete_version(DOCUMENT, version_id)

    assert [each.current for each in await store.versions(DOCUMENT)] == [True]
    assert await read(store, DOCUMENT) == FIRST


@pytest.mark.parametrize("store", ["local", "real_s3", "proxied_s3"], indirect=True)
async def test_the_only_version_is_restored_by_leaving_it_there(store: Powerful) -> None:
    # moto finds no such version where none are kept.
    await replace(store, FIRST)
    (only,) = await store.versions(DOCUMENT)

    assert await read_version(store, only.version_id) == FIRST
    assert await store.restore_version(DOCUMENT, only.version_id) == await store.stat(DOCUMENT)
    assert await read(store, DOCUMENT) == FIRST

    (now,) = await store.versions(DOCUMENT)
    await store.delete_version(DOCUMENT, now.version_id)
    assert await keys(store) == []


def test_each_power_is_asked_for_and_granted_or_named(tmp_path: Any, moto: S3Storage) -> None:
    local = LocalStorage(tmp_path)
    everywhere = {Replaceable, Metadata, Versions, Pruning}
    only_s3 = {Restorable, Presigner, Downloads, DirectUploads, Sealing}
    assert everywhere | only_s3 == set(OFFERED_BY)
    for each in OFFERED_BY:
        assert power(moto, each) is moto
    for each in everywhere:
        assert power(local, each) is local
    for each in only_s3:
        with pytest.raises(NotOffered, match=each.__name__) as caught:
            power(local, each)
        assert "S3" in caught.value.hint


async def read_version(
    store: Powerful, version_id: str, byte_range: ByteRange | None = None
) -> bytes:
    async with store.read_version(DOCUMENT, version_id, byte_range) as blocks:
        return b"".join([block async for block in blocks])

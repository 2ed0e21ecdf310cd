"""What the bytes of an object are compared with, on every way that they come."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from autodj.errors import IntegrityFault
from autodj.storage.base import Described
from autodj.storage.checks import BodyCheck
from autodj.storage.download import download
from autodj.storage.metadata import MAX_METADATA_BYTES, MAX_STORED_BYTES
from autodj.storage.powers import Versions
from autodj.storage.s3 import S3Storage
from autodj.storage.s3 import sending as way_out
from autodj.storage.s3.vouching import Vouched, crc32_note, full_sha256, vouched, with_note
from tests.storage.builders import KEY, put, read, sha256
from tests.storage.faults import Answer, answering, cutting
from tests.storage.faulty_s3 import BODY, CHECKSUM, DATED, PATIENT, store_on

FLIPPED = BODY[:77] + b"?" + BODY[78:]
HASH = sha256(BODY)
CRC = crc32(BODY)
NOTE = crc32_note(CRC, HASH)["autodj-crc32"]
OTHER_NOTE = crc32_note(CRC ^ 1, HASH)["autodj-crc32"]
STALE_NOTE = crc32_note(crc32(FLIPPED), sha256(FLIPPED))["autodj-crc32"]

Way = Callable[[S3Storage, Path], Awaitable[bytes]]


def header(crc: int) -> str:
    return base64.b64encode(crc.to_bytes(4, "big")).decode()


def sending(body: bytes, **said: Any) -> Answer:
    return answering("200 OK", body, **said, **DATED)


async def by_reading(store: S3Storage, folder: Path) -> bytes:
    del folder
    return await read(store, KEY)


async def by_name(store: S3Storage, folder: Path) -> bytes:
    """As a file, of which the hash and the size are known."""
    await download(store, KEY, folder / "x", sha256=HASH, size_bytes=len(BODY))
    return (folder / "x").read_bytes()


async def unnamed(store: S3Storage, folder: Path) -> bytes:
    """As a file, of which nothing is known but what the store says."""
    await download(store, KEY, folder / "x")
    return (folder / "x").read_bytes()


KNOWN: Mapping[str, Mapping[str, str]] = {
    "its SHA-256": {"x_amz_checksum_sha256": CHECKSUM},
    "its SHA-256, our CRC-32": {
        "x_amz_checksum_sha256": CHECKSUM,
        "x_amz_meta_autodj_crc32": NOTE,
    },
    "its SHA-256, the CRC-32 of others": {
        "x_amz_checksum_sha256": CHECKSUM,
        "x_amz_meta_autodj_crc32": STALE_NOTE,
    },
    "its SHA-256, a note that is none": {
        "x_amz_checksum_sha256": CHECKSUM,
        "x_amz_meta_autodj_crc32": "5",
    },
    "its CRC-32": {"x_amz_checksum_crc32": header(CRC), "x_amz_checksum_type": "FULL_OBJECT"},
    "its CRC-32, our SHA-256": {
        "x_amz_checksum_crc32": header(CRC),
        "x_amz_checksum_type": "FULL_OBJECT",
        "x_amz_meta_autodj_sha256": HASH,
    },
}


@pytest.mark.parametrize("way", [by_reading, by_name, unnamed])
@pytest.mark.parametrize("said", KNOWN.values(), ids=KNOWN)
@pytest.mark.can_fail_on("scripted")
async def test_a_body_that_changed_on_the_way_is_refused_whatever_the_store_keeps(
    said: Mapping[str, str], way: Way, tmp_path: Path
) -> None:
    right = sending(BODY, **said)
    looks = [right] if way is unnamed else []
    async with store_on(*looks, right, *looks, sending(FLIPPED, **said)) as (store, _server):
        assert await way(store, tmp_path) == BODY
        (tmp_path / "x").unlink(missing_ok=True)
        with pytest.raises(IntegrityFault):
            await way(store, tmp_path)
    assert not (tmp_path / "x").exists()


@pytest.mark.can_fail_on("scripted")
async def test_a_file_of_known_hash_is_hashed_where_the_store_keeps_nothing(
    tmp_path: Path,
) -> None:
    for said in ({}, {"x_amz_meta_autodj_crc32": NOTE}, {"x_amz_checksum_crc32": "AAAAAA==-2"}):
        async with store_on(sending(FLIPPED, **said)) as (store, _server):
            with pytest.raises(IntegrityFault):
                await by_name(store, tmp_path)
        async with store_on(sending(BODY, **said)) as (store, _server):
            assert await by_name(store, tmp_path) == BODY
        (tmp_path / "x").unlink()


@pytest.mark.parametrize("way", [by_reading, by_name, unnamed])
@pytest.mark.can_fail_on("scripted")
async def test_the_crc32_is_what_is_compared_where_it_is_known(way: Way, tmp_path: Path) -> None:
    wrong = {"x_amz_checksum_sha256": CHECKSUM, "x_amz_meta_autodj_crc32": OTHER_NOTE}
    async with store_on(sending(BODY, **wrong)) as (store, _server):
        with pytest.raises(IntegrityFault):
            await way(store, tmp_path)
    assert not (tmp_path / "x").exists()


@pytest.mark.can_fail_on("scripted")
async def test_a_hash_that_only_stands_beside_an_object_does_not_name_it(tmp_path: Path) -> None:
    """Whoever may write objects may write what stands beside them."""
    forged = {
        "x_amz_checksum_crc32": header(crc32(FLIPPED)),
        "x_amz_checksum_type": "FULL_OBJECT",
        "x_amz_meta_autodj_sha256": HASH,
        "x_amz_meta_autodj_crc32": crc32_note(crc32(FLIPPED), HASH)["autodj-crc32"],
    }
    async with store_on(sending(FLIPPED, **forged)) as (store, _server):
        with pytest.raises(IntegrityFault):
            await by_name(store, tmp_path)
    assert not (tmp_path / "x").exists()


@pytest.mark.can_fail_on("scripted")
async def test_another_object_than_the_recorded_one_is_refused_before_it_is_fetched(
    tmp_path: Path,
) -> None:
    other = base64.b64encode(bytes.fromhex(sha256(FLIPPED))).decode()
    said = {"x_amz_checksum_sha256": other, "x_amz_meta_autodj_crc32": STALE_NOTE}
    for answer in (
        sending(FLIPPED, **said),
        sending(BODY + b"0", **KNOWN["its SHA-256, our CRC-32"]),
        sending(BODY[:-1], **KNOWN["its SHA-256, our CRC-32"]),
    ):
        told: list[int] = []
        async with store_on(answer) as (store, _server):
            with pytest.raises(IntegrityFault):
                await download(
                    store,
                    KEY,
                    tmp_path / "x",
                    sha256=HASH,
                    size_bytes=len(BODY),
                    progress=told.append,
                )
        assert told == []
        assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("way", [by_reading, by_name])
@pytest.mark.can_fail_on("scripted")
async def test_a_body_of_two_answers_is_compared_as_a_whole(way: Way, tmp_path: Path) -> None:
    said = KNOWN["its SHA-256, our CRC-32"]
    cut = cutting("200 OK", BODY[:50], length=len(BODY), **said, **DATED)
    for rest, good in ((BODY[50:], True), (FLIPPED[50:], False)):
        later = answering("206 Partial Content", rest, Content_Range="bytes 50-9999/10000", **DATED)
        async with store_on(cut, later, timing=PATIENT) as (store, _server):
            if good:
                assert await way(store, tmp_path) == BODY
                (tmp_path / "x").unlink(missing_ok=True)
            else:
                with pytest.raises(IntegrityFault):
                    await way(store, tmp_path)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({}, Vouched()),
        ({"ChecksumSHA256": CHECKSUM}, Vouched(HASH)),
        ({"ChecksumSHA256": f"{CHECKSUM}-3"}, Vouched()),
        ({"ChecksumSHA256": CHECKSUM, "Metadata": {"autodj-crc32": NOTE}}, Vouched(HASH, CRC)),
        ({"ChecksumSHA256": CHECKSUM, "Metadata": {"autodj-crc32": STALE_NOTE}}, Vouched(HASH)),
        ({"Metadata": {"autodj-crc32": NOTE, "autodj-sha256": HASH}}, Vouched()),
        ({"ChecksumCRC32": header(CRC)}, Vouched()),
        ({"ChecksumCRC32": header(CRC), "ChecksumType": "COMPOSITE"}, Vouched()),
        ({"ChecksumCRC32": header(CRC), "ChecksumType": "FULL_OBJECT"}, Vouched(None, CRC)),
        ({"ChecksumCRC32": "no base64", "ChecksumType": "FULL_OBJECT"}, Vouched()),
        ({"ChecksumCRC32": "AAAA", "ChecksumType": "FULL_OBJECT"}, Vouched()),
    ],
)
def test_what_the_store_says_and_what_was_noted_are_told_apart(
    answer: Mapping[str, Any], expected: Vouched
) -> None:
    assert vouched(answer) == expected


def test_the_hash_of_an_object_in_parts_stands_beside_its_crc32() -> None:
    whole = {"ChecksumCRC32": header(CRC), "ChecksumType": "FULL_OBJECT"}
    noted = {"Metadata": {"autodj-sha256": HASH}}
    assert full_sha256({**whole, **noted}) == HASH
    assert full_sha256(whole) is None
    assert full_sha256(noted) is None


@pytest.mark.parametrize(
    "known", [{"crc32": CRC}, {"sha256": HASH}, {"crc32": CRC, "sha256": "00" * 32}]
)
def test_a_check_hears_every_byte(known: Any) -> None:
    for body, right in ((BODY, True), (FLIPPED, False), (BODY[:-1], False), (b"", False)):
        check = BodyCheck(**known)
        for start in range(0, len(body), 999):
            check.update(body[start : start + 999])
        assert check.knows
        assert check.holds is right


def test_who_knows_nothing_takes_everything() -> None:
    check = BodyCheck()
    check.update(FLIPPED)
    assert check.holds
    assert not check.knows


def test_a_note_that_does_not_fit_is_left_out() -> None:
    note = crc32_note(CRC, HASH)
    room = MAX_STORED_BYTES - len("autodj-crc32") - len(NOTE) - len("a")
    assert with_note({"a": "x" * room}, note) == {"a": "x" * room, **note}
    assert with_note({"a": "x" * (room + 1)}, note) == {"a": "x" * (room + 1)}


async def noted(store: S3Storage, key: str) -> int | None:
    return vouched(await store._bucket.head(key)).crc32


async def test_the_note_goes_with_the_bytes_and_is_nobodys_business(real_s3: S3Storage) -> None:
    await put(real_s3, KEY, BODY)
    assert await noted(real_s3, KEY) == CRC
    assert (await real_s3.stat(KEY)).described.metadata == {}

    await real_s3.copy(KEY, "tracks/copied")
    changed = await real_s3.set_metadata("tracks/copied", {"a": "b"})
    assert changed.described.metadata == {"a": "b"}
    assert await noted(real_s3, "tracks/copied") == CRC
    assert await read(real_s3, "tracks/copied") == BODY


async def test_a_version_that_is_restored_has_its_own_note(versioned_real_s3: S3Storage) -> None:
    store = versioned_real_s3
    for body in (BODY, FLIPPED):
        await store.replace(KEY, body, sha256=sha256(body), content_type="a/b")
    assert await noted(store, KEY) == crc32(FLIPPED)
    assert isinstance(store, Versions)
    _, first = await store.versions(KEY)
    await store.restore_version(KEY, first.version_id)
    assert await noted(store, KEY) == CRC
    assert await read(store, KEY) == BODY


async def test_metadata_that_takes_all_the_room_leaves_the_hash_to_the_store(
    real_s3: S3Storage, tmp_path: Path
) -> None:
    full = Described({"a": "x" * (MAX_METADATA_BYTES - 1)})
    await real_s3.put(KEY, BODY, sha256=HASH, content_type="a/b", described=full)
    assert await noted(real_s3, KEY) is None
    assert await read(real_s3, KEY) == BODY
    assert await by_name(real_s3, tmp_path) == BODY


async def test_a_body_too_large_to_be_read_twice_is_sent_without_a_note(
    real_s3: S3Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(way_out, "NOTED_BYTES", len(BODY) - 1)
    await put(real_s3, KEY, BODY)
    assert await noted(real_s3, KEY) is None
    assert await by_name(real_s3, tmp_path) == BODY

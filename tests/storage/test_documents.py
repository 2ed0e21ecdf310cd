"""JSON documents on every store."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodj.errors import IntegrityFault, PreconditionFailed, TooLarge
from autodj.storage.documents import (
    MAX_DOCUMENT_BYTES,
    load_document,
    packed,
    save_document,
    unpacked,
)
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Storage
from tests.storage.builders import read

KEY = "projects/7/prd/launch.json"
ENVELOPE: dict[str, Any] = {
    "content": "Żółć " * 1000,
    "metadata": {"prd_id": 7, "prd_name": "launch", "updated_by": "ana"},
    "type": "prd",
}

Powerful = LocalStorage | S3Storage


async def test_a_long_document_is_stored_compressed_and_read_as_it_was(store: Powerful) -> None:
    stored = await save_document(store, KEY, ENVELOPE, metadata={"uploaded-by": "ana"})

    assert stored.described.content_encoding == "gzip"
    assert stored.content_type == "application/json"
    assert stored.size_bytes < 500
    assert gzip.decompress(await read(store, KEY)).startswith(b'{"content"')
    found = await load_document(store, KEY)
    assert found.content == ENVELOPE
    assert found.stat == stored


async def test_a_short_document_stays_plain(store: Powerful) -> None:
    stored = await save_document(store, KEY, {"a": 1})

    assert stored.described.content_encoding is None
    assert await read(store, KEY) == b'{"a": 1}'
    assert (await load_document(store, KEY)).content == {"a": 1}


async def test_what_was_read_is_what_is_replaced(store: Powerful) -> None:
    await save_document(store, KEY, {"n": 1})
    found = await load_document(store, KEY)
    await save_document(store, KEY, {"n": 2}, if_match=found.stat.etag)

    with pytest.raises(PreconditionFailed):
        await save_document(store, KEY, {"n": 3}, if_match=found.stat.etag)

    assert (await load_document(store, KEY)).content == {"n": 2}


@pytest.mark.parametrize("store", ["local", "real_s3"], indirect=True)
async def test_an_increment_is_never_lost_while_others_write(store: Powerful) -> None:
    async def counting_up() -> None:
        for _ in range(8):
            try:
                found = await load_document(store, KEY)
                await save_document(
                    store, KEY, {"n": found.content["n"] + 1}, if_match=found.stat.etag
                )
            except PreconditionFailed:
                continue
            counted.append(1)

    counted: list[int] = []
    await save_document(store, KEY, {"n": 0})
    await asyncio.gather(*(counting_up() for _ in range(4)))

    assert (await load_document(store, KEY)).content == {"n": len(counted)}
    assert len(counted) >= 8


def test_the_same_content_is_the_same_bytes() -> None:
    assert packed(ENVELOPE) == packed(dict(ENVELOPE))


def test_a_document_that_does_not_compress_stays_plain() -> None:
    body, encoding = packed({"a": "x"}, compress_above_bytes=0)

    assert (body, encoding) == (b'{"a": "x"}', None)


@given(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=300)), st.integers(0, 500)
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_document_comes_back(content: dict[str, Any], above: int) -> None:
    try:
        body, _ = packed(content, compress_above_bytes=above)
    except UnicodeEncodeError:
        return
    assert unpacked(body) == content


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"\xff", b"1", b"\x1f\x8bnonsense", b"[" * 100_000,
     gzip.compress(b"[1]", mtime=0), gzip.compress(b'{"a": 1}', mtime=0)[:-4],
     gzip.compress(b'{"a": 1}', mtime=0) + b"?"],
)  # fmt: skip
@pytest.mark.can_fail_on("ourselves")
def test_what_is_no_document_is_a_fault(body: bytes) -> None:
    with pytest.raises(IntegrityFault):
        unpacked(body)


def test_a_document_may_not_be_too_long_in_either_direction() -> None:
    with pytest.raises(TooLarge):
        packed({"a": "x" * MAX_DOCUMENT_BYTES})
    with pytest.raises(TooLarge):
        unpacked(gzip.compress(b" " * (MAX_DOCUMENT_BYTES + 1)))

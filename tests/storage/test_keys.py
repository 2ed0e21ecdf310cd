"""Object keys: a small grammar, and builders that can be read back."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodj.errors import InvalidRequest
from autodj.storage.keys import (
    KeyKind,
    KeyParts,
    analysis_key,
    check_key,
    cover_key,
    is_key,
    parse_key,
    rendition_key,
    track_key,
)

ID = UUID("0B0E7A52-1111-4222-8333-444455556666")
HASH = "ab" * 32

unhurried = settings(deadline=None)  # a busy machine is not a slow function
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)


@pytest.mark.parametrize("key", ["a", "a/b.c_d-e", "0", "_", "-/-", "a./b", "x" * 200])
def test_a_key_is_returned_as_it_is(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "", "/", "/a", "a/", "a//b", "..", "a/..", "../a", "a..b", ".", "a/./b", ".a", "a/.b",
        "A", "a b", "a\n", "a\x00", "ä", "\uff41", "a*", "a?", "a#", "a%2e", "a\\b", "a'", 'a"',
        "a+", "x" * 201,
    ],
)  # fmt: skip
def test_anything_else_is_no_key(key: str) -> None:
    assert not is_key(key)
    with pytest.raises(InvalidRequest):
        check_key(key)


@pytest.mark.parametrize(
    ("key", "why"),
    [("", "200"), ("x" * 201, "200"), ("a..b", "'..'"), ("A", "a-z"), ("/a", "empty")],
)
def test_what_is_no_key_hears_why(key: str, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        check_key(key)


@given(st.text("abz09/._-", max_size=30) | st.text(max_size=10))
@unhurried
def test_a_key_means_the_same_to_a_url_and_a_file_system(key: str) -> None:
    if is_key(key):
        assert quote(key) == key
        assert str(PurePosixPath("/root") / key) == f"/root/{key}"
        assert ".." not in PurePosixPath(key).parts


def test_each_builder_writes_its_own_shape() -> None:
    base = "0b0e7a52-1111-4222-8333-444455556666"

    assert track_key(ID, 3, HASH, "mp3") == f"tracks/{base}/3-{HASH}.mp3"
    assert analysis_key(ID, HASH) == f"analysis/{base}/{HASH}.json.gz"
    newer = analysis_key(ID, HASH, 3, "00ff00ff")
    assert newer == f"analysis/{base}/v3-00ff00ff-{HASH}.json.gz"
    assert cover_key(ID, HASH) == f"covers/{base}/{HASH}.jpg"


@given(
    st.uuids(),
    st.integers(0, 9_999_999_999),
    hashes,
    st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True),
)
@unhurried
def test_a_track_key_is_read_back_as_its_parts(
    track_id: UUID, generation: int, sha256: str, extension: str
) -> None:
    key = track_key(track_id, generation, sha256, extension)

    assert is_key(key)
    assert parse_key(key) == KeyParts(KeyKind.TRACK, track_id, sha256, extension, generation)


@given(
    st.uuids(),
    st.from_regex(r"[a-z]{1,16}", fullmatch=True),
    st.integers(0, 9_999_999_999),
    hashes,
)
@unhurried
def test_a_rendition_key_is_read_back_as_its_parts(
    track_id: UUID, name: str, generation: int, sha256: str
) -> None:
    key = rendition_key(track_id, name, generation, sha256, "m4a")

    assert is_key(key)
    assert key.startswith(f"renditions/{track_id}/{name}-{generation}-")
    parts = KeyParts(KeyKind.RENDITION, track_id, sha256, "m4a", generation, name)
    assert parse_key(key) == parts


@pytest.mark.parametrize("name", ["", "Playback", "play-back", "a" * 17, "a/b", ".."])
def test_other_names_make_no_rendition_key(name: str) -> None:
    with pytest.raises(InvalidRequest):
        rendition_key(ID, name, 1, HASH, "m4a")


@given(st.uuids(), hashes, st.integers(1, 99999), st.from_regex("[0-9a-f]{8}", fullmatch=True))
@unhurried
def test_document_keys_are_read_back_as_their_parts(
    track_id: UUID, sha256: str, version: int, token: str
) -> None:
    analysis, cover = analysis_key(track_id, sha256), cover_key(track_id, sha256)

    assert is_key(analysis)
    assert is_key(cover)
    assert parse_key(analysis) == KeyParts(KeyKind.ANALYSIS, track_id, sha256, "json.gz")
    newer = analysis_key(track_id, sha256, version, token)
    assert parse_key(newer) == KeyParts(
        KeyKind.ANALYSIS, track_id, sha256, "json.gz", version=version
    )
    assert parse_key(cover) == KeyParts(KeyKind.COVER, track_id, sha256, "jpg")


@pytest.mark.parametrize(
    "key",
    [
        "", "tracks", "a/b",
        f"tracks/{ID}/00-{HASH}.mp3", f"tracks/{ID}/-1-{HASH}.mp3", f"tracks/{ID}/{HASH}.mp3",
        f"tracks/{str(ID).upper()}/0-{HASH}.mp3", f"tracks/{ID.hex}/0-{HASH}.mp3",
        f"tracks/{ID}/0-{HASH[1:]}.mp3", f"tracks/{ID}/0-{HASH.upper()}.mp3",
        f"tracks/{ID}/0-{HASH}", f"tracks/{ID}/0-{HASH}.json.gz", f"tracks/{ID}/0-{HASH}.mp3\n",
        f"covers/{ID}/{HASH}.png", f"analysis/{ID}/{HASH}.json", f"x/tracks/{ID}/0-{HASH}.mp3",
    ],
)  # fmt: skip
def test_a_key_that_no_builder_makes_has_no_parts(key: str) -> None:
    assert parse_key(key) is None


@pytest.mark.parametrize(
    ("generation", "sha256", "extension"),
    [(-1, HASH, "mp3"), (10**10, HASH, "mp3"), (0, "", "mp3"), (0, HASH.upper(), "mp3"),
     (0, HASH, ""), (0, HASH, "MP3"), (0, HASH, "a/b"), (0, HASH, "tar.gz"), (0, HASH, "..")],
)  # fmt: skip
def test_parts_that_make_no_key_are_refused(generation: int, sha256: str, extension: str) -> None:
    with pytest.raises(InvalidRequest):
        track_key(ID, generation, sha256, extension)

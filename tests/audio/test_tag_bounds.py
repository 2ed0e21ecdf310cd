"""Tags may not claim more than there is room for, and honest ones never do."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from autodj.audio.artwork import draw_cover
from autodj.audio.encode import TARGETS
from autodj.audio.id3 import MAX_TAG_ENTRIES, audio_offset
from autodj.audio.identify import (
    AAC,
    CAF,
    FLAC,
    M4A,
    MP3,
    OGG,
    OPUS,
    WAV,
    WAVPACK,
    Container,
    identify,
)
from autodj.audio.tag_bounds import check_tags
from autodj.errors import AudioRejected
from tests.audio.hostile import with_checksums
from tests.clips import make_clip

LIMIT = 16 * 1024 * 1024


def box(name: bytes, content: bytes, *, claimed: int | None = None) -> bytes:
    size = 8 + len(content) if claimed is None else claimed
    return struct.pack(">I", size) + name + content


def mp4(items: bytes, *, version: bytes = bytes(4)) -> bytes:
    handler = box(b"hdlr", bytes(25))
    meta = box(b"meta", version + handler + box(b"ilst", items))
    return box(b"ftyp", b"M4A " + bytes(4)) + box(b"moov", box(b"udta", meta))


def check(data: bytes, container: Container, limit: int = LIMIT) -> None:
    check_tags(io.BytesIO(data), container, limit)


@pytest.mark.parametrize("codec", TARGETS)
def test_honest_tags_pass(tmp_path: Path, codec: str) -> None:
    cover = draw_cover(1) if TARGETS[codec].takes_cover else None
    path = make_clip(
        tmp_path / f"clip.{'m4a' if codec == 'alac' else codec}",
        0.3,
        codec=codec,
        tags={"title": "Lantern", "comment": "x" * 70_000},
        cover=cover,
    )
    with path.open("rb") as file:
        check_tags(file, identify(path), LIMIT)


@pytest.mark.parametrize("version", [bytes(4), b""], ids=["MP4", "QuickTime"])
@pytest.mark.parametrize(
    "items",
    [
        box(b"\xa9nam", box(b"data", bytes(20)), claimed=2**31 - 1),
        box(b"\xa9nam", box(b"data", bytes(20), claimed=2**31 - 1)),
        box(b"\xa9nam", box(b"data", bytes(20), claimed=60)),
        box(b"covr", box(b"data", bytes(20))) + box(b"----", bytes(4), claimed=2**32 - 1),
        struct.pack(">I4sQ", 1, b"covr", 2**63) + bytes(20),
    ],
)
def test_a_box_beyond_what_holds_it_is_refused(items: bytes, version: bytes) -> None:
    with pytest.raises(AudioRejected) as refused:
        check(mp4(items, version=version), M4A)
    assert refused.value.code == "tags_too_large"


@pytest.mark.parametrize("version", [bytes(4), b""], ids=["MP4", "QuickTime"])
def test_boxes_that_fit_are_let_be(version: bytes) -> None:
    items = box(b"\xa9nam", box(b"data", bytes(20))) + box(b"covr", box(b"data", bytes(500)))
    check(mp4(items, version=version), M4A)
    check(mp4(b"", version=version), M4A)
    with pytest.raises(AudioRejected):
        check(mp4(items, version=version), M4A, 400)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        struct.pack(">I4sQ", 1, b"moov", 2**63 - 1),
        box(b"ftyp", bytes(8)) + struct.pack(">I4sQ", 1, b"moov", 2**64 - 1) + bytes(40),
        box(b"moov", struct.pack(">I4sQ", 1, b"udta", 2**62) + box(b"meta", bytes(12))),
        box(b"moov", box(b"udta", bytes(4)), claimed=0),
        box(b"moov", bytes(20), claimed=3),
    ],
)
def test_boxes_that_make_no_sense_are_left_to_the_decoder(data: bytes) -> None:
    check(data, M4A)


def test_comments_are_found_however_many_pages_they_fill(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "clip.ogg", 0.3, tags={"comment": "x" * 200_000}).read_bytes()
    check(data, OGG)
    with pytest.raises(AudioRejected):
        check(data, OGG, 100_000)
    at = data.index(b"\x03vorbis") + 7
    count_at = at + 4 + int.from_bytes(data[at : at + 4], "little")
    lying = data[:count_at] + struct.pack("<I", 60_000) + data[count_at + 4 :]
    with pytest.raises(AudioRejected, match="60000 comments"):
        check(with_checksums(lying), OGG)


@pytest.mark.parametrize("container", [FLAC, OGG, OPUS, WAV, MP3])
@pytest.mark.parametrize("size", [0, 3, 27, 44, 100])
def test_files_that_end_early_are_left_to_the_decoder(container: Container, size: int) -> None:
    for start in (b"fLaC", b"OggS", b"RIFF"):
        check((start + bytes(100))[:size], container)


def comments(count: int) -> bytes:
    each = b"".join(struct.pack("<I", 5) + b"A%03x=" % (number % 4096) for number in range(count))
    return struct.pack("<II", 0, count) + each


def flac(count: int) -> bytes:
    """Two blocks of comments, of which FFmpeg reads both."""
    halves = (comments(count // 2), comments(count - count // 2))
    first, last = (
        bytes((kind,)) + len(each).to_bytes(3, "big") + each
        for kind, each in zip((0x04, 0x84), halves, strict=True)
    )
    return b"fLaC" + b"\0\0\0\x22" + bytes(34) + first + last


def ogg(count: int) -> bytes:
    packet = b"\x03vorbis" + comments(count)
    data = b"OggS" + bytes(22) + b"\x01\x1e" + bytes(30)
    while packet:
        segments = [255] * min(255, len(packet) // 255)
        segments += [len(packet) % 255] if len(segments) < 255 else []
        size = sum(segments)
        data += b"OggS" + bytes(22) + bytes((len(segments), *segments)) + packet[:size]
        packet = packet[size:]
    return data


def apple(count: int) -> bytes:
    return mp4(box(b"----", bytes(4)) * count)


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def listed(count: int) -> bytes:
    """Two lists, with padding in them that counts for nothing."""
    halves = (count // 2, count - count // 2)
    lists = (b"INFO" + bytes(64_000) + chunk(b"INAM", b"x\0") * half for half in halves)
    return b"RIFF\0\0\0\0WAVE" + b"".join(chunk(b"LIST", each) for each in lists)


def id3(count: int, version: int = 3) -> bytes:
    """Frames of one byte in two tags."""
    frame = b"TXX\0\0\1x" if version == 2 else b"TXXX\0\0\0\1\0\0x"
    tags = b""
    for half in (count // 2, count - count // 2):
        size = bytes(len(frame) * half >> shift & 0x7F for shift in (21, 14, 7, 0))
        tags += b"ID3" + bytes((version, 0, 0)) + size + frame * half
    return tags


def id3_in_chunks(count: int) -> bytes:
    half = id3(count)[: len(id3(count)) // 2]
    return b"RIFF\0\0\0\0WAVE" + chunk(b"id3 ", half) * 2


def caf(count: int) -> bytes:
    return b"caff\0\1\0\0" + b"info" + struct.pack(">qI", 4 + 8, count) + bytes(8)


def ape(count: int) -> bytes:
    return bytes(100) + b"APETAGEX" + struct.pack("<IIII", 2000, 32, count, 0) + bytes(8)


@pytest.mark.parametrize(
    ("container", "tagged"),
    [
        (FLAC, flac),
        (OGG, ogg),
        (M4A, apple),
        (WAV, listed),
        (WAV, id3_in_chunks),
        (CAF, caf),
        (MP3, ape),
        (AAC, lambda count: ape(count) + b"TAG" + bytes(125)),
        (WAVPACK, ape),
    ],
)
def test_no_more_entries_are_taken_than_are_read_quickly(
    container: Container, tagged: Callable[[int], bytes]
) -> None:
    check(tagged(MAX_TAG_ENTRIES), container)
    with pytest.raises(AudioRejected, match="4096") as refused:
        check(tagged(MAX_TAG_ENTRIES + 2), container)
    assert refused.value.code == "tags_too_large"


@pytest.mark.parametrize("version", [2, 3, 4])
def test_the_frames_of_all_id3_tags_together_are_counted(version: int) -> None:
    tags = id3(MAX_TAG_ENTRIES, version)
    assert audio_offset(io.BytesIO(tags + b"\xff\xfb")) == len(tags)
    with pytest.raises(AudioRejected, match="4096 frames") as refused:
        audio_offset(io.BytesIO(id3(MAX_TAG_ENTRIES + 2, version) + b"\xff\xfb"))
    assert refused.value.code == "tags_too_large"


def test_an_empty_id3_tag_counts_as_a_frame() -> None:
    empty = b"ID3\4" + bytes(6)
    tags = empty * MAX_TAG_ENTRIES
    assert audio_offset(io.BytesIO(tags + b"\xff\xfb")) == len(tags)
    with pytest.raises(AudioRejected, match="4096 frames"):
        audio_offset(io.BytesIO(empty * (MAX_TAG_ENTRIES + 1)))

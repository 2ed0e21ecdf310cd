"""Tags may not claim more than there is room for, and honest ones never do."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from autodj.audio.artwork import draw_cover
from autodj.audio.encode import TARGETS
from autodj.audio.identify import FLAC, M4A, MP3, OGG, OPUS, WAV, Container, identify
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

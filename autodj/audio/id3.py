"""How far an ID3v2 tag reaches, and how large its compressed frames say they become."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from autodj.errors import AudioRejected, UnsupportedMedia

MAX_TAG_BYTES = 16 * 1024 * 1024
MAX_TAG_ENTRIES = 4096
"""For each entry FFmpeg looks through all before it: ten times as many take a hundred times as
long.
"""
_HEADER_BYTES = 10
_MAX_PADDING_BYTES = 64 * 1024
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag in the file: its length with header and footer, and its frames; one at least."""

    length_bytes: int
    frames: int


def audio_offset(file: BinaryIO, max_tag_bytes: int = MAX_TAG_BYTES) -> int:
    """Where the audio starts, past any ID3v2 tags and the zero padding behind them.

    AudioRejected ``tags_too_large`` when the tags, as stored or as they unpack, exceed the
    limit or have more than ``MAX_TAG_ENTRIES`` frames; UnsupportedMedia when a tag header is
    malformed.
    """
    offset, frames_left = 0, MAX_TAG_ENTRIES
    while tag := tag_at(file, offset, max_tag_bytes - offset, frames_left):
        offset += tag.length_bytes
        frames_left -= tag.frames
    return offset + _zeros_at(file, offset) if offset else 0


def tag_at(file: BinaryIO, offset: int, max_bytes: int, max_frames: int) -> Tag | None:
    """The tag at ``offset``, None where none starts; raises as ``audio_offset`` does."""
    header = read_at(file, offset, _HEADER_BYTES)
    if len(header) < _HEADER_BYTES or header[:3] != b"ID3":
        return None
    if header[3] == 0xFF or header[4] == 0xFF or max(header[6:10]) >= 0x80:
        raise UnsupportedMedia("The ID3 header is malformed.")
    size = _HEADER_BYTES + _syncsafe(header[6:10])
    if size > max_bytes:
        raise _too_large("The ID3 tag is larger than is taken.")
    inflated_bytes = list(islice(_frames_inflated(read_at(file, offset, size)), max_frames + 1))
    frames = max(1, len(inflated_bytes))
    if frames > max_frames:
        raise _too_large(f"The ID3 tags have more than {MAX_TAG_ENTRIES} frames.")
    if size + sum(inflated_bytes) > max_bytes:
        raise _too_large("The ID3 tag unpacks to more than is taken.")
    footer_bytes = _HEADER_BYTES if header[5] & _FOOTER else 0
    return Tag(size + footer_bytes, frames)


def _frames_inflated(tag: bytes) -> Iterator[int]:
    """For every frame what it unpacks to, 0 for one that is stored as it is."""
    version, flags, body = tag[3], tag[5], tag[_HEADER_BYTES:]
    if version not in _FRAMES:
        return
    if flags & _UNSYNCHRONISED and version < 4:
        body = body.replace(b"\xff\x00", b"\xff")
    at = 0
    if flags & _EXTENDED and version > 2:
        # Its size counts itself in version 4 only.
        at = _syncsafe(body[:4]) + (4 if version == 3 else 0)
    header_bytes, read_frame = _FRAMES[version]
    while at + header_bytes < len(body) and body[at]:
        size, inflated_bytes = read_frame(body[at : at + header_bytes + 4])
        yield inflated_bytes
        at += header_bytes + size


def _frame_2(header: bytes) -> tuple[int, int]:
    return int.from_bytes(header[3:6], "big"), 0


def _frame_3(header: bytes) -> tuple[int, int]:
    inflated_bytes = int.from_bytes(header[10:14], "big") if header[9] & 0x80 else 0
    return int.from_bytes(header[4:8], "big"), inflated_bytes


def _frame_4(header: bytes) -> tuple[int, int]:
    return _syncsafe(header[4:8]), _syncsafe(header[10:14]) if header[9] & 0x08 else 0


# By version, how long a frame's header is, and what reads from it the bytes behind it and those
# that they unpack to (ID3v2.2 section 3.2, v2.3 section 3.3.1, v2.4 section 4.1).
_FRAMES = {2: (6, _frame_2), 3: (10, _frame_3), 4: (10, _frame_4)}


def _too_large(detail: str) -> AudioRejected:
    return AudioRejected(detail, code="tags_too_large")


def _zeros_at(file: BinaryIO, offset: int) -> int:
    padding = read_at(file, offset, _MAX_PADDING_BYTES)
    return len(padding) - len(padding.lstrip(b"\0"))


def _syncsafe(four: bytes) -> int:
    value = 0
    for byte in four:
        value = value << 7 | byte & 0x7F
    return value


def read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    """Up to ``count`` bytes from ``offset`` on; fewer where the file ends."""
    file.seek(offset)
    return file.read(count)

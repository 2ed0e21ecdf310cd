"""How far an ID3v2 tag reaches, and how large its compressed frames say they become."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from autodj.errors import AudioRejected, UnsupportedMedia

MAX_TAG_BYTES = 16 * 1024 * 1024
_HEADER_BYTES = 10
_MAX_PADDING_BYTES = 64 * 1024
_MAX_FRAMES = 4096
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10


def audio_offset(file: BinaryIO, max_tag_bytes: int = MAX_TAG_BYTES) -> int:
    """Where the audio starts, past any ID3v2 tags and the zero padding behind them.

    AudioRejected ``tags_too_large`` when the tags, as stored or as they unpack, exceed the
    limit; UnsupportedMedia when a tag header is malformed.
    """
    offset = 0
    while (size := check(file, offset, max_tag_bytes - offset)) > 0:
        offset += size
    return offset + _zeros_at(file, offset) if offset else 0


def check(file: BinaryIO, offset: int, max_tag_bytes: int) -> int:
    """The bytes of the tag at ``offset`` with its header, 0 where none starts; raises as
    ``audio_offset`` does.
    """
    header = _read(file, offset, _HEADER_BYTES)
    if len(header) < _HEADER_BYTES or header[:3] != b"ID3":
        return 0
    if header[3] == 0xFF or header[4] == 0xFF or max(header[6:10]) >= 0x80:
        raise UnsupportedMedia("The ID3 header is malformed.")
    size = _HEADER_BYTES + _syncsafe(header[6:10])
    if size > max_tag_bytes or size + _inflated_bytes(file, offset, size) > max_tag_bytes:
        raise AudioRejected("The ID3 tag is larger than is taken.", code="tags_too_large")
    return size + (_HEADER_BYTES if header[5] & _FOOTER else 0)


def _inflated_bytes(file: BinaryIO, offset: int, size: int) -> int:
    tag = _read(file, offset, size)
    version, flags, body = tag[3], tag[5], tag[_HEADER_BYTES:]
    if version not in (3, 4):
        return 0
    if flags & _UNSYNCHRONISED and version == 3:
        body = body.replace(b"\xff\x00", b"\xff")
    start = 0
    if flags & _EXTENDED:
        # Its size counts itself in version 4 only.
        start = _syncsafe(body[:4]) + (4 if version == 3 else 0)
    return sum(_frames_inflated(body, version, start))


def _frames_inflated(body: bytes, version: int, at: int) -> Iterator[int]:
    """The unpacked size of every compressed frame (ID3v2.3 section 3.3.1, v2.4 section 4.1)."""
    for _ in range(_MAX_FRAMES):
        header = body[at : at + 14]
        if len(header) < 14 or header[0] == 0:
            return
        flags = header[9]
        if version == 3:
            size = int.from_bytes(header[4:8], "big")
            if flags & 0x80:
                yield int.from_bytes(header[10:14], "big")
        else:
            size = _syncsafe(header[4:8])
            if flags & 0x08:
                yield _syncsafe(header[10:14])
        at += _HEADER_BYTES + size
    raise AudioRejected("The ID3 tag has more frames than are read.", code="tags_too_large")


def _zeros_at(file: BinaryIO, offset: int) -> int:
    padding = _read(file, offset, _MAX_PADDING_BYTES)
    return len(padding) - len(padding.lstrip(b"\0"))


def _syncsafe(four: bytes) -> int:
    value = 0
    for byte in four:
        value = value << 7 | byte & 0x7F
    return value


def _read(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)

"""How far an ID3v2 tag reaches, and how large its compressed frames say they become."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from autodj.errors import AudioRejected, UnsupportedMedia

MAX_TAG_BYTES = 16 * 1024 * 1024
_HEADER_BYTES = 10
_MAX_PADDING_BYTES = 64 * 1024
_MAX_FRAMES = 4096


def audio_offset(file: BinaryIO, max_tag_bytes: int = MAX_TAG_BYTES) -> int:
    """Where the audio starts, past any ID3v2 tags and the zero padding behind them.

    AudioRejected ``tags_too_large`` when the tags, as stored or as they unpack, exceed the
    limit; UnsupportedMedia when a tag header is malformed.
    """
    offset = 0
    while (size := _tag_bytes(file, offset)) > 0:
        if offset + size + _inflated_bytes(file, offset, offset + size) > max_tag_bytes:
            raise AudioRejected(
                f"The ID3 tag is larger than {max_tag_bytes} bytes.", code="tags_too_large"
            )
        offset += size
    return offset + _zeros_at(file, offset) if offset else 0


def _tag_bytes(file: BinaryIO, offset: int) -> int:
    header = _read(file, offset, _HEADER_BYTES)
    if len(header) < _HEADER_BYTES or header[:3] != b"ID3":
        return 0
    if header[3] == 0xFF or header[4] == 0xFF or max(header[6:10]) >= 0x80:
        raise UnsupportedMedia("The ID3 header is malformed.")
    footer = _HEADER_BYTES if header[5] & 0x10 else 0
    return _HEADER_BYTES + _syncsafe(header[6:10]) + footer


def _inflated_bytes(file: BinaryIO, start: int, stop: int) -> int:
    version = _read(file, start, 4)[3]
    return sum(_frames_inflated(file, version, start + _HEADER_BYTES, stop))


def _frames_inflated(file: BinaryIO, version: int, offset: int, stop: int) -> Iterator[int]:
    """The unpacked size of every compressed frame (ID3v2.3 section 3.3.1, v2.4 section 4.1)."""
    if version not in (3, 4):
        return
    for _ in range(_MAX_FRAMES):
        header = _read(file, offset, 14)
        if offset + _HEADER_BYTES > stop or len(header) < 14 or header[0] == 0:
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
        offset += _HEADER_BYTES + size


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

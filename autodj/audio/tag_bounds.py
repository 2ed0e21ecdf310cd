"""What tags inside a file claim to hold, compared with the limit and with the place they have.

FFmpeg passes over most such lies in silence; a file that tells them was made to hurt somebody.
ID3v2 in front of the audio is seen to where the audio is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from autodj.audio import id3
from autodj.audio.claims import ByteOrder, riff_chunks
from autodj.audio.identify import AIFF, FLAC, M4A, OGG, OPUS, WAV, Container
from autodj.errors import AudioRejected

_MOST_PARTS = 4096
_COMMENT_BLOCK = 4
_LAST_BLOCK = 0x80
_PAGE_HEADER_BYTES = 27
_WHOLE_LACING = 255
# What stands in front of the comments in the second packet (Vorbis I, RFC 7845, RFC 9639 10.1).
_COMMENT_PREFIXES = (b"\x03vorbis", b"OpusTags", b"\x84", b"\x04")
_FLAC_BLOCK_HEADER_BYTES = 4
_WAY_TO_ITEMS = (b"moov", b"udta", b"meta", b"ilst")

Span = tuple[bytes, int, int]
"""The name of a part of the file, where its content starts, and where it says that it stops."""


def check_tags(file: BinaryIO, container: Container, max_tag_bytes: int) -> None:
    """AudioRejected ``tags_too_large`` for tags beyond the limit or beyond what holds them."""
    check = _CHECKS.get(container)
    if check is not None:
        check(file, max_tag_bytes)


def _flac(file: BinaryIO, max_tag_bytes: int) -> None:
    """The VORBIS_COMMENT block (RFC 9639, section 8.6)."""
    at = id3.audio_offset(file, max_tag_bytes) + 4
    for _ in range(_MOST_PARTS):
        header = _read(file, at, _FLAC_BLOCK_HEADER_BYTES)
        if len(header) < _FLAC_BLOCK_HEADER_BYTES:
            return
        size = int.from_bytes(header[1:], "big")
        if header[0] & ~_LAST_BLOCK == _COMMENT_BLOCK:
            _check_comments(_read(file, at + _FLAC_BLOCK_HEADER_BYTES, size))
        if header[0] & _LAST_BLOCK:
            return
        at += _FLAC_BLOCK_HEADER_BYTES + size


def _ogg(file: BinaryIO, max_tag_bytes: int) -> None:
    """The second packet, which holds the comments of Vorbis, Opus and FLAC alike."""
    packet = _second_packet(file, max_tag_bytes)
    for prefix in _COMMENT_PREFIXES:
        if packet.startswith(prefix):
            start = _FLAC_BLOCK_HEADER_BYTES if len(prefix) == 1 else len(prefix)
            _check_comments(packet[start:])
            return


def _second_packet(file: BinaryIO, max_tag_bytes: int) -> bytes:
    """Put together from as many pages as it takes (RFC 3533, section 6)."""
    at, number, packet = 0, 0, bytearray()
    while len(packet) <= max_tag_bytes:
        header = _read(file, at, _PAGE_HEADER_BYTES)
        if len(header) < _PAGE_HEADER_BYTES or header[:4] != b"OggS":
            return b""
        lacing = _read(file, at + _PAGE_HEADER_BYTES, header[-1])
        at += _PAGE_HEADER_BYTES + len(lacing)
        for size in lacing:
            if number == 1:
                packet += _read(file, at, size)
            at += size
            if size < _WHOLE_LACING:
                number += 1
            if number > 1:
                return bytes(packet)
    raise _too_large(f"The comments are larger than {max_tag_bytes} bytes.")


def _check_comments(block: bytes) -> None:
    """Each comment has at least its length, four bytes; the maker's name stands in front."""
    count_at = 4 + int.from_bytes(block[:4], "little")
    count = int.from_bytes(block[count_at : count_at + 4], "little")
    if count_at + 4 > len(block) or 4 * count > len(block) - count_at - 4:
        raise _too_large(f"The tag claims {count} comments in {len(block)} bytes.")


def _mp4(file: BinaryIO, max_tag_bytes: int) -> None:
    """The boxes of ``moov/udta/meta/ilst``, and what each of them holds."""
    spans = [(b"", 0, file.seek(0, 2))]
    for name in _WAY_TO_ITEMS:
        spans = [
            (name, start, min(stop, span[2]))
            for span in spans
            for found, start, stop in _boxes(file, span)
            if found == name
        ]
    for items in spans:
        for item in _boxes(file, items):
            _check_box(item, items, max_tag_bytes)
            for part in _boxes(file, item):
                _check_box(part, item, max_tag_bytes)


def _check_box(box: Span, holder: Span, max_tag_bytes: int) -> None:
    if box[2] > holder[2] or box[2] - box[1] > max_tag_bytes:
        raise _too_large("A tag claims to be larger than what holds it.")


def _boxes(file: BinaryIO, span: Span) -> Iterator[Span]:
    """The boxes inside another; where one says that it stops may lie beyond."""
    name, at, stop = span
    if name == b"meta" and _read(file, at + 4, 4) != b"hdlr":
        at += 4  # a version and flags, which QuickTime leaves out
    for _ in range(_MOST_PARTS):
        header = _read(file, at, 8) if at + 8 <= stop else b""
        if len(header) < 8:
            return
        size = int.from_bytes(header[:4], "big")
        start = at + 8
        if size == 1:
            size, start = int.from_bytes(_read(file, start, 8), "big"), at + 16
        end = at + size if size else stop
        if end < start:
            return
        yield header[4:], start, end
        at = end


def _chunked(file: BinaryIO, max_tag_bytes: int) -> None:
    """An ID3 tag in a chunk of its own."""
    order: ByteOrder = "little" if _read(file, 0, 1) == b"R" else "big"
    for name, _, offset in riff_chunks(file, order):
        if name in {b"ID3 ", b"id3 "}:
            id3.check(file, offset, max_tag_bytes)


def _too_large(detail: str) -> AudioRejected:
    return AudioRejected(detail, code="tags_too_large")


def _read(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


_CHECKS: Mapping[Container, Callable[[BinaryIO, int], None]] = {
    FLAC: _flac,
    OGG: _ogg,
    OPUS: _ogg,
    M4A: _mp4,
    WAV: _chunked,
    AIFF: _chunked,
}

"""What tags inside a file claim to hold, compared with the limit and with the place they have.

FFmpeg passes over most such lies in silence; a file that tells them was made to hurt somebody.
ID3v2 in front of the audio is seen to where the audio is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO

from autodj.audio import id3
from autodj.audio.claims import ByteOrder, long_chunks, riff_chunks
from autodj.audio.id3 import MAX_TAG_ENTRIES, read_at
from autodj.audio.identify import (
    AAC,
    AIFF,
    CAF,
    FLAC,
    M4A,
    MP3,
    OGG,
    OPUS,
    WAV,
    WAVPACK,
    Container,
)
from autodj.audio.mp4 import Span, boxes, item_lists
from autodj.errors import AudioRejected

_MOST_PARTS = MAX_TAG_ENTRIES + 1
# Those without a name, which are padding, among them.
_MOST_IN_LIST = 16 * MAX_TAG_ENTRIES
_COMMENT_BLOCK = 4
_LAST_BLOCK = 0x80
_PAGE_HEADER_BYTES = 27
_WHOLE_LACING = 255
# What stands in front of the comments in the second packet (Vorbis I, RFC 7845, RFC 9639 10.1).
_COMMENT_PREFIXES = (b"\x03vorbis", b"OpusTags", b"\x84", b"\x04")
_FLAC_BLOCK_HEADER_BYTES = 4
_APE_FOOTER_BYTES, _ID3V1_BYTES = 32, 128


def check_tags(file: BinaryIO, container: Container, max_tag_bytes: int) -> None:
    """AudioRejected ``tags_too_large`` for tags beyond the limit or beyond what holds them, and
    for more than ``MAX_TAG_ENTRIES``.
    """
    check = _CHECKS.get(container)
    if check is not None:
        check(file, max_tag_bytes)


def _flac(file: BinaryIO, max_tag_bytes: int) -> None:
    """The VORBIS_COMMENT blocks (RFC 9639, section 8.6), of which there should be one."""
    at, entries = id3.audio_offset(file, max_tag_bytes) + 4, 0
    for _ in range(_MOST_PARTS):
        header = read_at(file, at, _FLAC_BLOCK_HEADER_BYTES)
        if len(header) < _FLAC_BLOCK_HEADER_BYTES:
            return
        size = int.from_bytes(header[1:], "big")
        if header[0] & ~_LAST_BLOCK == _COMMENT_BLOCK:
            entries += _count_comments(read_at(file, at + _FLAC_BLOCK_HEADER_BYTES, size))
            _check_count(entries)
        if header[0] & _LAST_BLOCK:
            return
        at += _FLAC_BLOCK_HEADER_BYTES + size


def _ogg(file: BinaryIO, max_tag_bytes: int) -> None:
    """The second packet, which holds the comments of Vorbis, Opus and FLAC alike."""
    packet = _second_packet(file, max_tag_bytes)
    for prefix in _COMMENT_PREFIXES:
        if packet.startswith(prefix):
            start = _FLAC_BLOCK_HEADER_BYTES if len(prefix) == 1 else len(prefix)
            _check_count(_count_comments(packet[start:]))
            return


def _second_packet(file: BinaryIO, max_tag_bytes: int) -> bytes:
    """Put together from as many pages as it takes (RFC 3533, section 6)."""
    at, number, packet = 0, 0, bytearray()
    while len(packet) <= max_tag_bytes:
        header = read_at(file, at, _PAGE_HEADER_BYTES)
        if len(header) < _PAGE_HEADER_BYTES or header[:4] != b"OggS":
            return b""
        lacing = read_at(file, at + _PAGE_HEADER_BYTES, header[-1])
        at += _PAGE_HEADER_BYTES + len(lacing)
        for size in lacing:
            if number == 1:
                packet += read_at(file, at, size)
            at += size
            if size < _WHOLE_LACING:
                number += 1
            if number > 1:
                return bytes(packet)
    raise _too_large(f"The comments are larger than {max_tag_bytes} bytes.")


def _count_comments(block: bytes) -> int:
    """How many there are. Each has at least its length, four bytes; the maker's name stands in
    front.
    """
    count_at = 4 + int.from_bytes(block[:4], "little")
    count = int.from_bytes(block[count_at : count_at + 4], "little")
    if count_at + 4 > len(block) or 4 * count > len(block) - count_at - 4:
        raise _too_large(f"The tag claims {count} comments in {len(block)} bytes.")
    return count


def _mp4(file: BinaryIO, max_tag_bytes: int) -> None:
    """The boxes of ``moov/udta/meta/ilst``, and what each of them holds."""
    entries = 0
    for items in item_lists(file):
        for item in boxes(file, items):
            entries += 1
            _check_count(entries)
            _check_box(item, items, max_tag_bytes)
            for part in boxes(file, item):
                _check_box(part, item, max_tag_bytes)


def _check_box(box: Span, holder: Span, max_tag_bytes: int) -> None:
    if box[2] > holder[2] or box[2] - box[1] > max_tag_bytes:
        raise _too_large("A tag claims to be larger than what holds it.")


def _chunked(file: BinaryIO, max_tag_bytes: int) -> None:
    """ID3 tags in chunks of their own, and the lists of RIFF."""
    order: ByteOrder = "little" if read_at(file, 0, 1) == b"R" else "big"
    entries = 0
    for name, size, offset in riff_chunks(file, order):
        if name in {b"ID3 ", b"id3 "}:
            tag = id3.tag_at(file, offset, max_tag_bytes, MAX_TAG_ENTRIES)
            entries += tag.frames if tag else 0
        elif name == b"LIST" and read_at(file, offset, 4) == b"INFO":
            inside = riff_chunks(file, order, offset + 4, offset + size, _MOST_IN_LIST)
            entries += sum(any(name) for name, *_ in inside)
        _check_count(entries)


def _caf(file: BinaryIO, _max_tag_bytes: int) -> None:
    """The ``info`` chunks, which begin with how many strings they hold."""
    infos = (offset for name, _, offset in long_chunks(file) if name == b"info")
    _check_count(sum(int.from_bytes(read_at(file, offset, 4), "big") for offset in infos))


def _ape(file: BinaryIO, _max_tag_bytes: int) -> None:
    """The APEv2 tag at the end of the file, or in front of an ID3v1 tag there."""
    size = file.seek(0, 2)
    for behind in (0, _ID3V1_BYTES):
        footer = read_at(file, max(0, size - behind - _APE_FOOTER_BYTES), _APE_FOOTER_BYTES)
        if footer.startswith(b"APETAGEX"):
            _check_count(int.from_bytes(footer[16:20], "little"))


def _check_count(entries: int) -> None:
    if entries > MAX_TAG_ENTRIES:
        raise _too_large(f"The tags have more than {MAX_TAG_ENTRIES} entries.")


def _too_large(detail: str) -> AudioRejected:
    return AudioRejected(detail, code="tags_too_large")


_CHECKS: Mapping[Container, Callable[[BinaryIO, int], None]] = {
    FLAC: _flac,
    OGG: _ogg,
    OPUS: _ogg,
    M4A: _mp4,
    WAV: _chunked,
    AIFF: _chunked,
    CAF: _caf,
    MP3: _ape,
    AAC: _ape,
    WAVPACK: _ape,
}

"""The comments of a FLAC file (RFC 9639): some replaced, all else kept byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from autodj.audio.id3 import audio_offset
from autodj.errors import CommandError

_MARKER = b"fLaC"
_LAST = 0x80
_STREAM_INFO = 0
_COMMENTS = 4
_VENDOR = b"autodj"
_MAX_BLOCK_BYTES = (1 << 24) - 1


def replace(file: BinaryIO, comments: Mapping[str, str]) -> bytes:
    """Everything in front of the audio, with ``comments`` in place of those of the same
    names; the file is left where its audio starts. CommandError for damaged metadata.
    """
    file.seek(0)
    start = audio_offset(file)
    file.seek(0)
    front = file.read(start)
    if file.read(4) != _MARKER:
        raise _damaged()
    blocks = list(_blocks(file))
    if blocks[0][0] != _STREAM_INFO:
        raise _damaged()
    old = next((content for kind, content in blocks if kind == _COMMENTS), None)
    packed = _pack(*_merge(old, comments))
    if len(packed) > _MAX_BLOCK_BYTES:
        raise _damaged()
    first, *others = [block for block in blocks if block[0] != _COMMENTS]
    kept = [first, (_COMMENTS, packed), *others]
    written = [
        bytes([kind | (_LAST if index == len(kept) - 1 else 0)])
        + len(content).to_bytes(3, "big")
        + content
        for index, (kind, content) in enumerate(kept)
    ]
    return b"".join([front, _MARKER, *written])


def _blocks(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    last = False
    while not last:
        header = file.read(4)
        if len(header) < 4:
            raise _damaged()
        last = bool(header[0] & _LAST)
        size = int.from_bytes(header[1:], "big")
        content = file.read(size)
        if len(content) < size:
            raise _damaged()
        yield header[0] & ~_LAST, content


def _merge(old: bytes | None, comments: Mapping[str, str]) -> tuple[bytes, Sequence[bytes]]:
    """Vendor and comments."""
    vendor, had = (_VENDOR, ()) if old is None else _unpack(old)
    kept = [each for each in had if _name(each) not in comments]
    return vendor, [*kept, *(f"{name}={value}".encode() for name, value in comments.items())]


def _unpack(content: bytes) -> tuple[bytes, Sequence[bytes]]:
    vendor, at = _string(content, 0)
    count = int.from_bytes(content[at : at + 4], "little")
    at += 4
    found = []
    for _ in range(count):
        text, at = _string(content, at)
        found.append(text)
    return vendor, found


def _string(content: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(content[at : at + 4], "little")
    end = at + 4 + size
    if at + 4 > len(content) or end > len(content):
        raise _damaged()
    return content[at + 4 : end], end


def _pack(vendor: bytes, comments: Sequence[bytes]) -> bytes:
    strings = [vendor, *comments]
    sized = [len(each).to_bytes(4, "little") + each for each in strings]
    return b"".join([sized[0], len(comments).to_bytes(4, "little"), *sized[1:]])


def _name(comment: bytes) -> str:
    return comment.partition(b"=")[0].decode("ascii", errors="replace").upper()


def _damaged() -> CommandError:
    return CommandError(
        "Its FLAC metadata is damaged; no copy is made", hint="Export the track in another format."
    )
